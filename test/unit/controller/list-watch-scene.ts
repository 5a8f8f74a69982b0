// A list-watch on a scripted server, through the real transport, and what came of it.
import assert from 'node:assert/strict';
import type { Resource } from '../../../src/kubernetes/object.ts';
import { openSource, type SourceOptions } from '../../../src/kubernetes/source.ts';
import { openTransport } from '../../../src/kubernetes/transport.ts';
import { Cache } from '../../../src/operator/controller/cache.ts';
import { type Clock, systemClock } from '../../../src/operator/controller/clock.ts';
import { noMetrics } from '../../../src/operator/controller/collaborators.ts';
import { ListWatch, type ListWatchOptions } from '../../../src/operator/controller/list-watch.ts';
import { ScriptedServer, type TestObject } from './scripted-server.ts';

const JOBS: Resource<TestObject> = {
  group: 'batch',
  version: 'v1',
  plural: 'jobs',
  kind: 'Job',
  scope: 'Namespaced',
};

/** Waits pass a hundred times as fast; their lengths are kept for the test to see. */
export class HastyClock implements Clock {
  readonly delays: number[] = [];
  now = systemClock.now;
  monotonicMs = systemClock.monotonicMs;

  setTimeout(task: () => void, delayMs: number): () => void {
    this.delays.push(delayMs);
    return systemClock.setTimeout(task, delayMs / 100);
  }
}

interface Scene extends AsyncDisposable {
  readonly cache: Cache<TestObject>;
  readonly listWatch: ListWatch<TestObject>;
  /** `Added a@1`, `Updated a@1→a@2`, `Deleted a@2`. */
  readonly told: string[];
  readonly ends: string[];
  readonly clock: HastyClock;
  readonly missed: () => number;
  readonly reconnections: () => number;
}

export async function begin(
  server: ScriptedServer,
  options: ListWatchOptions & { source?: SourceOptions<TestObject> } = {},
): Promise<Scene> {
  const transport = await openTransport({ source: { kind: 'Explicit', server: server.address }, version: '0.0.0' });
  let missed = 0;
  let reconnections = 0;
  const cache = new Cache<TestObject>();
  const told: string[] = [];
  const name = (o: TestObject | undefined): string => `${o?.metadata.name}@${o?.metadata.resourceVersion}`;
  cache.subscribe((change, before, after) =>
    told.push(change === 'Updated' ? `${change} ${name(before)}→${name(after)}` : `${change} ${name(after ?? before)}`),
  );
  const ends: string[] = [];
  const clock = new HastyClock();
  const listWatch = new ListWatch(openSource(transport, JOBS, options.source), cache, {
    clock,
    metrics: {
      ...noMetrics,
      watchEnded: (_resource, end) => ends.push(end),
      watchReconnected: () => {
        reconnections++;
      },
      eventsMissed: (_resource, count) => {
        missed += count;
      },
    },
    random: () => 1,
    ...options,
  });
  listWatch.start();
  return {
    cache,
    listWatch,
    told,
    ends,
    clock,
    missed: () => missed,
    reconnections: () => reconnections,
    async [Symbol.asyncDispose]() {
      await listWatch.stop();
      await transport.close();
    },
  };
}

export async function eventually(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!isTrue()) {
    if (performance.now() > deadline) assert.fail(`waited 5 s in vain until ${what}`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

export const server = (): Promise<ScriptedServer> => new ScriptedServer().start();
