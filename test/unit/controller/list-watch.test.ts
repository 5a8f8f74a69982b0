import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../src/operator/controller/clock.ts';
import { type LogFields, silentLogger } from '../../../src/operator/controller/collaborators.ts';
import { begin, eventually, server } from './list-watch-scene.ts';
import { type Behaviour, event, gone, list, object, status, type TestObject, watch } from './scripted-server.ts';

test('a list-watch is synced after the first list and follows the events after it', async () => {
  await using api = (await server())
    .lists(list(10, object('a', 5), object('b', 6)))
    .watches(
      watch([event('MODIFIED', object('a', 11)), event('DELETED', object('b', 12)), event('ADDED', object('c', 13))]),
    );
  await using scene = await begin(api);
  await scene.listWatch.whenSynced();
  await eventually('c is there', () => scene.cache.get('shop/c') !== undefined);
  assert.deepEqual(scene.told, ['Added a@5', 'Added b@6', 'Updated a@5→a@11', 'Deleted b@6', 'Added c@13']);
  assert.equal(api.seen[1]?.url.searchParams.get('resourceVersion'), '10');
  assert.equal(api.seen[1]?.url.searchParams.get('allowWatchBookmarks'), 'true');
});

test('items of a list get the kind that only events carry', async () => {
  await using api = (await server()).lists(list(10, object('a', 5))).watches(watch([]));
  await using scene = await begin(api);
  await scene.listWatch.whenSynced();
  assert.equal(scene.cache.get('shop/a')?.kind, 'Job');
  assert.equal(scene.cache.get('shop/a')?.apiVersion, 'batch/v1');
  assert.ok(Object.isFrozen(scene.cache.get('shop/a')?.metadata));
});

test('a failed first list is tried again and does not count as synced', async () => {
  await using api = (await server())
    .lists(
      status(500, 'InternalError', 'etcd is away'),
      status(500, 'InternalError', 'still'),
      list(10, object('a', 5)),
    )
    .watches(watch([]));
  await using scene = await begin(api);
  await eventually('two lists were asked for', () => api.count('list') >= 2);
  await scene.listWatch.whenSynced();
  assert.deepEqual(scene.ends, ['refused', 'refused']);
  assert.deepEqual(scene.clock.delays.slice(0, 2), [500, 1000]);
});

test('a kind that does not exist yet is said at once, asked for less and less often, and found when it comes', async () => {
  const notThere: Behaviour = response =>
    response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
  const warned: unknown[] = [];
  const logger = { ...silentLogger, warn: (_text: string, fields?: LogFields) => warned.push(fields?.error) };
  await using api = (await server())
    .lists(...Array<Behaviour>(6).fill(notThere), list(10, object('a', 5)))
    .watches(watch([]));
  await using scene = await begin(api, { logger });
  await eventually('it was asked for', () => scene.listWatch.trouble !== undefined);
  assert.match(scene.listWatch.trouble ?? '', /does not know this kind yet: install its CustomResourceDefinition/);
  assert.equal(warned.length, 1);
  await scene.listWatch.whenSynced();
  assert.deepEqual(scene.clock.delays.slice(0, 6), [2000, 4000, 8000, 16_000, 30_000, 30_000]);
  assert.equal(scene.listWatch.trouble, undefined);
});

test('a watch that is reset in mid-line goes on from the last whole event', async () => {
  const half = JSON.stringify(event('ADDED', object('b', 12))).slice(0, 40);
  await using api = (await server())
    .lists(list(10))
    .watches(watch([event('ADDED', object('a', 11)), half], 'reset'), watch([event('ADDED', object('b', 12))]));
  await using scene = await begin(api);
  await eventually('b is there', () => scene.cache.get('shop/b') !== undefined);
  assert.deepEqual(scene.told, ['Added a@11', 'Added b@12']);
  assert.deepEqual(scene.ends, ['reset']);
  assert.equal(api.seen.at(-1)?.url.searchParams.get('resourceVersion'), '11');
  assert.equal(api.count('list'), 1);
});

test('a watch that ends cleanly in the middle of an event is garbled, not finished', async () => {
  await using api = (await server())
    .lists(list(10))
    .watches(watch(['{"type":"ADDED","object":{"met'], 'end'), watch([event('ADDED', object('a', 11))]));
  await using scene = await begin(api);
  await eventually('a is there', () => scene.cache.get('shop/a') !== undefined);
  assert.deepEqual(scene.ends, ['garbled']);
});

test('a line that is not JSON breaks the watch instead of being skipped', async () => {
  await using api = (await server())
    .lists(list(10))
    .watches(watch(['<html>proxy says no</html>\n']), watch([event('ADDED', object('a', 11))]));
  await using scene = await begin(api);
  await eventually('a is there', () => scene.cache.get('shop/a') !== undefined);
  assert.deepEqual(scene.ends, ['garbled']);
});

test('an event split into single bytes, inside a character too, arrives whole', async () => {
  const text = Buffer.from(`${JSON.stringify(event('ADDED', { ...object('a', 11), data: { text: 'Größe 😀' } }))}\n`);
  await using api = (await server()).lists(list(10)).watches(async response => {
    response.writeHead(200);
    for (const byte of text) {
      response.write(Buffer.from([byte]));
      await new Promise(resolve => setImmediate(resolve));
    }
  });
  await using scene = await begin(api);
  await eventually('a is there', () => scene.cache.get('shop/a') !== undefined);
  assert.equal(scene.cache.get('shop/a')?.data?.text, 'Größe 😀');
});

test('410 in the stream leads to a new list, which finds what was missed', async () => {
  await using api = (await server())
    .lists(
      list(10, object('a', 5), object('b', 6), object('c', 7)),
      list(90, object('a', 50), object('b', 6), object('d', 60)),
    )
    .watches(watch([gone], 'end'), watch([]));
  await using scene = await begin(api);
  await eventually('d is there', () => scene.cache.get('shop/d') !== undefined);
  assert.deepEqual(scene.told.slice(3), ['Deleted c@7', 'Updated a@5→a@50', 'Added d@60']);
  assert.deepEqual(scene.ends, ['gone']);
  assert.equal(scene.missed(), 3);
  await eventually('it watches again', () => api.count('watch') === 2);
  assert.equal(scene.reconnections(), 1);
  assert.equal(api.seen.at(-1)?.url.searchParams.get('resourceVersion'), '90');
});

test('410 as the answer to a watch, and then in the middle of a list, leads to a list from its beginning', async () => {
  await using api = (await server())
    .lists(
      list(10),
      response =>
        response.end(
          JSON.stringify({ metadata: { resourceVersion: '20', continue: 'more' }, items: [object('a', 15)] }),
        ),
      status(410, 'Expired', 'The provided continue parameter is too old'),
      list(30, object('a', 25)),
    )
    .watches(status(410, 'Expired', 'too old resource version: 10'), watch([]));
  await using scene = await begin(api);
  await eventually('a is there', () => scene.cache.get('shop/a') !== undefined);
  assert.deepEqual(scene.told, ['Added a@25']);
  assert.equal(api.seen.filter(({ url }) => url.searchParams.get('continue') === 'more').length, 1);
});

test('a list comes in pages', async () => {
  await using api = (await server())
    .lists(
      response =>
        response.end(
          JSON.stringify({ metadata: { resourceVersion: '20', continue: 'more' }, items: [object('a', 15)] }),
        ),
      list(20, object('b', 16)),
    )
    .watches(watch([]));
  await using scene = await begin(api);
  await scene.listWatch.whenSynced();
  assert.deepEqual(scene.told, ['Added a@15', 'Added b@16']);
});

test('a list that does not answer once a watch lives does not shake what is known', async () => {
  await using api = (await server())
    .lists(list(10, object('a', 5)), status(503, 'ServiceUnavailable', 'starting'), list(40, object('a', 5)))
    .watches(watch([gone], 'end'), watch([]));
  await using scene = await begin(api);
  await eventually('it watches again', () => api.count('watch') === 2);
  assert.equal(scene.listWatch.synced, true);
  assert.deepEqual(scene.told, ['Added a@5']);
});

test('a refresh lists at once, even during a delay, and waits for a list that began after it was asked for', async () => {
  let answerLate: () => void = () => {};
  await using api = (await server())
    .lists(
      list(10),
      status(500, 'InternalError', 'no'),
      (response, url, request) => {
        answerLate = () => list(20, object('a', 15))(response, url, request);
      },
      list(30, object('a', 15), object('b', 25)),
    )
    .watches(watch([]));
  await using scene = await begin(api, { clock: systemClock });
  await scene.listWatch.whenSynced();
  void scene.listWatch.refresh();
  await eventually('the second list failed', () => scene.ends.includes('refused'));
  let isFresh = false;
  void scene.listWatch.refresh().then(() => {
    isFresh = true;
  });
  await eventually('the third list was asked for', () => api.count('list') === 3);
  void scene.listWatch.refresh();
  answerLate();
  await eventually('it is fresh', () => isFresh);
  assert.deepEqual(scene.told, ['Added a@15', 'Added b@25']);
  assert.equal(api.count('list'), 4);
  assert.deepEqual([scene.missed(), scene.reconnections()], [0, 0], 'a watch that was well missed nothing');
});

test('a refresh whose list fails is listed again, and does not wait for a watch to end', async () => {
  await using api = (await server())
    .lists(list(10), status(503, 'ServiceUnavailable', 'no'), list(20, object('a', 15)))
    .watches(watch([]));
  await using scene = await begin(api);
  await eventually('it watches', () => api.count('watch') === 1);
  let isFresh = false;
  void scene.listWatch.refresh().then(() => {
    isFresh = true;
  });
  await eventually('it is fresh', () => isFresh);
  assert.deepEqual(scene.told, ['Added a@15']);
});

test('of ConfigMaps only the metadata is asked for', async () => {
  await using api = (await server()).lists(list(10)).watches(watch([]));
  await using _scene = await begin(api, { source: { metadataOnly: true, namespace: 'shop', labelSelector: 'a=b' } });
  await eventually('it watches', () => api.count('watch') === 1);
  assert.equal(api.seen[0]?.headers.accept, 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1');
  assert.equal(api.seen[1]?.headers.accept, 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1');
  assert.equal(api.seen[1]?.url.pathname, '/apis/batch/v1/namespaces/shop/jobs');
  assert.equal(api.seen[1]?.url.searchParams.get('labelSelector'), 'a=b');
});

test('what is not needed of an object is not kept', async () => {
  const slim = (o: TestObject): TestObject => ({ metadata: o.metadata });
  await using api = (await server())
    .lists(list(10, { ...object('a', 5), data: { big: 'x'.repeat(1000) } }))
    .watches(watch([event('ADDED', { ...object('b', 11), data: { big: 'y' } })]));
  await using scene = await begin(api, { source: { slim } });
  await eventually('b is there', () => scene.cache.get('shop/b') !== undefined);
  assert.deepEqual(
    scene.cache.list().map(o => o.data),
    [undefined, undefined],
  );
});
