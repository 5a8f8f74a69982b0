// The main path, one after the other in one place as in life: first install, an upgrade with rows in the tables, a
// resource that is applied again with nothing to do, and a release that fails on the rows.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ALL_SIX,
  conditionOf,
  eventReasons,
  expectLedger,
  expectRecord,
  expectRunning,
  FIRST_FIVE,
  waitForReason,
  waitReady,
} from '../expect.ts';
import { APP, JOB_PODS, MIGRATION } from '../names.ts';
import { healthCheck, recreate, withBackup } from '../objects.ts';
import { applyApp, applyMigration, install } from '../release.ts';
import type { Scenario } from '../scenario.ts';
import { ask, kubectl, list, migrationOf, read, type Site } from '../site.ts';

const spec = { backup: withBackup, rollout: recreate(), validation: healthCheck() };

export const release: Scenario = {
  name: 'release',
  title: 'first install, upgrade in two waves with rows kept, nothing pending, bad SQL',
  run: async site => {
    await firstInstall(site);
    const rows = await writeRows(site);
    await upgrade(site, rows);
    await nothingPending(site);
    await badSql(site, rows);
  },
};

async function firstInstall(site: Site): Promise<void> {
  await install(site, {}, spec);
  await expectRunning(site, 2);
  await expectLedger(site, FIRST_FIVE);
  assert.equal((await ask(site, '/health')).status, 200);
  const { status } = await migrationOf(site);
  assert.deepEqual(
    [status?.version, status?.stableVersion, status?.pending?.count],
    ['005_auth_tables', '005_auth_tables', 0],
  );
  assert.equal((await list(site, 'databasebackups')).length, 1);
  // What play() looks at afterwards, in every scenario.
  assert.ok((await list(site, 'pods', JOB_PODS)).length >= 4, 'Pods of plan, backup, migrate and validate');
}

/** Two people with the same name at two hosts: what migration 007 does not expect. */
async function writeRows(site: Site): Promise<unknown> {
  for (const host of ['one.example', 'two.example']) {
    const { status } = await ask(site, '/users', { email: `ada@${host}`, display_name: 'Ada' });
    assert.equal(status, 201);
  }
  assert.equal((await ask(site, '/groups', { name: 'Household', created_by: 1 })).status, 201);
  return (await ask(site, '/users')).body;
}

async function upgrade(site: Site, rows: unknown): Promise<void> {
  await applyMigration(site, { target: '006_ledger_tables', spec });
  await waitReady(site);
  const between = conditionOf(await migrationOf(site), 'Ready');
  assert.equal(between?.reason, 'AwaitingManifest', 'between the waves');
  assert.equal(
    (await read(site, 'deployments', APP))?.spec?.replicas,
    0,
    'the old code must not run on the new schema',
  );
  await applyApp(site, { release: '006' });
  await waitForReason(site, ['UpToDate']);
  await expectRunning(site, 2);
  await expectLedger(site, ALL_SIX);
  await expectRecord(site);
  assert.deepEqual((await ask(site, '/users')).body, rows);
  const accounts = (await ask(site, '/accounts')).body as readonly { readonly name: string }[];
  assert.deepEqual(
    accounts.map(account => account.name),
    ['Main'],
    'rows that the migration made of the old ones',
  );
}

async function nothingPending(site: Site): Promise<void> {
  const [before, run] = [await read(site, 'deployments', APP), (await migrationOf(site)).status?.run?.id];
  await applyMigration(site, { target: '006_ledger_tables', spec: { ...spec, validation: { timeoutSeconds: 30 } } });
  await waitForReason(site, ['UpToDate']);
  await sleep(2_000);
  const [after, status] = [await read(site, 'deployments', APP), (await migrationOf(site)).status];
  assert.equal(after?.metadata?.resourceVersion, before?.metadata?.resourceVersion, 'the app was touched');
  assert.notEqual(status?.run?.id, run, 'the edit was not looked at');
  assert.equal((await list(site, 'databasebackups')).length, 2, 'a backup was taken for nothing');
}

async function badSql(site: Site, rows: unknown): Promise<void> {
  await applyMigration(site, { target: '007_user_handles', spec });
  const { migration, message } = await waitForReason(site, ['MigrationFailed']);
  assert.equal(conditionOf(migration, 'Stalled')?.status, 'True');
  for (const part of ['007_user_handles', 'statement 3 (line 7)', 'users_handle_key', '23505']) {
    assert.ok(message.includes(part), `the message must quote ${part}: ${message}`);
  }
  await expectRunning(site, 2);
  await expectLedger(site, ALL_SIX);
  assert.deepEqual((await ask(site, '/users')).body, rows);
  assert.ok((await eventReasons(site)).includes('Warning/MigrationFailed'));
  await assert.rejects(
    kubectl(site, 'wait', '--for=condition=Ready', `databasemigration/${MIGRATION}`, '--timeout=2s'),
    'a pipeline must not go on',
  );
}
