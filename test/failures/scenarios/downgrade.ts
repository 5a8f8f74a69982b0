// Versions that are not simply applied: a release is reverted, when the scripts that lead back have left the source with it;
// and a database that is older than its record.
import assert from 'node:assert/strict';
import { ANNOTATIONS } from '../../../src/api/names.ts';
import { DEPLOYMENTS } from '../../../src/kubernetes/resources.ts';
import { MIGRATIONS } from '../../../src/operator/sources.ts';
import { APP, migration, type Release } from '../../control/objects.ts';
import type { Scenario, Scene } from '../scene.ts';

const ONE: Release = { migrations: migration('001_accounts'), strategy: 'Recreate' };
const TWO: Release = {
  ...ONE,
  migrations: { ...ONE.migrations, '002_groups': 'CREATE TABLE groups (id bigint PRIMARY KEY);' },
  downs: { '002_groups': 'DROP TABLE groups;' },
};

/** The app's manifest says which version its code needs. */
async function applyManifest(scene: Scene, minVersion: string): Promise<void> {
  const template = { metadata: { annotations: { [ANNOTATIONS.minVersion]: minVersion } } };
  await scene.world.api.patch(DEPLOYMENTS, scene.name, APP, { spec: { template } });
}

/** At the lower version; the app is at zero until its old manifest follows, and runs on it then. */
async function endsLower(scene: Scene): Promise<void> {
  await scene.reads({ reason: 'AwaitingManifest', says: [/001_accounts/, /needs 002_groups/] });
  assert.equal((await scene.deployment()).spec?.replicas, 0, 'code of 002 must not run on 001');
  await applyManifest(scene, '001_accounts');
  await scene.endsWell('001_accounts');
  assert.deepEqual(await scene.applied(), ['001_accounts'], 'the rows of what stays are kept');
  const [left] = await scene.database.query("SELECT to_regclass('public.groups') AS name");
  assert.equal(left?.name, null, 'the table of 002 is still there');
}

async function auditHead(scene: Scene) {
  const [row] = await scene.database.query('SELECT id, hash FROM migrate.audit ORDER BY id DESC LIMIT 1');
  return { id: Number(row?.id), hash: row?.hash };
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'revert',
    title: 'the revert of a release goes down by the scripts that the ledger kept, with a backup of its own',
    async run(scene) {
      await scene.install({ replicas: 2, minVersion: '002_groups' });
      await scene.apply(TWO);
      await scene.startOperator();
      await scene.endsWell('002_groups');
      await scene.apply(ONE);
      await endsLower(scene);
      assert.equal((await scene.jobs('backup')).length, 2, 'one on the way up, one on the way down');
      await scene.apply(TWO);
      await scene.reads({ reason: 'AwaitingManifest', says: [/002_groups/, /needs 001_accounts/] });
    },
  },
  {
    name: 'downgrade-that-loses-rows',
    title: 'a downgrade that loses rows waits for min-version and for a yes to exactly this loss, and the app runs',
    async run(scene) {
      await scene.install({ replicas: 2 });
      await scene.apply(TWO);
      await scene.startOperator();
      await scene.endsWell('002_groups');
      await scene.database.query('INSERT INTO groups VALUES (1), (2), (3)');
      await scene.apply(ONE);
      const message = await scene.reads({
        reason: 'DowngradeWouldLoseData',
        outlook: 'Stalled',
        says: [/table public\.groups \(3 rows\)/, /set spec\.target back to 002_groups/, /The app was not touched/],
      });
      await scene.appRuns();
      const digest = /confirm-downgrade=([0-9a-f]{64})/.exec(message)?.[1];
      assert.ok(digest, message);
      const metadata = { annotations: { [ANNOTATIONS.confirmDowngrade]: digest } };
      await scene.world.api.patch(MIGRATIONS, scene.name, APP, { metadata });
      await scene.reads({
        reason: 'VersionAnnotationMissing',
        outlook: 'Stalled',
        says: [/Deployment shop/, /kubectl patch --namespace downgrade-that-loses-rows deployment shop/],
      });
      await scene.appRuns();
      await applyManifest(scene, '002_groups');
      await endsLower(scene);
    },
  },
  {
    name: 'baseline',
    title:
      'a database with tables and no record is adopted by spec.baseline, after a backup, and migrated in the same run',
    async run(scene) {
      await scene.install({ replicas: 2 });
      await scene.database.query(`SET ROLE owner; ${ONE.migrations['001_accounts']}; INSERT INTO accounts VALUES (7)`);
      await scene.apply(TWO);
      await scene.startOperator();
      await scene.reads({
        reason: 'BaselineNeeded',
        outlook: 'Stalled',
        says: [/2 tables \(public\.accounts, public\.witness\)/, /spec\.baseline\.version/, /The app was not touched/],
      });
      await scene.appRuns();
      await scene.edit({ baseline: { version: '001_accounts' } });
      await scene.endsWell('002_groups');
      await scene.reads({ type: 'Migrated', reason: 'AtTarget', says: [/adopted at 001_accounts, 1 applied/] });
      assert.deepEqual(await scene.applied(), ['001_accounts'], '001 was run again');
      assert.equal((await scene.jobs('backup')).length, 1);
      const rows = await scene.database.query('SELECT version, origin FROM migrate.ledger ORDER BY number');
      assert.deepEqual(
        rows.map(row => `${row.version} ${row.origin}`),
        ['001_accounts baseline', '002_groups applied'],
      );
      await scene.edit({ baseline: null });
      await scene.reads({ reason: 'UpToDate', says: [/nothing was pending/] });
    },
  },
  {
    name: 'restored-by-hand',
    title: 'a database that a person has restored is told by its audit, and migrated again without waiting for anybody',
    async run(scene) {
      const { postgres } = scene.world;
      await scene.install();
      await scene.apply(ONE);
      await scene.startOperator();
      await scene.endsWell('001_accounts');
      postgres.psql(`CREATE DATABASE "${scene.name}-before" OWNER owner TEMPLATE "${scene.name}"`, 'postgres');
      await scene.apply(TWO);
      await scene.endsWell('002_groups');
      const { id, hash } = (await scene.migration()).status?.audit ?? {};
      assert.deepEqual({ id, hash }, await auditHead(scene), 'the status has noted the last row');
      postgres.psql(`DROP DATABASE "${scene.name}" WITH (FORCE)`, 'postgres');
      postgres.psql(`ALTER DATABASE "${scene.name}-before" RENAME TO "${scene.name}"`, 'postgres');
      await scene.retry('restored');
      const says = [new RegExp(`before row ${id}, which this resource had seen`), /restored from a backup/];
      await scene.reads({ type: 'AuditDiffers', reason: 'RowsMissing', says });
      await scene.endsWell('002_groups');
      const { status } = await scene.migration();
      assert.match(status?.history?.[0]?.note ?? '', /restored from a backup/, 'the run keeps it for later');
      const { id: now, hash: nowHash } = status?.audit ?? {};
      assert.deepEqual({ id: now, hash: nowHash }, await auditHead(scene), 'what is there now counts from now on');
      await scene.retry('again');
      await scene.until('a plan finds the audit whole', async () => {
        const { conditions = [] } = (await scene.migration()).status ?? {};
        return !conditions.some(one => one.type === 'AuditDiffers');
      });
      assert.equal((await scene.jobs('migrate')).length, 3);
    },
  },
];
