// The resource is deleted while its migration runs. The migration ends, the app comes back if its manifest fits what the
// database is then at, else it is held with its count on it; the resource goes, and one of the same name takes over.
import assert from 'node:assert/strict';
import { ANNOTATIONS, LABELS } from '../../../src/api/names.ts';
import { ALL_SIX, expectLedger, expectRunning, FIRST_FIVE, waitForReason, waitReady } from '../expect.ts';
import { type Files, filesUpTo, slowed } from '../migrations.ts';
import { APP, MIGRATION } from '../names.ts';
import { recreate, withBackup } from '../objects.ts';
import { waitUntilAsleep } from '../pods.ts';
import { applyApp, applyMigration, install } from '../release.ts';
import type { Scenario } from '../scenario.ts';
import { kubectl, list, read, type Site, until } from '../site.ts';

const TARGET = '006_ledger_tables';

export const deletion: Scenario = {
  name: 'deletion',
  title: 'deleted in mid-run: the migration ends, the app comes back, the resource goes',
  run: async site => {
    await install(site, { needs: { min: '005_auth_tables', max: TARGET } });
    const files = await deleteInMidRun(site);
    await expectRunning(site, 2);
    await expectLedger(site, ALL_SIX);
    await applyMigration(site, { target: TARGET, files });
    await waitReady(site);
    await expectRunning(site, 2);
  },
};

export const deletionHeld: Scenario = {
  name: 'deletion-held',
  title:
    'deleted in mid-run with a manifest for the old schema only: held with its count, until a new resource takes over',
  run: async site => {
    await install(site);
    await kubectl(site, 'scale', `deployment/${APP}`, '--replicas=3');
    await expectRunning(site, 3);
    const files = await deleteInMidRun(site);
    const held = await read(site, 'deployments', APP);
    assert.equal(held?.spec?.replicas, 0, 'the old code must not run on the new schema');
    assert.equal(held.metadata?.annotations?.[ANNOTATIONS.replicas], '3', 'its count must stay with it');
    await applyMigration(site, { target: TARGET, files });
    await applyApp(site, { release: '006' });
    await waitForReason(site, ['UpToDate']);
    await expectRunning(site, 3);
    await expectLedger(site, ALL_SIX);
  },
};

/**
 * A StatefulSet whose Pods take longer than `drainSeconds` to end, so that they are deleted; and a backup whose Pod finds no
 * node: `spec.job` counts from the next Job, which is the one that backs up.
 */
export const deletionDuringBackup: Scenario = {
  name: 'deletion-backup',
  title: 'deleted while the backup waits for a node: the app comes back, the backup and its Job go',
  run: async site => {
    const workloads = [{ kind: 'StatefulSet' as const, name: APP, replicas: 2 }];
    const spec = { rollout: recreate({ workloads, drainSeconds: 1 }), backup: withBackup };
    await applyMigration(site, { target: '005_auth_tables', spec });
    await waitReady(site);
    await applyApp(site, { kind: 'StatefulSet', release: '005', needs: 'Nothing', replicas: 2 });
    await waitForReason(site, ['UpToDate']);
    await expectRunning(site, 2, 'statefulsets');
    const before = (await list(site, 'databasebackups')).length;
    await applyMigration(site, { target: TARGET, spec });
    await waitForReason(site, ['Stopping']);
    const nowhere = { nodeSelector: { 'truledgr.app/e2e': 'no-such-node' } };
    await applyMigration(site, { target: TARGET, spec: { ...spec, job: nowhere } });
    await until('a Job of the backup whose Pod finds no node', async () => {
      const pods = await list(site, 'pods', `${LABELS.step}=backup`);
      return pods.some(pod => pod.status?.conditions?.some(one => one.reason === 'Unschedulable'));
    });
    await kubectl(site, 'delete', 'databasemigration', MIGRATION, '--wait=false');
    await until('the resource gone', async () => (await read(site, 'databasemigrations', MIGRATION)) === undefined);
    await expectRunning(site, 2, 'statefulsets');
    await expectLedger(site, FIRST_FIVE);
    assert.equal((await list(site, 'databasebackups')).length, before, 'a backup that never was is still recorded');
    await until('the Job of the backup gone', async () => {
      const jobs = await list(site, 'jobs', `${LABELS.step}=backup`);
      return jobs.every(job => job.spec?.ttlSecondsAfterFinished !== undefined);
    });
  },
};

/** Answers the files: what was applied is not to be changed afterwards. */
async function deleteInMidRun(site: Site): Promise<Files> {
  const files = slowed(filesUpTo(TARGET, site.database.app.name), TARGET, 8);
  await applyMigration(site, { target: TARGET, files });
  await waitUntilAsleep(site);
  await kubectl(site, 'delete', 'databasemigration', MIGRATION, '--wait=false');
  await until('the resource gone', async () => (await read(site, 'databasemigrations', MIGRATION)) === undefined);
  await until('no Job for ever', async () => {
    const jobs = await list(site, 'jobs');
    return jobs.every(job => job.spec?.ttlSecondsAfterFinished !== undefined);
  });
  return files;
}
