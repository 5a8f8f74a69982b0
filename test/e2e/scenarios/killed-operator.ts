// The operator dies in every step of an upgrade: by SIGKILL, whose process comes back in the same Pod, and in turn with
// its Pod, so that another has to wait for the Lease. What was begun is gone on with, and nothing is done twice.
import assert from 'node:assert/strict';
import { ALL_SIX, expectLedger, expectRunning, waitForReason } from '../expect.ts';
import { filesUpTo, slowed } from '../migrations.ts';
import { healthCheck, recreate, withBackup } from '../objects.ts';
import { killOperatorPod, killOperatorProcess } from '../operator-pod.ts';
import { applyMigration, install } from '../release.ts';
import type { Scenario } from '../scenario.ts';
import { ask, list } from '../site.ts';

const TARGET = '006_ledger_tables';
const STEPS = ['Planning', 'Stopping', 'BackingUp', 'Migrating', 'Starting', 'Validating'] as const;

export const killedOperator: Scenario = {
  name: 'killed-operator',
  title: 'the operator is killed in each step: Ready in the end, the count right, each version applied once',
  run: async site => {
    const spec = { backup: withBackup, rollout: recreate(), validation: healthCheck() };
    await install(site, { needs: { min: '005_auth_tables', max: TARGET } }, { ...spec, backup: { policy: 'Never' } });
    await expectRunning(site, 2);
    await ask(site, '/users', { email: 'ada@one.example', display_name: 'Ada' });
    const rows = (await ask(site, '/users')).body;
    const files = slowed(filesUpTo(TARGET, site.database.app.name), TARGET, 3);
    await applyMigration(site, { target: TARGET, files, spec });
    for (const [index, step] of STEPS.entries()) {
      await waitForReason(site, [step], { generation: 'Any' });
      if (index % 2 === 0) await killOperatorProcess(site.stage);
      else await killOperatorPod(site.stage);
    }
    await waitForReason(site, ['UpToDate']);
    await expectRunning(site, 2);
    await expectLedger(site, ALL_SIX);
    assert.deepEqual((await ask(site, '/users')).body, rows);
    assert.equal((await list(site, 'databasebackups')).length, 1);
  },
};
