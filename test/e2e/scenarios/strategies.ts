// The other ways of rolling out: Rolling, where the app must answer all the time; None, which touches nothing; and
// Recreate with a StatefulSet.
import assert from 'node:assert/strict';
import { ANNOTATIONS } from '../../../src/api/names.ts';
import { VERSION } from '../../../src/cli/version.ts';
import { watchHealth } from '../availability.ts';
import { ALL_SIX, expectLedger, expectRunning, FIRST_FIVE, waitForReason, waitReady } from '../expect.ts';
import type { Version } from '../migrations.ts';
import { APP, OPERATOR_IMAGE, SECRETS } from '../names.ts';
import { healthCheck, recreate } from '../objects.ts';
import { restrictedContainer, restrictedPod } from '../pod-security.ts';
import { applyApp, applyMigration, install } from '../release.ts';
import type { Scenario } from '../scenario.ts';
import { apply, ask, kubectl, list, read, type Site } from '../site.ts';

const APP_LABEL = `app.kubernetes.io/name=${APP}`;

export const rolling: Scenario = {
  name: 'rolling',
  title: 'Rolling: the app answers all the time, and its Pods are restarted',
  run: async site => {
    const rollout = recreate({ strategy: 'Rolling' });
    const spec = { rollout, validation: healthCheck() };
    await install(site, { needs: 'Nothing' }, spec);
    await expectRunning(site, 2);
    const before = await podNames(site);
    const health = watchHealth(site);
    await applyMigration(site, { target: '006_ledger_tables', spec });
    await waitReady(site);
    const { migration } = await waitForReason(site, ['UpToDate']);
    await expectRunning(site, 2);
    await applyApp(site, { release: '006', needs: 'Nothing' });
    await expectRunning(site, 2);
    const seen = await health.stop();
    assert.deepEqual(seen.failures, [], `of ${seen.answers} requests`);
    assert.ok(seen.answers > 50, `only ${seen.answers} requests were made`);
    const template = (await read(site, 'deployments', APP))?.spec?.template.metadata?.annotations;
    assert.equal(template?.[ANNOTATIONS.restartedFor], `${migration.metadata?.uid}/${migration.status?.run?.id}`);
    assert.deepEqual(
      (await podNames(site)).filter(name => before.includes(name)),
      [],
      'Pods with the old connections',
    );
    await expectLedger(site, ALL_SIX);
  },
};

export const none: Scenario = {
  name: 'none',
  title: 'None: the database is migrated under an app that is not touched; a Pod waits for its schema as the app',
  run: async site => {
    const rollout = { strategy: 'None' as const };
    await apply(site, [waitingPod('005_auth_tables')]);
    await applyMigration(site, { target: '005_auth_tables', spec: { rollout } });
    await waitReady(site);
    await expectLedger(site, FIRST_FIVE);
    await expectWaited(site, '005_auth_tables');
    await applyApp(site, { release: '005', replicas: 1 });
    await expectRunning(site, 1);
    const [generation, pods] = [(await read(site, 'deployments', APP))?.metadata?.generation, await podNames(site)];
    await applyMigration(site, { target: '006_ledger_tables', spec: { rollout, validation: healthCheck() } });
    await waitReady(site);
    await expectLedger(site, ALL_SIX);
    assert.equal((await read(site, 'deployments', APP))?.metadata?.generation, generation);
    assert.deepEqual(await podNames(site), pods);
    assert.deepEqual((await ask(site, '/health')).body, { release: '005', schema: '006_ledger_tables' });
  },
};

export const statefulSet: Scenario = {
  name: 'statefulset',
  title: 'a StatefulSet is installed, stopped and started like a Deployment',
  run: async site => {
    const spec = { rollout: recreate({ workloads: [{ kind: 'StatefulSet', name: APP, replicas: 2 }] }) };
    await install(site, { kind: 'StatefulSet' }, spec);
    await expectRunning(site, 2, 'statefulsets');
    await applyMigration(site, { target: '006_ledger_tables', spec });
    await waitReady(site);
    assert.equal((await read(site, 'statefulsets', APP))?.spec?.replicas, 0);
    await applyApp(site, { kind: 'StatefulSet', release: '006' });
    await waitForReason(site, ['UpToDate']);
    await expectRunning(site, 2, 'statefulsets');
    await expectLedger(site, ALL_SIX);
  },
};

async function podNames(site: Site): Promise<readonly string[]> {
  const pods = await list(site, 'pods', APP_LABEL);
  return pods.filter(pod => pod.metadata?.deletionTimestamp === undefined).map(pod => pod.metadata?.name ?? '');
}

/** Waits as the app's own role before it begins, with the command line of the image, and then says its version. */
function waitingPod(version: Version): object {
  const container = { ...restrictedContainer, image: OPERATOR_IMAGE, imagePullPolicy: 'IfNotPresent' };
  const env = [{ name: 'DATABASE_URL', valueFrom: { secretKeyRef: { name: SECRETS.app, key: 'url' } } }];
  const spec = {
    ...restrictedPod(65532),
    restartPolicy: 'Never',
    initContainers: [{ ...container, name: 'schema', command: ['migrate', 'wait', '--for', version], env }],
    containers: [{ ...container, name: 'app', command: ['migrate', '--version'] }],
  };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'waiting' }, spec };
}

async function expectWaited(site: Site, version: Version): Promise<void> {
  await kubectl(site, 'wait', 'pod/waiting', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s');
  assert.match(await kubectl(site, 'logs', 'waiting', '--container=schema'), new RegExp(`at ${version}`));
  assert.equal((await kubectl(site, 'logs', 'waiting', '--container=app')).trim(), VERSION);
}
