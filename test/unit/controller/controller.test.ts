import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../../../src/kubernetes/errors.ts';
import type { KubernetesObject } from '../../../src/kubernetes/object.ts';
import { Cache } from '../../../src/operator/controller/cache.ts';
import { type LogFields, noMetrics, silentLogger } from '../../../src/operator/controller/collaborators.ts';
import { Controller } from '../../../src/operator/controller/controller.ts';
import { Expectations } from '../../../src/operator/controller/expectations.ts';
import { NotLeadingError } from '../../../src/operator/controller/guard-writes.ts';
import { Queue } from '../../../src/operator/controller/queue.ts';
import type { Reconcile } from '../../../src/operator/controller/reconcile.ts';
import { FakeClock, settle } from './fake-clock.ts';

function build(
  reconcile: Reconcile,
  options: { workers?: number; expectations?: (clock: FakeClock) => Expectations } = {},
) {
  const clock = new FakeClock();
  const queue = new Queue({ name: 'test', clock });
  const lines: LogFields[] = [];
  const outcomes: string[] = [];
  const expectations = options.expectations?.(clock);
  const keep = (_message: string, fields: LogFields = {}): void => void lines.push(fields);
  const controller = new Controller({
    name: 'test',
    queue,
    reconcile,
    clock,
    workers: options.workers ?? 2,
    logger: { ...silentLogger, info: keep, warn: keep, error: keep },
    metrics: { ...noMetrics, reconciled: (_name, outcome) => outcomes.push(outcome) },
    random: () => 1,
    ...(expectations === undefined ? {} : { expectations }),
  });
  controller.start();
  return { clock, queue, controller, lines, outcomes };
}

test('a pass says in one line what it was for, what came of it and when it looks again', async () => {
  const { queue, clock, controller, lines } = build(async () => {
    await clock.advance(7);
    return { requeueAfterMs: 30_000, summary: { step: 'Migrate' } };
  });
  queue.add('shop/a', 'spec');
  queue.add('shop/a', 'job');
  await settle();
  await settle();
  assert.deepEqual(lines, [
    {
      controller: 'test',
      key: 'shop/a',
      why: 'spec, job',
      result: 'requeue_after',
      duration_ms: 7,
      next_look_ms: 30_000,
      step: 'Migrate',
    },
  ]);
  await controller.stop(1000);
});

test('a key is looked at again when the pass asked for it', async () => {
  let passes = 0;
  const { queue, clock, controller } = build(
    async () => ({ requeueAfterMs: ++passes < 3 ? 1000 : undefined }) as object,
  );
  queue.add('a', 'spec');
  await clock.advance(10_000);
  assert.equal(passes, 3);
  await controller.stop(1000);
});

test('a pass that fails is tried again with growing delays, and a success ends the row', async () => {
  const times: number[] = [];
  const { queue, clock, controller, outcomes } = build(async () => {
    times.push(clock.monotonicMs());
    if (times.length < 4) throw new ApiError({ status: 500, reason: 'x', message: 'm', effect: 'Unknown' });
    return {};
  });
  queue.add('a', 'spec');
  await clock.advance(60_000);
  assert.deepEqual(times, [0, 500, 1500, 3500]);
  assert.deepEqual(outcomes, ['error', 'error', 'error', 'success']);
  await controller.stop(1000);
});

test('a conflict is tried again without a line, and only many in a row are a failure', async () => {
  let passes = 0;
  const { queue, clock, controller, outcomes, lines } = build(async () => {
    passes += 1;
    if (passes < 8) throw new ApiError({ status: 409, reason: 'Conflict', message: 'm', effect: 'None' });
    return {};
  });
  queue.add('a', 'spec');
  await clock.advance(60_000);
  assert.deepEqual(outcomes, [...Array(5).fill('requeue'), 'error', 'error', 'success']);
  assert.deepEqual(
    lines.map(line => line.result),
    ['error', 'error', 'success'],
  );
  await controller.stop(1000);
});

test('no key is in two hands, and no worker idles while there is work', async () => {
  const open = new Map<string, () => void>();
  let passes = 0;
  const { queue, controller } = build(
    key => {
      passes++;
      assert.ok(!open.has(key));
      return new Promise(resolve =>
        open.set(key, () => {
          open.delete(key);
          resolve({});
        }),
      );
    },
    { workers: 2 },
  );
  for (const key of ['a', 'a', 'b', 'c']) queue.add(key, 'x');
  await settle();
  queue.add('a', 'again');
  assert.deepEqual([...open.keys()], ['a', 'b']);
  open.get('a')?.();
  await settle();
  assert.deepEqual([...open.keys()], ['b', 'c']);
  open.get('b')?.();
  await settle();
  assert.deepEqual([...open.keys()], ['c', 'a']);
  for (const finish of [...open.values()]) finish();
  await settle();
  assert.equal(passes, 4);
  await controller.stop(1000);
});

test('a pass does not begin before the cache has seen what the last one wrote', async () => {
  const cache = new Cache<KubernetesObject>();
  cache.replaceAll([], '10');
  const written: KubernetesObject = { metadata: { name: 'j', namespace: 'shop', uid: 'u', resourceVersion: '12' } };
  let expectations: Expectations | undefined;
  const whys: (readonly string[])[] = [];
  const { queue, clock, controller } = build(
    async (key, why) => {
      whys.push(why);
      if (whys.length === 1) expectations?.wrote(key, 'jobs', cache, written);
      return {};
    },
    {
      expectations: clock => {
        expectations = new Expectations(clock);
        return expectations;
      },
    },
  );
  queue.add('shop/m', 'spec');
  await settle();
  queue.add('shop/m', 'pod');
  queue.add('shop/m', 'status');
  await clock.advance(2000);
  assert.equal(whys.length, 1);
  cache.upsert(written);
  await clock.advance(250);
  assert.deepEqual(whys[1], ['pod', 'status']);
  await controller.stop(1000);
});

test('a pass that takes too long is told to stop, and one that hangs far beyond is not alive', async () => {
  let wasAborted = false;
  let finish: () => void = () => {};
  const { queue, clock, controller } = build((_key, _why, signal) => {
    signal.addEventListener('abort', () => {
      wasAborted = true;
    });
    return new Promise(resolve => {
      finish = () => resolve({});
    });
  });
  queue.add('a', 'x');
  await clock.advance(120_000);
  assert.ok(wasAborted && controller.isAlive());
  await clock.advance(240_000);
  assert.equal(controller.isAlive(), false);
  finish();
  await settle();
  assert.equal(controller.isAlive(), true);
  await controller.stop(1000);
});

test('stopping waits for the pass under way and begins no other', async () => {
  let finish: () => void = () => {};
  let passes = 0;
  const { queue, clock, controller } = build(
    () => {
      passes++;
      return new Promise(resolve => {
        finish = () => resolve({ requeueAfterMs: 5 });
      });
    },
    { workers: 1 },
  );
  queue.add('a', 'x');
  queue.add('b', 'x');
  await settle();
  const stopped = controller.stop(1000);
  finish();
  assert.equal(await stopped, 'ended');
  assert.equal(passes, 1);
  assert.equal(clock.pendingTimers, 0);
});

test('stopping gives up a pass that does not heed its signal', async () => {
  const { queue, clock, controller } = build(() => new Promise(() => {}));
  queue.add('a', 'x');
  await settle();
  const stopped = controller.stop(1000);
  await clock.advance(2000);
  assert.equal(await stopped, 'abandoned');
});

test('a pass that may not write for now is tried again: no key is lost while the lease waits to be renewed', async () => {
  const times: number[] = [];
  let isLeading = false;
  const { queue, clock, controller, outcomes } = build(async () => {
    times.push(clock.monotonicMs());
    if (!isLeading) throw new NotLeadingError('creation', 'Job', 'x');
    return {};
  });
  queue.add('a', 'x');
  await clock.advance(20_000);
  assert.deepEqual(times, [0, 1000, 3000, 7000, 12_000, 17_000]);
  isLeading = true;
  await clock.advance(5_000);
  assert.equal(outcomes.at(-1), 'success');
  await controller.stop(1000);
});

test('a key whose pass always throws is tried less and less often, and never given up', async () => {
  const times: number[] = [];
  const { queue, clock, controller } = build(async () => {
    times.push(clock.monotonicMs());
    throw new TypeError('a mistake of ours');
  });
  queue.add('a', 'x');
  await clock.advance(3_600_000);
  const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  assert.deepEqual(pauses.slice(0, 5), [1000, 2000, 4000, 8000, 16_000]);
  assert.ok(pauses.every((pause, index) => index === 0 || pause >= (pauses[index - 1] ?? 0)));
  assert.equal(times.length, 20, 'passes in an hour');
  await controller.stop(1000);
});
