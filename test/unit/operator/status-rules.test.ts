// The checker of the cluster tests finds what it is there to find: each planted breach is named, a good story is not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DatabaseMigration } from '../../../src/operator/sources.ts';
import { breaches } from '../../e2e/status-rules.ts';

type Shown = Readonly<Record<string, string>>;

/** `{Ready: 'False Planning'}` at a generation; times are those of the generation. */
function write(observed: number, shown: Shown, over: { generation?: number; of?: number; message?: string } = {}) {
  const conditions = Object.entries(shown).map(([type, text]) => {
    const [status, reason] = text.split(' ');
    const { message = 'something', of = observed } = over;
    return { type, status, reason, message, lastTransitionTime: '2026-11-22T11:00:00Z', observedGeneration: of };
  });
  const metadata = { namespace: 'shop', name: 'truledgr', uid: 'one', generation: over.generation ?? observed };
  return { metadata, status: { observedGeneration: observed, conditions } } as unknown as DatabaseMigration;
}

const planning = write(1, { Ready: 'False Planning', Reconciling: 'True Planning' });
const upToDate = write(1, { Ready: 'True UpToDate' });

test('a release that plans and is then up to date breaks no rule', () => {
  assert.deepEqual(breaches([planning, upToDate]), []);
});

const PLANTED = {
  'conditions are complete': [write(1, { Ready: 'False Planning', Reconciling: 'True Planning' }, { message: '' })],
  'Ready is there': [write(1, { Reconciling: 'True Planning' })],
  'Reconciling and Stalled are True or absent': [write(1, { Ready: 'False Planning', Reconciling: 'False Planning' })],
  'Reconciling and Stalled exclude each other': [
    write(1, { Ready: 'False Failed', Reconciling: 'True Failed', Stalled: 'True Failed' }),
  ],
  'Ready=True stands without them': [planning, write(1, { Ready: 'True UpToDate', Reconciling: 'True UpToDate' })],
  'Ready=False says whether it goes on': [write(1, { Ready: 'False Planning' })],
  'the summary has one reason and one message': [write(1, { Ready: 'False Planning', Reconciling: 'True Other' })],
  'observedGeneration is not ahead': [
    write(2, { Ready: 'False Planning', Reconciling: 'True Planning' }, { generation: 1 }),
  ],
  'observedGeneration never falls': [
    write(2, { Ready: 'False Planning', Reconciling: 'True Planning' }),
    write(1, { Ready: 'False Planning', Reconciling: 'True Planning' }, { generation: 2 }),
  ],
  'the summary speaks of observedGeneration': [
    write(2, { Ready: 'False Planning', Reconciling: 'True Planning' }, { of: 1 }),
  ],
  'a generation that was just seen is not Ready yet': [planning, upToDate, write(2, { Ready: 'True UpToDate' })],
} as const;

for (const [rule, writes] of Object.entries(PLANTED)) {
  test(`a breach of "${rule}" is found`, () => {
    assert.ok(
      breaches(writes).some(line => line.includes(rule)),
      breaches(writes).join('\n'),
    );
  });
}
