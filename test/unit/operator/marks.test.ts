// Who owns the mark on a workload that is held at zero.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TAKEN_OVER, withInheritedMark } from '../../../src/operator/migration/marks.ts';
import type { LiveWorkload, WorkloadView } from '../../../src/operator/migration/world.ts';

const heldBy = (uid: string): WorkloadView => {
  const found = { mark: { uid, run: 7, replicas: 3 } } as LiveWorkload;
  return { kind: 'Deployment', name: 'truledgr-api', found };
};

test('a resource takes over the mark of one that is gone, with its count', () => {
  const { found } = withInheritedMark(heldBy('gone'), 'ours', () => false);
  assert.deepEqual(found?.mark, { uid: 'ours', run: TAKEN_OVER, replicas: 3 });
});

test('the mark of a resource that is there stays its own', () => {
  assert.equal(withInheritedMark(heldBy('other'), 'ours', uid => uid === 'other').found?.mark?.uid, 'other');
});

test('our own mark keeps its run', () => {
  assert.equal(withInheritedMark(heldBy('ours'), 'ours', () => false).found?.mark?.run, 7);
});
