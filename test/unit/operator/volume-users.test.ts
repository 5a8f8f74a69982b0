// Who goes first where two runs want one backup volume claim: exactly one of any two, whatever each has seen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { volumeUsersOf } from '../../../src/operator/migration/volume-users.ts';
import type { DatabaseMigration } from '../../../src/operator/sources.ts';

type Run = NonNullable<NonNullable<DatabaseMigration['status']>['run']>;

const PLANNED = {
  id: 1,
  generation: 1,
  startTime: '2026-11-22T11:00:00Z',
  steps: [{ name: 'Plan', state: 'Done', startTime: '2026-11-22T11:00:00Z' }],
  plan: { pendingCount: 1 },
} as unknown as Run;
const COMMITTED = { ...PLANNED, committedTime: '2026-11-22T11:00:05Z' } as Run;

function migration(name: string, run: Run, spec: object = {}, claim = 'backups'): DatabaseMigration {
  return {
    metadata: {
      name,
      namespace: 'shop',
      uid: `uid-of-${name}`,
      generation: 1,
      creationTimestamp: '2026-11-22T10:00:00Z',
    },
    spec: { backup: { storage: { volumeClaim: { name: claim } } }, ...spec } as never,
    status: { observedGeneration: 1, run },
  };
}

test('of two runs that are about to begin in the same second exactly one waits for the other', () => {
  const both = [migration('books', PLANNED), migration('shop', PLANNED)];
  assert.deepEqual(
    both.map(one => volumeUsersOf(both, one)),
    [[], ['books']],
  );
});

test('a run that has begun goes before an older one that is about to', () => {
  const both = [migration('books', PLANNED), migration('shop', COMMITTED)];
  assert.deepEqual(volumeUsersOf(both, both[0] as DatabaseMigration), ['shop']);
});

test('nobody waits for one that will not begin by itself, or uses another claim, or has its backup', () => {
  const shop = migration('shop', PLANNED);
  const others = [
    migration('a-suspended', PLANNED, { suspend: true }),
    migration('b-elsewhere', COMMITTED, {}, 'other-backups'),
    migration('c-backed-up', { ...COMMITTED, backup: { name: 'x', digest: 'y' } } as Run),
    migration('d-given-up', { ...COMMITTED, failure: { reason: 'x' } } as unknown as Run),
    migration('e-without-backup', COMMITTED, { backup: { policy: 'Never' } }),
  ];
  assert.deepEqual(volumeUsersOf([...others, shop], shop), []);
});
