import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from '../../../src/kubernetes/resources.ts';
import { Controller } from '../../../src/operator/controller/controller.ts';
import { LeaderElection } from '../../../src/operator/controller/leader-election.ts';
import { Machine, type Watching } from '../../../src/operator/controller/machine.ts';
import { Queue } from '../../../src/operator/controller/queue.ts';
import { ApiInMemory } from './api-in-memory.ts';
import { FakeClock, settle } from './fake-clock.ts';

function build(pass: () => Promise<object> = async () => ({})) {
  const clock = new FakeClock();
  const api = new ApiInMemory();
  const happened: string[] = [];
  const sync = Promise.withResolvers<void>();
  const watching: Watching & { synced: boolean } = {
    name: 'jobs',
    synced: false,
    trouble: 'the list failed',
    whenSynced: () => sync.promise,
    start: () => void happened.push('watch'),
    refresh: async () => void happened.push('refresh'),
    stop: async () => void happened.push('unwatch'),
  };
  const queue = new Queue({ name: 'test', clock });
  const reconcile = async (): Promise<object> => {
    happened.push('pass');
    return pass();
  };
  const controller = new Controller({ name: 'test', queue, clock, reconcile });
  const election = new LeaderElection({ api, namespace: 'system', name: 'operator', clock, random: () => 0 });
  const machine = new Machine({ watches: [watching], controllers: [controller], election });
  const synced = (): void => {
    watching.synced = true;
    sync.resolve();
  };
  return { machine, api, clock, queue, happened, synced, controller };
}

test('nothing is reconciled before the caches are synced and the lease is ours', async () => {
  const { machine, api, clock, queue, happened, synced } = build();
  queue.add('a', 'first list');
  void machine.start();
  await clock.advance(10_000);
  assert.deepEqual(happened, ['watch']);
  assert.deepEqual([machine.isSynced(), machine.unsynced(), api.writes], [false, ['jobs (the list failed)'], []]);
  api.fail('refused');
  synced();
  await clock.advance(5_000);
  assert.deepEqual(happened, ['watch']);
  api.fail('none');
  await clock.advance(2_000);
  assert.deepEqual(happened, ['watch', 'refresh', 'pass']);
  assert.equal(await machine.stop(), 'Stopped');
  assert.deepEqual(happened, ['watch', 'refresh', 'pass', 'unwatch']);
  assert.equal(clock.pendingTimers, 0);
});

test('losing the lease stops everything and says so', async () => {
  const { machine, api, clock, happened, synced } = build();
  synced();
  void machine.start();
  await clock.advance(1_000);
  const lease = api.objects.get('system/operator') as Lease;
  await api.replace({ kind: 'Lease' }, { ...lease, spec: { ...lease.spec, holderIdentity: 'another' } });
  await clock.advance(30_000);
  assert.equal(await machine.ended, 'LeadershipLost');
  assert.ok(happened.includes('unwatch'));
  assert.equal(clock.pendingTimers, 0);
});

test('the lease is not given back while a pass may still write', async () => {
  const { machine, api, clock, queue, synced } = build(() => new Promise(() => {}));
  synced();
  void machine.start();
  await settle();
  queue.add('a', 'x');
  await settle();
  const ended = machine.stop();
  await clock.advance(10_000);
  assert.equal(await ended, 'Stopped');
  const lease = api.objects.get('system/operator') as { spec?: { holderIdentity?: string } };
  assert.notEqual(lease.spec?.holderIdentity, '');
});

test('a machine that is stopped before it was ever synced ends', async () => {
  const { machine, clock, happened } = build();
  void machine.start();
  await settle();
  assert.equal(await machine.stop(), 'Stopped');
  assert.deepEqual(happened, ['watch', 'unwatch']);
  assert.equal(clock.pendingTimers, 0);
});
