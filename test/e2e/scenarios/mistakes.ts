// What people get wrong in the resource. Each is said on its status in words that name the mistake, nothing is stopped
// for it, and once it is mended the release goes on by itself.
import assert from 'node:assert/strict';
import { conditionOf, expectLedger, expectRunning, FIRST_FIVE, waitForReason, waitReady } from '../expect.ts';
import { configMapName, filesUpTo } from '../migrations.ts';
import { APP, SECRETS } from '../names.ts';
import { configMap, migration, recreate } from '../objects.ts';
import { applyApp, applyMigration } from '../release.ts';
import type { Scenario } from '../scenario.ts';
import { apply, list } from '../site.ts';

const TARGET = '005_auth_tables';

export const wrongSecret: Scenario = {
  name: 'wrong-secret',
  title: 'a wrong Secret name is waited for, and mended by an edit',
  run: async site => {
    const urlSecretRef = { name: 'truledgr-databse', key: 'url' };
    const database = { urlSecretRef, appRoles: [site.database.app.name] };
    await applyApp(site, { release: '005', replicas: 0 });
    await applyMigration(site, { target: TARGET, spec: { database } });
    const waiting = await waitForReason(site, ['WaitingForSecret']);
    assert.equal(conditionOf(waiting.migration, 'Reconciling')?.status, 'True');
    assert.match(waiting.message, /truledgr-databse/);
    await applyMigration(site, {
      target: TARGET,
      spec: { database: { ...database, urlSecretRef: { name: SECRETS.owner, key: 'url' } } },
    });
    await waitReady(site);
    await expectRunning(site, 2);
    await expectLedger(site, FIRST_FIVE);
  },
};

export const missingConfigMap: Scenario = {
  name: 'missing-configmap',
  title: 'a ConfigMap that is not there is waited for, and the release goes on when it comes',
  run: async site => {
    const files = filesUpTo(TARGET, site.database.app.name);
    await applyApp(site, { release: '005', replicas: 0 });
    await apply(site, [migration(site.database, { target: TARGET, files })]);
    const waiting = await waitForReason(site, ['WaitingForSource']);
    assert.equal(conditionOf(waiting.migration, 'Reconciling')?.status, 'True');
    assert.ok(waiting.message.includes(configMapName(files)), waiting.message);
    assert.deepEqual(await list(site, 'jobs'), []);
    await apply(site, [configMap(files)]);
    await waitReady(site);
    await expectRunning(site, 2);
    await expectLedger(site, FIRST_FIVE);
  },
};

export const mistypedWorkload: Scenario = {
  name: 'mistyped-workload',
  title: 'a mistyped workload is awaited, with the names that are like it, and mended by an edit',
  run: async site => {
    const workloads = [{ kind: 'Deployment' as const, name: 'truledger-api', replicas: 2 }];
    await applyApp(site, { release: '005', replicas: 0 });
    await applyMigration(site, { target: TARGET, spec: { rollout: recreate({ workloads }) } });
    await waitReady(site);
    const { message, migration: awaiting } = await waitForReason(site, ['AwaitingManifest']);
    assert.match(message, /truledger-api does not exist/);
    assert.ok(message.includes(`there is ${APP}`), message);
    assert.equal(conditionOf(awaiting, 'RolledOut')?.status, 'False');
    await applyMigration(site, { target: TARGET });
    await waitForReason(site, ['UpToDate']);
    await expectRunning(site, 2);
    await expectLedger(site, FIRST_FIVE);
  },
};
