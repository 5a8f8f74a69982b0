// How resources stand, as the caches have it: for the gauges with a resource's name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MigrationStatus } from '../../../src/api/parse.ts';
import { createCaches, type DatabaseBackup, type DatabaseMigration } from '../../../src/operator/sources.ts';
import { standings } from '../../../src/operator/standings.ts';

const at = (second: number): string => new Date(second * 1000).toISOString();

const condition = (type: string, status: 'True' | 'False', reason: string) => ({
  ...{ type, status, reason, message: '', lastTransitionTime: at(500), observedGeneration: 1 },
});

function cached(status?: MigrationStatus) {
  const caches = createCaches();
  const metadata = { namespace: 'shop', name: 'orders', uid: 'u1', resourceVersion: '1' };
  const spec = { database: { urlSecretRef: { name: 's', key: 'url' } }, target: 'latest' };
  const migration = { metadata, spec, ...(status === undefined ? {} : { status }) } as unknown as DatabaseMigration;
  caches.migrations.upsert(migration);
  return { caches, migration };
}

function backup(name: string, completionTime: string | undefined, sizeBytes: number): DatabaseBackup {
  const conditions = completionTime === undefined ? [] : [condition('Complete', 'True', 'Complete')];
  return {
    metadata: { namespace: 'shop', name, uid: name, resourceVersion: '1' },
    spec: { run: { migration: 'orders', uid: 'u1', id: 1, attempt: 1 } },
    status: { conditions, sizeBytes, ...(completionTime === undefined ? {} : { completionTime }) },
  } as unknown as DatabaseBackup;
}

test('a resource without a status says nothing but that it is not ready', () => {
  assert.deepEqual(standings(cached().caches), [
    {
      namespace: 'shop',
      name: 'orders',
      conditions: { Ready: false, Reconciling: false, Stalled: false },
      reason: 'Other',
    },
  ]);
});

test('a step that is held up says since when and by what, between two attempts', () => {
  const run = { id: 1, generation: 1, startTime: at(1), sourceRevision: '', planInputDigest: '' };
  const blocked = {
    name: 'Migrate',
    state: 'Waiting',
    startTime: at(5),
    blockedSince: at(10),
    reason: 'LockTimeout',
  } as const;
  const { caches } = cached({ run: { ...run, steps: [blocked] } });
  assert.deepEqual(standings(caches)[0]?.blocked, { step: 'Migrate', reason: 'LockTimeout', since: 10 });
  const atWork = cached({ run: { ...run, steps: [{ ...blocked, state: 'Active' }] } });
  assert.equal(standings(atWork.caches)[0]?.blocked, undefined, 'an attempt may be at work for hours');
  const done = cached({ run: { ...run, steps: [{ ...blocked, state: 'Done', endTime: at(20) }] } });
  assert.equal(standings(done.caches)[0]?.blocked, undefined);
  const ended = cached({ run: { ...run, steps: [blocked], outcome: 'Failed' } });
  assert.equal(standings(ended.caches)[0]?.blocked, undefined);
});

test('the last complete backup counts, whatever the order of names, and one that is not complete does not', () => {
  const { caches } = cached({});
  for (const one of [backup('a', at(300), 3), backup('b', at(100), 1), backup('c', undefined, 9)])
    caches.backups.upsert(one);
  assert.deepEqual(standings(caches)[0]?.backup, { time: 300, sizeBytes: 3 });
});

test('a deleted resource stands nowhere, though its backups stay', () => {
  const { caches, migration } = cached({});
  caches.backups.upsert(backup('a', at(300), 3));
  caches.migrations.remove(migration);
  assert.deepEqual(standings(caches), []);
});
