import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noMetrics, type WorkInHand } from '../../../src/operator/controller/collaborators.ts';
import { Queue } from '../../../src/operator/controller/queue.ts';
import { FakeClock, settle } from './fake-clock.ts';

function build(): { queue: Queue; clock: FakeClock } {
  const clock = new FakeClock();
  return { queue: new Queue({ name: 'test', clock }), clock };
}

test('a key that is added twice is served once, with both reasons', async () => {
  const { queue } = build();
  queue.add('shop/a', 'spec');
  queue.add('shop/a', 'job');
  queue.add('shop/a', 'spec');
  assert.equal(queue.depth, 1);
  assert.deepEqual((await queue.take())?.why, ['spec', 'job']);
  assert.equal(queue.depth, 0);
});

test('keys are served in the order in which they came', async () => {
  const { queue } = build();
  for (const key of ['c', 'a', 'b']) queue.add(key, 'x');
  assert.deepEqual([(await queue.take())?.key, (await queue.take())?.key, (await queue.take())?.key], ['c', 'a', 'b']);
});

test('a key that is added while a worker has it comes again, but not before the worker is done', async () => {
  const { queue } = build();
  queue.add('a', 'second');
  await queue.take();
  queue.add('a', 'second');
  let next: string | undefined;
  void queue.take().then(item => {
    next = item?.why[0];
  });
  await settle();
  assert.equal(next, undefined);
  queue.done('a');
  await settle();
  assert.equal(next, 'second');
});

test('of several delays the earliest counts', async () => {
  const { queue, clock } = build();
  queue.addAfter('a', 'late', 1000);
  queue.addAfter('a', 'early', 100);
  queue.addAfter('a', 'later', 5000);
  await clock.advance(99);
  assert.equal(queue.depth, 0);
  await clock.advance(1);
  assert.equal(queue.depth, 1);
  assert.equal(clock.pendingTimers, 0);
});

test('a pass takes the place of the look that was planned', async () => {
  const { queue, clock } = build();
  queue.addAfter('a', 'due', 1000);
  queue.add('a', 'event');
  await queue.take();
  queue.done('a');
  await clock.advance(10_000);
  assert.equal(queue.depth, 0);
});

test('failures are counted by key until it succeeds', () => {
  const { queue } = build();
  assert.deepEqual([queue.failed('a'), queue.failed('a'), queue.failed('b')], [1, 2, 1]);
  queue.succeeded('a');
  assert.equal(queue.failed('a'), 1);
});

test('it says how long a key waited and how long a worker has it', async () => {
  const { queue, clock } = build();
  queue.add('a', 'x');
  await clock.advance(30);
  assert.equal((await queue.take())?.waitedMs, 30);
  await clock.advance(70);
  assert.equal(queue.longestInHandMs, 70);
  queue.done('a');
  assert.equal(queue.longestInHandMs, 0);
});

test('stopping wakes idle workers, cancels what is planned, and takes nothing more', async () => {
  const { queue, clock } = build();
  const waiting = queue.take();
  queue.addAfter('a', 'due', 1000);
  queue.stop();
  queue.add('b', 'x');
  assert.equal(await waiting, undefined);
  assert.equal(await queue.take(), undefined);
  assert.equal(clock.pendingTimers, 0);
});

test('what is in hand is told while it is in hand, for a pass that hangs ends in no other figure', async () => {
  const clock = new FakeClock();
  const read: (() => WorkInHand)[] = [];
  const metrics = { ...noMetrics, queueProgress: (_queue: string, ask: () => WorkInHand) => read.push(ask) };
  const queue = new Queue({ name: 'test', clock, metrics });
  const now = (): unknown => read.map(ask => ask());
  for (const key of ['a', 'b']) queue.add(key, 'x');
  await queue.take();
  await clock.advance(3_000);
  await queue.take();
  await clock.advance(2_000);
  assert.deepEqual(now(), [{ unfinishedSeconds: 7, longestSeconds: 5 }]);
  queue.done('a');
  queue.done('b');
  assert.deepEqual(now(), [{ unfinishedSeconds: 0, longestSeconds: 0 }]);
});
