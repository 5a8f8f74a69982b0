// A database that was made by hand: tables, rows, and no record of any migration. It is adopted with rows in it, brought to the
// release's version in the same run, and its app is started on it.
import assert from 'node:assert/strict';
import { sql } from '../database.ts';
import { conditionOf, expectRecord, expectRunning, waitForReason } from '../expect.ts';
import { filesUpTo } from '../migrations.ts';
import { healthCheck, recreate, withBackup } from '../objects.ts';
import { applyApp, applyMigration } from '../release.ts';
import type { Scenario } from '../scenario.ts';
import { ask, list, query, type Site } from '../site.ts';

/** As a person would have run them before there was an operator. */
const BY_HAND = ['001_users_table', '002_user_profiles', '003_updated_at'] as const;
const TARGET = '005_auth_tables';

export const baseline: Scenario = {
  name: 'baseline',
  title: 'a database made by hand is refused, adopted by spec.baseline with its rows, and migrated in the same run',
  run: async site => {
    await makeByHand(site);
    await applyApp(site, { release: '005', replicas: 0 });
    const spec = { backup: withBackup, rollout: recreate(), validation: healthCheck() };
    await applyMigration(site, { target: TARGET, spec });
    const { message } = await waitForReason(site, ['BaselineNeeded']);
    assert.match(message, /spec\.baseline\.version/);
    await applyMigration(site, { target: TARGET, spec: { ...spec, baseline: { version: BY_HAND[2] } } });
    const { migration } = await waitForReason(site, ['UpToDate']);
    assert.match(conditionOf(migration, 'Migrated')?.message ?? '', /adopted at 003_updated_at, 2 applied/);
    await expectRunning(site, 2);
    const origins = await query(site, "SELECT origin || ' ' || version FROM migrate.ledger ORDER BY number");
    const applied = ['applied 004_groups_tables', 'applied 005_auth_tables'];
    assert.deepEqual(origins, [...BY_HAND.map(version => `baseline ${version}`), ...applied]);
    await expectRecord(site);
    const users = (await ask(site, '/users')).body as readonly { readonly email: string }[];
    assert.deepEqual(
      users.map(user => user.email),
      ['ada@one.example'],
    );
    assert.equal((await list(site, 'databasebackups')).length, 1, 'before anything was written');
  },
};

async function makeByHand({ stage, database }: Site): Promise<void> {
  const files = filesUpTo(TARGET, database.app.name);
  const scripts = BY_HAND.map(version => files[`${version}.up.sql`]);
  const row = "INSERT INTO users (email, display_name) VALUES ('ada@one.example', 'Ada')";
  await sql(stage.kubernetes, database.name, [`SET ROLE ${database.owner.name}`, ...scripts, row].join(';\n'));
}
