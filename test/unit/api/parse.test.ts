// The defaults stand in two places, in the CRDs (for whoever reads the object) and in parse.ts (for an object that was
// written under an older CRD). They must be the same, and so must what both take for valid.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBackupSpec, parseMigrationSpec, parseStatus } from '../../../src/api/parse.ts';
import { isTree, overlay, type Tree } from '../../golden/merge.ts';
import { mistakesIn, type Schema, schemaOf } from '../../golden/schema.ts';

/** Only what is required. */
const MINIMAL: Tree = {
  database: { urlSecretRef: { name: 'db', key: 'url' } },
  source: { configMapRefs: [{ name: 'migrations' }] },
  target: 'latest',
  rollout: { strategy: 'None' },
};

/** Lists of named things with nothing but the names, so that the defaults of their items show too. */
const WITH_ITEMS = overlay(MINIMAL, {
  rollout: { strategy: 'Rolling', workloads: [{ kind: 'Deployment', name: 'api' }] },
  validation: { http: [{ name: 'health', url: 'http://api/health' }] },
}) as Tree;

/** What the API server does on a write: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting */
function withDefaults(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value))
    return value.map(item => (schema.items === undefined ? item : withDefaults(item, schema.items)));
  if (!isTree(value)) return value;
  const filled: Tree = { ...value };
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const given = filled[key] ?? structuredClone(property.default);
    if (given !== undefined) filled[key] = withDefaults(given, property);
  }
  return filled;
}

for (const [name, spec] of Object.entries({ 'the smallest spec': MINIMAL, 'a spec with items': WITH_ITEMS })) {
  test(`${name} gets the same defaults from parse as from the CRD`, () => {
    const parsed = parseMigrationSpec(spec);
    assert.ok(parsed.ok, JSON.stringify(parsed));
    assert.deepEqual(parsed.value, withDefaults(spec, schemaOf('databasemigrations', 'spec')));
  });

  test(`${name}, complete, is complete for the CRD as well`, () => {
    const parsed = parseMigrationSpec(spec);
    assert.ok(parsed.ok);
    assert.deepEqual(mistakesIn(parsed.value, schemaOf('databasemigrations', 'spec'), 'spec'), []);
    assert.deepEqual(parseMigrationSpec(parsed.value), parsed);
  });
}

test('every field of the CRD is one that parse keeps', () => {
  const schema = schemaOf('databasemigrations', 'spec');
  const everything = exampleOf(schema);
  assert.deepEqual(mistakesIn(everything, schema, 'spec'), []);
  const parsed = parseMigrationSpec(everything);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  assert.deepEqual(parsed.value, everything);
});

test('every field of a backup’s CRD is one that parse keeps', () => {
  const everything = overlay(exampleOf(schemaOf('databasebackups', 'spec')), { job: { startDeadlineSeconds: 30 } });
  const parsed = parseBackupSpec(everything);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  assert.deepEqual(parsed.value, everything);
});

/** A value with every field that the schema knows. */
function exampleOf(schema: Schema): unknown {
  if (schema['x-kubernetes-int-or-string'] === true) return '1Gi';
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.type === 'array') return schema.items === undefined ? [] : [exampleOf(schema.items)];
  if (schema.type === 'integer') return schema.minimum ?? 7;
  if (schema.type === 'boolean') return true;
  if (schema.type === 'string') return schema.format === 'date-time' ? '2026-11-22T11:00:00Z' : 'latest';
  if (schema.additionalProperties !== undefined) return { key: exampleOf(schema.additionalProperties) };
  return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([key, item]) => [key, exampleOf(item)]));
}

test('all mistakes of a spec are told at once, by field', () => {
  const parsed = parseMigrationSpec({ ...MINIMAL, target: undefined, rollout: { strategy: 'Sideways' } });
  assert.ok(!parsed.ok);
  assert.deepEqual(
    parsed.mistakes.map(mistake => mistake.split(':')[0]),
    ['spec.target', 'spec.rollout.strategy'],
  );
  assert.match(parsed.mistakes[0] ?? '', /is missing/);
});

test('a status that was never written reads as one that saw no generation', () => {
  assert.deepEqual(parseStatus(undefined), { ok: true, value: { observedGeneration: -1 } });
});

test('a status that was edited by hand is refused with its mistakes', () => {
  const parsed = parseStatus({ attempt: 'three', run: { id: 'two' } } as never);
  assert.ok(!parsed.ok);
  assert.ok(parsed.mistakes.some(mistake => mistake.startsWith('status.attempt')));
  assert.ok(parsed.mistakes.some(mistake => mistake.startsWith('status.run.id')));
});

test('a run whose frozen spec has lost the storage of its backup cannot be read', () => {
  const read = (policy: string) => {
    const run = runWith(['outcome'], 'Failed');
    return parseStatus({
      observedGeneration: 1,
      run: { ...run, spec: overlay(MINIMAL, { backup: { policy } }) },
    } as never);
  };
  const parsed = read('Always');
  assert.ok(!parsed.ok);
  assert.match(parsed.mistakes.join(), /status\.run\.spec\.backup\.storage: is missing/);
  assert.equal(read('Never').ok, true);
});

test('a status that a newer operator wrote keeps the fields that this one does not know', () => {
  const status = { attempt: 4, tomorrow: { yes: true } } as never;
  assert.deepEqual(parseStatus(status), { ok: true, value: status });
});

/** Where decisions tell words of a run apart, each word that the CRD lets in must be one that parse knows. */
const WORDS = [
  ['outcome'],
  ['failure', 'kind'],
  ['steps', 'name'],
  ['steps', 'state'],
  ['workloads', 'state'],
] as const;

for (const path of WORDS) {
  test(`every ${path.join('.')} of a run that the CRD allows can be read, and no other`, () => {
    const read = (word: unknown) => parseStatus({ observedGeneration: 1, run: runWith(path, word) } as never);
    const words = wordsOf(path);
    assert.ok(words.length > 2);
    assert.deepEqual(
      words.filter(word => !read(word).ok),
      [],
    );
    assert.equal(read('OfAVersionToCome').ok, false);
  });
}

function wordsOf(path: readonly string[]): readonly unknown[] {
  let schema: Schema | undefined = schemaOf('databasemigrations', 'status').properties?.run;
  for (const key of path) schema = (schema?.items ?? schema)?.properties?.[key];
  return schema?.enum ?? [];
}

function runWith([first, second]: readonly string[], word: unknown): Tree {
  const run = { id: 1, generation: 1, startTime: 'x', sourceRevision: 'x', planInputDigest: 'x' };
  const step = { name: 'Plan', state: 'Active', startTime: 'x' };
  if (first === undefined || second === undefined) return { ...run, outcome: word };
  return { ...run, [first]: first === 'failure' ? { [second]: word } : [{ ...step, [second]: word }] };
}
