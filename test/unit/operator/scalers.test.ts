// When the ScaledObjects of a namespace are read: before each commit that stops the app, or the commit would wait for ever
// for a fact that nobody reads; and only then.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCommitNear } from '../../../src/operator/migration/scalers.ts';
import type { DatabaseMigration } from '../../../src/operator/sources.ts';

type Part<T> = { readonly [K in keyof T]?: Part<T[K]> };

function planned(strategy: 'Recreate' | 'Rolling' | 'None', direction: 'Up' | 'Down'): DatabaseMigration {
  const part: Part<DatabaseMigration> = {
    spec: { rollout: { strategy } },
    status: { run: { id: 2, plan: { direction }, steps: [{ name: 'Plan', state: 'Done' }] } },
  };
  return part as DatabaseMigration;
}

test('autoscalers are looked for before a commit that stops the app', () => {
  const near = (strategy: 'Recreate' | 'Rolling' | 'None', direction: 'Up' | 'Down') =>
    isCommitNear(planned(strategy, direction), []);
  assert.deepEqual([near('Recreate', 'Up'), near('Recreate', 'Down')], [true, true]);
  assert.equal(near('Rolling', 'Down'), true, 'Rolling stops the app for a downgrade');
  assert.deepEqual([near('Rolling', 'Up'), near('None', 'Up'), near('None', 'Down')], [false, false, false]);
});
