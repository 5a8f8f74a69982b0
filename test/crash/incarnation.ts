// One life of the operator: in this process, behind a proxy of its own, in one namespace, without leader election. It
// ends by `end`, or dies at its point: then everything it asks fails, and what is left of it is discarded.
import { openTransport } from '../../src/kubernetes/transport.ts';
import { type LogFields, type Logger, noMetrics } from '../../src/operator/controller/collaborators.ts';
import { createOperator } from '../../src/operator/operator.ts';
import type { Upstream } from '../control/world.ts';
import { type AnsweredWrite, KillingProxy, type KillPoint } from './proxy.ts';

export interface Incarnation {
  /** Resolves when its point was reached. */
  readonly killed: Promise<void>;
  readonly writes: readonly AnsweredWrite[];
  /** Its last log lines, for a person. */
  readonly log: readonly string[];
  /** Stops it, dead or alive; returns when nothing of it is left. A repeat does nothing. */
  end(): Promise<void>;
}

const KEPT_LINES = 60;
/** Of the Jobs' containers. */
export const RUNNER_IMAGE = 'runner:played';

export async function bringToLife(upstream: Upstream, namespace: string, point?: KillPoint): Promise<Incarnation> {
  const proxy = new KillingProxy(upstream, point);
  const server = await proxy.listen();
  const transport = await openTransport({ source: { kind: 'Explicit', server }, version: 'test' });
  const log: string[] = [];
  try {
    const machine = await createOperator({
      transport,
      image: { name: RUNNER_IMAGE, pullPolicy: 'Never' },
      namespaces: [namespace],
      logger: keeping(log),
      metrics: noMetrics,
    });
    void machine.start();
    const stop = async (): Promise<void> => {
      await machine.stop();
      await transport.close();
      await proxy.close();
    };
    let stopped: Promise<void> | undefined;
    const end = (): Promise<void> => {
      stopped ??= stop();
      return stopped;
    };
    return { killed: proxy.killed, writes: proxy.writes, log, end };
  } catch (error) {
    await transport.close();
    await proxy.close();
    throw error;
  }
}

function keeping(lines: string[]): Logger {
  const keep = (level: string) => (message: string, fields?: LogFields) => {
    lines.push(`${new Date().toISOString().slice(11, 23)} ${level} ${message} ${JSON.stringify(fields ?? {})}`);
    if (lines.length > KEPT_LINES) lines.shift();
  };
  return { debug() {}, info: keep('info'), warn: keep('warn'), error: keep('error') };
}
