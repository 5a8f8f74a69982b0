// The order of versions decides what is pending and whether a manifest fits.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { compareVersions, MOST_VERSION_CHARACTERS, orderOf } from '../../../src/api/versions.ts';

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

test("other tools' names are ordered too, so that no lower version is taken for the one that is wanted", () => {
  const inOrder = ['V1__users', 'V1_9__a', 'V1.10__b', 'V2__c', 'V20240101120000__d'];
  assert.deepEqual(inOrder.toReversed().toSorted(compareVersions), inOrder);
  assert.ok(compareVersions('2014-09-24-113530_users', '2014-09-25-000000_groups') < 0);
  assert.ok(compareVersions(null, 'V1__users') < 0);
});

test('dashes are of the number in names as Diesel writes them, and end it in others', () => {
  assert.equal(orderOf('20230101120000-2fa'), 20230101120000n);
  assert.equal(orderOf('003-1st-users'), 3n);
  assert.equal(orderOf('2026-05-27-130000-0000_drop'), 202605271300000000n);
  assert.equal(orderOf('2014-09-24-113530'), 20140924113530n);
});

test('a name without a leading number has none', () => {
  assert.equal(orderOf('latest'), undefined);
  assert.equal(orderOf('R__views'), undefined);
  assert.equal(orderOf('42'), 42n);
});

test('no field for a version in status or spec holds another length than the contract with the Jobs', () => {
  const crd = readFileSync(join(import.meta.dirname, '../../../crds/databasemigrations.yaml'), 'utf8');
  const { spec, status } = parse(crd).spec.versions[0].schema.openAPIV3Schema.properties;
  const lengths = new Map([...lengthsOf(spec, 'spec'), ...lengthsOf(status, 'status')]);
  const ofVersions = [...lengths].filter(
    ([path]) =>
      /([vV]ersion|\.target|\.from|pending\.first\[\]|(applied|reverted)ByRun\[\])$/.test(path) &&
      !/serverVersion$/.test(path),
  );
  assert.ok(ofVersions.length >= 14, ofVersions.join('\n'));
  for (const [path, length] of ofVersions) assert.equal(length, MOST_VERSION_CHARACTERS, path);
});

interface Schema {
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** Path in the schema → its `maxLength`, where it has one. */
function lengthsOf(
  { maxLength, properties = {}, items }: Schema,
  path: string,
): readonly (readonly [string, number])[] {
  return [
    ...(maxLength === undefined ? [] : [[path, maxLength] as const]),
    ...Object.entries(properties).flatMap(([name, inner]) => lengthsOf(inner, `${path}.${name}`)),
    ...(items === undefined ? [] : lengthsOf(items, `${path}[]`)),
  ];
}
