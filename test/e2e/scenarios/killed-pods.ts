// Every Job of an upgrade loses its Pod once while it runs, as on a node that goes away. The next attempt does the work,
// and each version is applied once all the same. Plan and backup are kept busy by a lock, migrate by a sleep, validate by
// a Service that leads nowhere yet.
import assert from 'node:assert/strict';
import { LABELS } from '../../../src/api/names.ts';
import { holdTable } from '../database.ts';
import { ALL_SIX, expectLedger, expectRunning, waitForReason } from '../expect.ts';
import { filesUpTo, slowed } from '../migrations.ts';
import { APP } from '../names.ts';
import { healthCheck, recreate, serviceFor, withBackup } from '../objects.ts';
import { killPodOf, waitUntilAsleep } from '../pods.ts';
import { applyMigration, install } from '../release.ts';
import type { Scenario } from '../scenario.ts';
import { apply, ask, list, type Site } from '../site.ts';

const TARGET = '006_ledger_tables';
const GATE = 'gate';

export const killedPods: Scenario = {
  name: 'killed-pods',
  title: 'the Pod of each Job is killed once: Ready in the end, each version applied once',
  run: async site => {
    await install(site, { needs: { min: '005_auth_tables', max: TARGET } });
    await expectRunning(site, 2);
    await ask(site, '/users', { email: 'ada@one.example', display_name: 'Ada' });
    await apply(site, [serviceFor(GATE, { gate: 'closed' })]);
    const { cluster } = site.stage;
    const { name } = site.database;
    const files = slowed(filesUpTo(TARGET, site.database.app.name), TARGET, 6);
    const spec = { backup: withBackup, rollout: recreate(), validation: healthCheck(GATE) };

    const [plan, backup] = [await holdTable(cluster, name, 'migrate.epoch'), await holdTable(cluster, name, 'users')];
    await applyMigration(site, { target: TARGET, files, spec });
    await killPodOf(site, 'plan', 2);
    await plan.release();
    await killPodOf(site, 'backup', 2);
    await backup.release();
    await waitUntilAsleep(site);
    await killPodOf(site, 'migrate', 2);
    await killPodOf(site, 'validate', 2);
    await apply(site, [serviceFor(GATE, { 'app.kubernetes.io/name': APP })]);

    await waitForReason(site, ['UpToDate']);
    await expectRunning(site, 2);
    await expectLedger(site, ALL_SIX);
    assert.deepEqual(await attempts(site), { plan: 2, backup: 2, migrate: 2, validate: 2 });
  },
};

/** Jobs of the upgrade by step; whether a lost migration must be settled depends on how it was lost. */
async function attempts(site: Site): Promise<Readonly<Record<string, number>>> {
  const jobs = await list(site, 'jobs', `${LABELS.run}=2`);
  const steps = jobs.map(job => job.metadata?.labels?.[LABELS.step] ?? '').filter(step => step !== 'settle');
  return Object.fromEntries(steps.map(step => [step, steps.filter(other => other === step).length]));
}
