// Every mistake of manifests.yaml is caught where it can first be known, by a real API server, the operator or the plan's
// Job, with a message that names the field, quotes the value and says what would be right; and nothing is started for it.
// messages.md holds every message. Then: what the operator makes of a status that somebody has edited.
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import type { DatabaseMigrationSpec } from '../../src/api/database-migration.gen.ts';
import { ApiError } from '../../src/kubernetes/errors.ts';
import { type DatabaseMigration, MIGRATIONS } from '../../src/operator/sources.ts';
import { PrerequisiteError } from '../cluster/cluster.ts';
import { openWorld } from '../control/world.ts';
import { type Manner, submit } from './ask.ts';
import { healEdits, loseRun } from './edited-status.ts';
import { Messages } from './messages.ts';
import { openScene, type Scene } from './scene.ts';
import { type Place, type Row, readRows } from './table.ts';

let scene: Scene | undefined;
let lack = '';
const closers: (() => Promise<void>)[] = [];
const messages = new Messages();

before(async () => {
  try {
    const world = await openWorld('input', line => console.error(`input: ${line}`));
    closers.push(() => world.close());
    const opened = await openScene(world);
    closers.push(() => opened.close());
    scene = opened;
  } catch (error) {
    if (!(error instanceof PrerequisiteError)) throw error;
    lack = error.message;
  }
});

after(async () => {
  for (const close of closers.toReversed()) await close();
});

function here(t: TestContext): Scene {
  if (scene === undefined) t.skip(lack);
  return scene as Scene;
}

const readyOf = (found: DatabaseMigration) => found.status?.conditions?.find(one => one.type === 'Ready');
const has = (found: DatabaseMigration, type: string) =>
  found.status?.conditions?.some(one => one.type === type && one.status === 'True') === true;

/** All rows of a place side by side, and every one that went wrong in one error. */
async function eachOf(place: Place, play: (row: Row) => Promise<readonly string[]>): Promise<void> {
  const rows = readRows(place);
  const results = await Promise.allSettled(rows.map(play));
  const wrong: string[] = [];
  for (const [index, row] of rows.entries()) {
    const result = results[index];
    if (result?.status === 'fulfilled') messages.add(row, result.value);
    else wrong.push(`${row.name} (${row.slug}): ${result?.reason}`);
  }
  assert.deepEqual(wrong, []);
}

describe('a mistake in a manifest', () => {
  it('is refused by the API server where the schema or a rule can know it', t => {
    const { world, namespace } = here(t);
    return eachOf('apiServer', async ({ slug, spec }) => {
      const object = { metadata: { name: slug }, spec: spec as unknown as DatabaseMigrationSpec };
      const refusal: unknown = await world.api.create(MIGRATIONS, namespace, object).then(
        () => new Error('it was accepted'),
        error => error,
      );
      if (!(refusal instanceof ApiError) || refusal.status !== 422) throw refusal;
      assert.equal(await world.api.get(MIGRATIONS, namespace, slug), undefined);
      return refusal.causes.flatMap(({ field, message }) => (field === '<nil>' ? [] : [`${field}: ${message}`]));
    });
  });

  it('in the name of a field is refused with strict validation and by server-side apply, and warned of else', t => {
    const { world, namespace } = here(t);
    return eachOf('strict', async ({ slug, spec }) => {
      const ask = (manner: Manner) =>
        submit(world.upstream, namespace, manner, { metadata: { name: slug }, spec: { ...spec, suspend: true } });
      const strict = await ask('Strict');
      const applied = await ask('Apply');
      const warned = await ask('Warn');
      assert.deepEqual([strict.code, applied.code, warned.code], [400, 500, 201]);
      assert.equal(warned.warnings.length, 1);
      const found = await scene?.when(slug, 'suspended', one => readyOf(one)?.reason === 'Suspended');
      assert.deepEqual(found && (await scene?.jobsOf(found)), []);
      return [
        `strict: ${strict.message}`,
        `apply: ${applied.message}`,
        ...warned.warnings.map(one => `warning: ${one}`),
      ];
    });
  });

  it('that only the operator can know is in the status before a Job is made', async t => {
    const { create, when, jobsOf, world, namespace } = here(t);
    const older = { ...readRows('admit').at(-1)?.spec, suspend: true } as unknown as DatabaseMigrationSpec;
    await world.api.create(MIGRATIONS, namespace, { metadata: { name: 'a-release' }, spec: older });
    await eachOf('admit', async row => {
      await create(row);
      const found = await when(row.slug, 'told', one => readyOf(one)?.status === 'False');
      assert.deepEqual(await jobsOf(found), []);
      return told(found);
    });
  });

  it('that the plan can know is in the status, and nothing but a plan was started', t => {
    const { create, when, jobsOf } = here(t);
    return eachOf('plan', async row => {
      await create(row);
      const found = await when(row.slug, 'refused', one => !['Planning', undefined].includes(readyOf(one)?.reason));
      assert.deepEqual(await jobsOf(found), ['plan']);
      assert.equal(found.status?.run?.committedTime, undefined);
      return told(found);
    });
  });

  it('is none where the input is only odd', t => {
    const { create, when } = here(t);
    return eachOf('fine', async row => {
      await create(row);
      const found = await when(row.slug, 'ready', one => has(one, 'Ready'));
      assert.equal(found.status?.run?.id, 1);
      return told(found);
    });
  });

  it('is told in the words of messages.md', () => messages.expectAsWritten());
});

describe('a status that somebody has edited', () => {
  it('is healed, and nothing of it runs twice', t => healEdits(here(t)));
  it('loses its run in mid-run: the migration is not run again, and the app comes back', t => loseRun(here(t)));
});

function told(found: DatabaseMigration): readonly string[] {
  const ready = readyOf(found);
  const message = ready?.message.replace(/\d{4}-\d\d-\d\dT[\d:]+Z/g, '<time>');
  return [`${ready?.reason}: ${message}`];
}
