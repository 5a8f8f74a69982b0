// What holds for every scene of the picture book, and for every pass of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { parseStatus } from '../../src/api/parse.ts';
import { decideBackup } from '../../src/operator/backup/decide.ts';
import { decide } from '../../src/operator/migration/decide.ts';
import type { Pass } from './builder.ts';
import { wrongIn } from './invariants.ts';
import { difference } from './merge.ts';
import { backupScenes, scenes } from './scenes.ts';
import { mistakesIn, schemaOf } from './schema.ts';

const SCENES = scenes();
const BACKUP_SCENES = backupScenes();

function collect(wrong: (pass: Pass) => readonly string[]): readonly string[] {
  return SCENES.flatMap(({ name, passes }) =>
    passes.flatMap((pass, index) => wrong(pass).map(text => `${name}, pass ${index + 1}: ${text}`)),
  );
}

test('every decision keeps the rules', () => {
  assert.ok(SCENES.length > 100, `only ${SCENES.length} scenes`);
  assert.deepEqual(collect(wrongIn), []);
});

test('deciding again with the new status and nothing else changed leaves the status as it is', () => {
  assert.deepEqual(collect(unrest), []);
});

/** A pass that ends a step may find in the same world what the next step needs; that is said by an early look. */
function unrest({ world, decision }: Pass): readonly string[] {
  if (decision.scope === 'Conditions') return [];
  const again = decide({ ...world, status: parseStatus(decision.status) });
  if (isDeepStrictEqual(again.status, decision.status) || (decision.lookAgainMs ?? Infinity) <= 250) return [];
  return [JSON.stringify(difference(decision.status, again.status))];
}

test('every decision about a backup keeps the rules', () => {
  const schema = schemaOf('databasebackups', 'status');
  const wrong = BACKUP_SCENES.flatMap(({ name, passes }) =>
    passes.flatMap(({ world, decision }) => {
      const types = (decision.status.conditions ?? []).map(condition => condition.type);
      return [
        ...mistakesIn(decision.status, schema, 'status'),
        ...(types.includes('Reconciling') && types.includes('Stalled') ? ['Reconciling beside Stalled'] : []),
        ...(isDeepStrictEqual(decideBackup(structuredClone(world)), decision) ? [] : ['not deterministic']),
      ].map(text => `${name}: ${text}`);
    }),
  );
  assert.ok(BACKUP_SCENES.length > 10);
  assert.deepEqual(wrong, []);
});
