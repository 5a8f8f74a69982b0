// The commit of a release is reverted: the manifests of the release before it are applied again, whose source has no
// migration 006, up or down. ConfigMaps are made by `migrate bundle`.
import assert from 'node:assert/strict';
import { bundleOf } from '../bundle.ts';
import { ALL_SIX, conditionOf, eventReasons, expectRunning, FIRST_FIVE, waitForReason, waitReady } from '../expect.ts';
import { filesUpTo, type Version } from '../migrations.ts';
import { APP } from '../names.ts';
import { healthCheck, migration, recreate, withBackup } from '../objects.ts';
import { applyApp } from '../release.ts';
import type { Scenario } from '../scenario.ts';
import { apply, ask, list, migrationOf, query, read, type Site } from '../site.ts';

export const revert: Scenario = {
  name: 'revert',
  title: 'git revert of a release, from bundles: down by the ledger’s scripts in two waves, rows kept',
  run: async site => {
    await applyApp(site, { release: '005', replicas: 0 });
    await applyDatabase(site, '005_auth_tables');
    await waitReady(site);
    await expectRunning(site, 2);
    const { status } = await ask(site, '/users', { email: 'ada@one.example', display_name: 'Ada' });
    assert.equal(status, 201);
    const rows = (await ask(site, '/users')).body;
    await release(site, '006_ledger_tables', ALL_SIX);
    await release(site, '005_auth_tables', FIRST_FIVE);
    assert.deepEqual((await ask(site, '/users')).body, rows);
    assert.deepEqual(await query(site, "SELECT to_regclass('accounts') IS NULL"), ['t'], 'the tables of 006 are left');
    assert.equal((await list(site, 'databasebackups')).length, 3, 'one on each way');
    assert.ok((await eventReasons(site)).includes('Normal/Downgraded'));
  },
};

/** Both waves, as a sync makes them; between them the code that is there does not run. */
async function release(site: Site, version: '005_auth_tables' | '006_ledger_tables', ledger: readonly string[]) {
  await applyDatabase(site, version);
  await waitReady(site);
  assert.equal(conditionOf(await migrationOf(site), 'Ready')?.reason, 'AwaitingManifest', 'between the waves');
  assert.equal((await read(site, 'deployments', APP))?.spec?.replicas, 0, 'code must not run on a schema not its own');
  const code = version === '005_auth_tables' ? '005' : '006';
  await applyApp(site, { release: code });
  await waitForReason(site, ['UpToDate']);
  await expectRunning(site, 2);
  assert.deepEqual((await ask(site, '/health')).body, { release: code, schema: version });
  assert.deepEqual(await query(site, 'SELECT version FROM migrate.ledger ORDER BY number'), ledger);
}

async function applyDatabase(site: Site, target: Version): Promise<void> {
  const files = filesUpTo(target, site.database.app.name);
  const { configMaps, source } = await bundleOf(files);
  assert.ok(configMaps.length > 1, 'the files of one release fit a single bundle');
  const spec = { source, backup: withBackup, rollout: recreate(), validation: healthCheck() };
  await apply(site, [...configMaps, migration(site.database, { target, files, spec })]);
}
