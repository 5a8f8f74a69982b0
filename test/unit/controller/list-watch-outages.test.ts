// What servers and networks do on bad days.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../src/operator/controller/clock.ts';
import { begin, eventually, server } from './list-watch-scene.ts';
import { bookmark, event, gone, list, object, status, watch } from './scripted-server.ts';

test('429 is obeyed: not earlier than Retry-After says', async () => {
  await using api = (await server())
    .lists(list(10))
    .watches(
      status(429, 'TooManyRequests', 'storage is (re)initializing', { 'retry-after': '7' }),
      watch([event('ADDED', object('a', 11))]),
    );
  await using scene = await begin(api, { random: () => 0 });
  await eventually('a is there', () => scene.cache.get('shop/a') !== undefined);
  assert.deepEqual(scene.ends, ['throttled']);
  assert.deepEqual(scene.clock.delays, [7000]);
});

test('an ERROR event that is not 410 breaks the watch, which goes on from where it was', async () => {
  const trouble = event('ERROR', {
    kind: 'Status',
    code: 500,
    reason: 'InternalError',
    message: 'etcd leader changed',
  });
  await using api = (await server())
    .lists(list(10))
    .watches(watch([event('ADDED', object('a', 11)), trouble]), watch([event('ADDED', object('b', 12))]));
  await using scene = await begin(api);
  await eventually('b is there', () => scene.cache.get('shop/b') !== undefined);
  assert.equal(api.count('list'), 1);
  assert.equal(api.seen.at(-1)?.url.searchParams.get('resourceVersion'), '11');
});

test('a bookmark moves the place from which a broken watch goes on', async () => {
  await using api = (await server()).lists(list(10)).watches(watch([bookmark(77)], 'reset'), watch([]));
  await using scene = await begin(api);
  await eventually('it watches again', () => api.count('watch') === 2);
  assert.equal(api.seen.at(-1)?.url.searchParams.get('resourceVersion'), '77');
  assert.equal(scene.cache.seenVersion('shop/a'), '77');
});

test('an object that was deleted and created again in a gap is told as a deletion and an addition', async () => {
  await using api = (await server())
    .lists(list(10, object('a', 5)), list(90, object('a', 50, 'second')))
    .watches(watch([gone], 'end'), watch([event('MODIFIED', object('a', 95, 'third'))]));
  await using scene = await begin(api);
  await eventually('the third is there', () => scene.cache.get('shop/a')?.metadata.uid === 'third');
  assert.deepEqual(scene.told, ['Added a@5', 'Deleted a@5', 'Added a@50', 'Deleted a@50', 'Added a@95']);
});

test('repeats, old events and events about the dead change nothing', async () => {
  await using api = (await server())
    .lists(list(10, object('a', 5)))
    .watches(
      watch([
        event('MODIFIED', object('a', 12)),
        event('MODIFIED', object('a', 12)),
        event('MODIFIED', object('a', 11)),
        event('ADDED', object('b', 13)),
        event('DELETED', object('b', 15)),
        event('MODIFIED', object('b', 14)),
        event('DELETED', object('a', 9, 'an earlier a')),
        event('ADDED', object('end', 16)),
      ]),
    );
  await using scene = await begin(api);
  await eventually('the end is there', () => scene.cache.get('shop/end') !== undefined);
  assert.deepEqual(scene.told, ['Added a@5', 'Updated a@5→a@12', 'Added b@13', 'Deleted b@13', 'Added end@16']);
});

test('a half-open connection is given up after the silence limit', async () => {
  await using api = (await server()).lists(list(10)).watches(watch([]), watch([event('ADDED', object('a', 11))]));
  await using scene = await begin(api, { silenceMs: 300 });
  await eventually('a is there', () => scene.cache.get('shop/a') !== undefined);
  assert.equal(scene.ends[0], 'silence');
});

test('a list whose JSON is cut short is garbled and asked for again: none of it is believed', async () => {
  const whole = JSON.stringify({ metadata: { resourceVersion: '10' }, items: [object('a', 5), object('b', 6)] });
  await using api = (await server())
    .lists(
      response => response.end(whole.slice(0, -30)),
      response =>
        response
          .writeHead(200, { 'content-length': whole.length })
          .write(whole.slice(0, -30), () => response.socket?.destroy()),
      list(10, object('c', 7)),
    )
    .watches(watch([]));
  await using scene = await begin(api);
  await scene.listWatch.whenSynced();
  assert.deepEqual(scene.told, ['Added c@7']);
  assert.deepEqual(scene.ends, ['garbled', 'reset']);
});

test('a slow list is waited for, and a watch that answers slowly is not silent', async () => {
  await using api = (await server())
    .lists((response, url, request) => void setTimeout(() => list(10, object('a', 5))(response, url, request), 200))
    .watches(async response => {
      response.writeHead(200).flushHeaders();
      for (let beat = 11; beat < 20; beat++) {
        response.write(`${JSON.stringify(bookmark(beat))}\n`);
        await new Promise(resolve => setTimeout(resolve, 100));
      }
      response.write(`${JSON.stringify(event('ADDED', object('b', 20)))}\n`);
    });
  await using scene = await begin(api, { silenceMs: 600 });
  await eventually('b is there', () => scene.cache.get('shop/b') !== undefined);
  assert.deepEqual(scene.ends, []);
});

test('a server that closes every watch at once is not hammered', async () => {
  await using api = (await server()).lists(list(10)).watches(watch([], 'end'));
  await using scene = await begin(api);
  await eventually('six watches were closed', () => scene.ends.length >= 6);
  assert.deepEqual(scene.clock.delays.slice(0, 5), [500, 1000, 2000, 4000, 8000]);
  assert.ok(scene.reconnections() >= 5);
});

test('a server that forgets every list at once is not hammered', async () => {
  await using api = (await server()).lists(list(10)).watches(watch([gone], 'end'));
  await using scene = await begin(api);
  await eventually('five were gone', () => scene.ends.length >= 5);
  assert.deepEqual(scene.clock.delays.slice(0, 5), [100, 200, 400, 800, 1600]);
});

test('after three broken watches in a row nothing is taken for granted', async () => {
  await using api = (await server())
    .lists(list(10, object('a', 5)), list(8, object('a', 4)))
    .watches(watch([], 'reset'), watch([], 'reset'), watch([], 'reset'), watch([]));
  await using scene = await begin(api);
  await eventually('it watches again', () => api.count('watch') === 4);
  // The list is the truth even when it is older: etcd may have been restored from a backup.
  assert.deepEqual(scene.told, ['Added a@5', 'Updated a@5→a@4']);
  assert.equal(scene.cache.seenVersion('shop/a'), '8');
});

test('a list is repeated when the last one is long ago', async () => {
  await using api = (await server())
    .lists(list(10), list(20, object('unheard-of', 15)))
    .watches(watch([bookmark(11)], 'end'), watch([]));
  await using scene = await begin(api, { relistMs: 0 });
  await eventually('it is found', () => scene.cache.get('shop/unheard-of') !== undefined);
  assert.deepEqual(scene.ends, ['time']);
  assert.deepEqual([scene.missed(), scene.reconnections()], [1, 0]);
});

test('stopping during back-off ends at once and leaves nothing', async () => {
  await using api = (await server()).lists(status(429, 'TooManyRequests', 'later', { 'retry-after': '60' }));
  const scene = await begin(api, { clock: systemClock });
  await eventually('the list failed', () => scene.ends.length === 1);
  const started = performance.now();
  await scene[Symbol.asyncDispose]();
  assert.ok(performance.now() - started < 500);
  assert.equal(process.getActiveResourcesInfo().filter(resource => resource === 'Timeout').length, 0);
});

test('stopping during a watch ends it without a delay and tells nothing more', async () => {
  await using api = (await server()).lists(list(10)).watches(watch([event('ADDED', object('a', 11))]));
  const scene = await begin(api);
  await eventually('a is there', () => scene.cache.get('shop/a') !== undefined);
  await scene[Symbol.asyncDispose]();
  assert.deepEqual(scene.ends, ['stopped']);
});

test('an API server that restarts is found again, and the watch goes on', async () => {
  await using api = (await server()).lists(list(10)).watches(watch([bookmark(12)]));
  await using scene = await begin(api);
  await eventually('the bookmark came', () => scene.cache.seenVersion('shop/a') === '12');
  api.watches(watch([event('ADDED', object('a', 13))]));
  api.cut();
  await eventually('a is there', () => scene.cache.get('shop/a') !== undefined);
  assert.deepEqual(scene.ends, ['reset']);
});
