// The memory of what the API server refused: it ends with the resource, or it would grow as long as the operator lives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusals } from '../../../src/operator/refusals.ts';

test('what was refused to a resource that is gone is forgotten, and what is still there is kept', () => {
  const refusals = new Refusals();
  for (const uid of ['gone', 'there'])
    refusals.note(uid, 'CreateJob a', new Error('exceeded quota'), '2026-11-22T10:00:00Z');
  refusals.keepOnly(() => [{ metadata: { uid: 'there' } }]);
  assert.deepEqual([refusals.of('gone').length, refusals.of('there').length], [0, 1]);
});

test('a webhook that quotes what it refuses does not put a password on the status', () => {
  const refusals = new Refusals();
  const words = 'admission webhook "policy" denied the request: env URL=postgres://app:s3cret@db/shop is not allowed';
  refusals.note('uid', 'CreateJob a', new Error(words), '2026-11-22T10:00:00Z');
  const [refusal] = refusals.of('uid');
  assert.match(refusal?.message ?? '', /denied the request: env URL=postgres:\/\/app:\*\*\*@db\/shop/);
});
