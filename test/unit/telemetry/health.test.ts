// The probes: liveness is the loop, readiness is synced caches, and neither is the API server's health.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Controller } from '../../../src/operator/controller/controller.ts';
import { Machine } from '../../../src/operator/controller/machine.ts';
import { Queue } from '../../../src/operator/controller/queue.ts';
import { type HealthServer, startHealthServer } from '../../../src/telemetry/health.ts';
import { FakeClock, settle } from '../controller/fake-clock.ts';
import { begin, eventually } from '../controller/list-watch-scene.ts';
import { list, ScriptedServer, status, watch } from '../controller/scripted-server.ts';

/** The probes of a machine, as main.ts connects them. */
function probesOf(machine: Machine): Promise<HealthServer> {
  return startHealthServer({
    ...{ port: 0, host: '127.0.0.1' },
    live: () => (machine.isAlive() ? undefined : 'a worker hangs'),
    ready: () => (machine.isSynced() ? undefined : `no first list yet: ${machine.unsynced().join(', ')}`),
    metrics: async () => ({ contentType: 'text/plain', text: 'up 1\n' }),
  });
}

async function probe(server: HealthServer, path: string): Promise<readonly [number, string]> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
  return [response.status, await response.text()];
}

test('ready when every cache has had its first list; an API server that goes away later changes neither probe', async () => {
  const unavailable = status(503, 'ServiceUnavailable', 'away');
  await using server = await new ScriptedServer().lists(unavailable).watches(watch([])).start();
  await using scene = await begin(server);
  const queue = new Queue({ name: 'test' });
  const machine = new Machine({
    watches: [scene.listWatch],
    controllers: [new Controller({ name: 'test', queue, reconcile: async () => ({}) })],
  });
  const probes = await probesOf(machine);
  try {
    void machine.start();
    assert.deepEqual(await probe(probes, '/readyz'), [503, 'no first list yet: jobs\n']);
    assert.deepEqual(await probe(probes, '/healthz'), [200, 'ok\n'], 'an API server that is away must not restart us');
    server.lists(list(5));
    await eventually('synced', () => machine.isSynced());
    assert.deepEqual(await probe(probes, '/readyz'), [200, 'ok\n']);
    server.lists(unavailable).watches(unavailable);
    const before = scene.ends.length;
    server.cut();
    await eventually('several failed tries', () => scene.ends.length >= before + 3);
    assert.deepEqual(await probe(probes, '/readyz'), [200, 'ok\n']);
    assert.deepEqual(await probe(probes, '/healthz'), [200, 'ok\n']);
  } finally {
    await machine.stop();
    await probes.stop();
  }
});

test('a pass that hangs three times as long as it may fails liveness, and a pass that fails does not', async () => {
  const clock = new FakeClock();
  const queue = new Queue({ name: 'test', clock });
  const hanging = Promise.withResolvers<object>();
  const reconcile = async (key: string): Promise<object> => {
    if (key === 'shop/bad') throw new Error('no');
    return hanging.promise;
  };
  const controller = new Controller({ name: 'test', queue, clock, reconcile, passLimitMs: 1_000 });
  const machine = new Machine({ watches: [], controllers: [controller] });
  const probes = await probesOf(machine);
  try {
    await machine.start();
    queue.add('shop/bad', 'resource');
    await clock.advance(60_000);
    assert.deepEqual(await probe(probes, '/healthz'), [200, 'ok\n']);
    queue.add('shop/slow', 'resource');
    await clock.advance(2_900);
    assert.deepEqual(await probe(probes, '/healthz'), [200, 'ok\n']);
    await clock.advance(200);
    assert.deepEqual(await probe(probes, '/healthz'), [503, 'a worker hangs\n']);
    hanging.resolve({});
    await settle();
    assert.deepEqual(await probe(probes, '/healthz'), [200, 'ok\n'], 'it came back after all');
  } finally {
    await machine.stop();
    await probes.stop();
  }
});

test('there are three pages, to be read only', async () => {
  const machine = new Machine({ watches: [], controllers: [] });
  const probes = await probesOf(machine);
  try {
    assert.deepEqual(await probe(probes, '/metrics'), [200, 'up 1\n']);
    assert.equal((await probe(probes, '/'))[0], 404);
    assert.equal((await fetch(`http://127.0.0.1:${probes.port}/metrics`, { method: 'POST' })).status, 405);
  } finally {
    await probes.stop();
  }
});

test('metrics that cannot be collected say so and leave the probes as they are', async () => {
  const probes = await startHealthServer({
    ...{ port: 0, host: '127.0.0.1', live: () => undefined, ready: () => undefined },
    metrics: () => Promise.reject(new Error('no')),
  });
  try {
    assert.equal((await probe(probes, '/metrics'))[0], 500);
    assert.equal((await probe(probes, '/healthz'))[0], 200);
  } finally {
    await probes.stop();
  }
});
