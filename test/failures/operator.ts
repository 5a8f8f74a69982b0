// An operator in this process for one namespace, as an administrator and without leader election, whose last log lines
// are kept for a person.
import { openTransport } from '../../src/kubernetes/transport.ts';
import { type LogFields, type Logger, noMetrics } from '../../src/operator/controller/collaborators.ts';
import { createOperator } from '../../src/operator/operator.ts';

export interface Operator {
  readonly log: readonly string[];
  /** How often it has asked the API server anything. */
  readonly requests: number;
  /** Returns when nothing of it is left. A repeat does nothing. */
  stop(): Promise<void>;
}

const KEPT_LINES = 60;

export async function startOperator(path: string, namespace: string, aheadSeconds: number): Promise<Operator> {
  const ownTime = new Date(Date.now() + aheadSeconds * 1000);
  let requests = 0;
  const onRequest = (): void => {
    requests += 1;
  };
  const transport = await openTransport({ source: { kind: 'Kubeconfig', path }, version: 'test', ownTime, onRequest });
  const log: string[] = [];
  try {
    const machine = await createOperator({
      transport,
      image: { name: 'runner:played', pullPolicy: 'Never' },
      namespaces: [namespace],
      logger: keeping(log),
      metrics: noMetrics,
    });
    void machine.start();
    let stopped: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      await machine.stop();
      await transport.close();
    };
    return {
      log,
      get requests() {
        return requests;
      },
      stop() {
        stopped ??= stop();
        return stopped;
      },
    };
  } catch (error) {
    await transport.close();
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
