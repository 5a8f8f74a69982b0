// The order of versions decides what is pending and whether a manifest fits.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions, versionNumber } from '../../../src/api/versions.ts';

test('versions are ordered by their number, not by their text', () => {
  const shuffled = ['010_ten', '9_nine', '001_one', '0002_two', '1000000000000_far'];
  assert.deepEqual(shuffled.toSorted(compareVersions), [
    '001_one',
    '0002_two',
    '9_nine',
    '010_ten',
    '1000000000000_far',
  ]);
});

test('leading zeros and names make no difference', () => {
  assert.equal(compareVersions('006_ledger_tables', '6_something_else'), 0);
});

test('nothing applied is lower than every version', () => {
  assert.ok(compareVersions(null, '0_start') < 0);
  assert.ok(compareVersions('0_start', null) > 0);
  assert.equal(compareVersions(null, null), 0);
});

test('numbers beyond 2^53 keep their order', () => {
  assert.ok(compareVersions('900719925474099301_a', '900719925474099302_b') < 0);
});

test('a name without a leading number has none', () => {
  assert.equal(versionNumber('latest'), undefined);
  assert.equal(versionNumber('12a_tables'), undefined);
  assert.equal(versionNumber('1234567890123456789_too_long'), undefined);
  assert.equal(versionNumber('42'), 42n);
});
