// A session of the app's role that does not go away, as a forgotten psql or a workload that nobody listed has: the
// database is not touched under it, the app does not stay down for it, and the status names it.
import assert from 'node:assert/strict';
import { ANNOTATIONS } from '../../../src/api/names.ts';
import { postgresImage } from '../../cluster/images.ts';
import { ALL_SIX, conditionOf, expectLedger, expectRunning, FIRST_FIVE, waitForReason } from '../expect.ts';
import { MIGRATION, SECRETS } from '../names.ts';
import { recreate } from '../objects.ts';
import { restrictedContainer, restrictedPod } from '../pod-security.ts';
import { applyMigration, install } from '../release.ts';
import type { Scenario } from '../scenario.ts';
import { apply, ask, kill, kubectl, query, read, type Site, until } from '../site.ts';

const HOLDER = 'forgotten-psql';
const either = { min: '005_auth_tables', max: '006_ledger_tables' } as const;

export const session: Scenario = {
  name: 'session',
  title: 'a session of the app that stays: named, then the app comes back; a retry after it has gone',
  run: async site => {
    await install(site, { needs: either });
    await expectRunning(site, 2);
    await apply(site, [holder()]);
    await until('the forgotten session', async () => (await sessions(site)).includes('1'));
    const rollout = recreate({ drainSeconds: 3, maxStoppedSeconds: 30 });
    await applyMigration(site, { target: '006_ledger_tables', spec: { rollout } });
    const remains = await waitForReason(site, ['SessionsRemain']);
    assert.equal(conditionOf(remains.migration, 'Reconciling')?.status, 'True');
    for (const part of [HOLDER, site.database.app.name]) assert.ok(remains.message.includes(part), remains.message);
    const { message, migration } = await waitForReason(site, ['StoppedTooLong']);
    assert.equal(conditionOf(migration, 'Stalled')?.status, 'True');
    assert.ok(message.includes(HOLDER), `the message must still name the session: ${message}`);
    await expectRunning(site, 2);
    await expectLedger(site, FIRST_FIVE);
    assert.equal((await ask(site, '/health')).status, 200);
    await retryWithoutHolder(site);
  },
};

async function retryWithoutHolder(site: Site): Promise<void> {
  const pod = await read(site, 'pods', HOLDER);
  if (pod !== undefined) await kill(site, pod);
  await until('no forgotten session', async () => (await sessions(site)).includes('0'));
  await kubectl(site, 'annotate', 'databasemigration', MIGRATION, `${ANNOTATIONS.retry}=1`);
  await waitForReason(site, ['UpToDate']);
  await expectRunning(site, 2);
  await expectLedger(site, ALL_SIX);
}

async function sessions(site: Site): Promise<readonly string[]> {
  return query(site, `SELECT count(*) FROM pg_stat_activity WHERE application_name = '${HOLDER}'`);
}

function holder(): object {
  const container = {
    ...restrictedContainer,
    name: 'psql',
    image: postgresImage,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', 'exec psql "$DATABASE_URL" --no-psqlrc --command="SELECT pg_sleep(3600)"'],
    env: [
      { name: 'DATABASE_URL', valueFrom: { secretKeyRef: { name: SECRETS.app, key: 'url' } } },
      { name: 'PGAPPNAME', value: HOLDER },
    ],
  };
  const spec = { ...restrictedPod(999), restartPolicy: 'Never', containers: [container] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: HOLDER }, spec };
}
