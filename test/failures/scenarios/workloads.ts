// What other hands and other controllers do to the app's workloads, and workloads that cannot be handled.
import assert from 'node:assert/strict';
import { isAlreadyExists } from '../../../src/kubernetes/errors.ts';
import {
  DEPLOYMENTS,
  PODS,
  SCALED_OBJECTS,
  STATEFUL_SETS,
  type StatefulSet,
} from '../../../src/kubernetes/resources.ts';
import { CUSTOM_RESOURCE_DEFINITIONS, HORIZONTAL_POD_AUTOSCALERS } from '../../control/kinds.ts';
import { APP, deploymentOf, migration, statefulSetOf } from '../../control/objects.ts';
import type { Scenario, Scene } from '../scene.ts';

const RELEASE = { migrations: migration('001_accounts'), strategy: 'Recreate' } as const;
const ROLLING = { migrations: migration('001_accounts'), strategy: 'Rolling' } as const;

/** The app is held at zero, because the Pod that backs up does not start before `release` is called. */
async function heldAtZero(scene: Scene): Promise<{ release(): void }> {
  const released = Promise.withResolvers<void>();
  scene.befall(({ step }) => (step === 'backup' ? { is: 'NeverStarts', until: released.promise } : undefined));
  await scene.apply(RELEASE);
  await scene.startOperator();
  await scene.until('the app is held at zero and its backup is asked for', async () => {
    const { spec, status } = await scene.deployment();
    return spec?.replicas === 0 && (status?.replicas ?? 0) === 0 && (await scene.jobs('backup')).length > 0;
  });
  return { release: released.resolve };
}

const STATEFUL = { rollout: { workloads: [{ kind: 'StatefulSet', name: APP }], drainSeconds: 5 } };

async function statefulSet(scene: Scene): Promise<StatefulSet> {
  const found = await scene.world.api.get(STATEFUL_SETS, scene.name, APP);
  if (found === undefined) throw new Error('the StatefulSet is gone');
  return found;
}

async function statefulSetRuns(scene: Scene, replicas: number): Promise<void> {
  await scene.until(`the StatefulSet runs with ${replicas}`, async () => {
    const { spec, status } = await statefulSet(scene);
    return spec?.replicas === replicas && status?.availableReplicas === replicas;
  });
}

async function installStatefulSet(scene: Scene, replicas: number, strategy: 'RollingUpdate' | 'OnDelete') {
  await scene.install({ replicas: 0 });
  await scene.world.api.create(STATEFUL_SETS, scene.name, statefulSetOf({ replicas }, strategy) as never);
  scene.afterwards(() => scene.world.api.delete(STATEFUL_SETS, scene.name, APP));
  await statefulSetRuns(scene, replicas);
}

/** Only what is asked of it: the kind exists, and knows its target. https://keda.sh */
async function installKeda(scene: Scene): Promise<void> {
  const { group, version, plural, kind } = SCALED_OBJECTS;
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const spec = {
    group,
    scope: 'Namespaced',
    names: { plural, kind, singular: 'scaledobject' },
    versions: [{ name: version, served: true, storage: true, schema }],
  };
  const definition = { metadata: { name: `${plural}.${group}` }, spec };
  await scene.world.api.create(CUSTOM_RESOURCE_DEFINITIONS, undefined, definition).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
  await scene.until('the kind of KEDA is served', () =>
    scene.world.api.list(SCALED_OBJECTS, { namespace: scene.name }).then(
      () => true,
      () => false,
    ),
  );
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'raised-before-migrate',
    title: 'replicas that a GitOps tool raises while the app is held at zero end the run before it migrates',
    async run(scene) {
      await scene.install();
      await heldAtZero(scene);
      const tool = { fieldManager: 'argocd-controller' };
      await scene.world.api.patch(DEPLOYMENTS, scene.name, APP, { spec: { replicas: 3 } }, tool);
      await scene.reads({
        reason: 'ReplicasContested',
        outlook: 'Stalled',
        says: [/Deployment shop/, /raised to 3/, /"?argocd-controller"?/, /not touched/, /retry/],
      });
      await scene.appRuns(3);
      assert.deepEqual(await scene.applied(), []);
      assert.equal((await scene.jobs('migrate')).length, 0);
    },
  },
  {
    name: 'raised-during-migrate',
    title: 'replicas raised while the migration runs are left, and its Job finishes',
    async run(scene) {
      await scene.install();
      await scene.apply({ ...RELEASE, migrations: migration('001_accounts', 'SELECT pg_sleep(4);') });
      await scene.startOperator();
      await scene.until('the migration is at work', async () => {
        const [row] = await scene.database.query(
          `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`,
        );
        return row?.n === '1';
      });
      const scale = { subresource: 'scale', fieldManager: 'kubectl' } as const;
      await scene.world.api.patch(DEPLOYMENTS, scene.name, APP, { spec: { replicas: 3 } }, scale);
      await scene.endsWell('001_accounts', 3);
      assert.deepEqual(await scene.applied(), ['001_accounts']);
      assert.equal((await scene.jobs('migrate')).length, 1);
    },
  },
  {
    name: 'autoscaler',
    title: 'a HorizontalPodAutoscaler rests while the app is at zero, and raises it to its own minimum afterwards',
    async run(scene) {
      const { api } = scene.world;
      await scene.install();
      const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: APP };
      const autoscaler = { metadata: { name: APP }, spec: { scaleTargetRef, minReplicas: 2, maxReplicas: 5 } };
      await api.create(HORIZONTAL_POD_AUTOSCALERS, scene.name, autoscaler);
      const { release } = await heldAtZero(scene);
      await scene.until('the autoscaler has looked, and rests', async () => {
        const found = await api.get(HORIZONTAL_POD_AUTOSCALERS, scene.name, APP);
        return found?.status?.conditions?.some(one => one.type === 'ScalingActive' && one.reason === 'ScalingDisabled');
      });
      assert.equal((await scene.deployment()).spec?.replicas, 0);
      // The count of the mark is what it is started with; what is above it is the autoscaler's to say.
      await api.patch(HORIZONTAL_POD_AUTOSCALERS, scene.name, APP, { spec: { minReplicas: 3 } });
      release();
      await scene.endsWell('001_accounts', 3);
    },
  },
  {
    name: 'scaled-by-keda',
    title: 'a workload that KEDA scales is refused under Recreate before anything is stopped',
    async run(scene) {
      const { api } = scene.world;
      await scene.install();
      await installKeda(scene);
      const spec = { scaleTargetRef: { name: APP }, minReplicaCount: 1, triggers: [] };
      await api.create(SCALED_OBJECTS, scene.name, { metadata: { name: 'shop-scaler' }, spec } as never);
      const before = (await scene.deployment()).metadata?.generation;
      await scene.apply(RELEASE);
      await scene.startOperator();
      await scene.reads({
        reason: 'UnsupportedWorkload',
        outlook: 'Stalled',
        says: [/Deployment shop/, /ScaledObject shop-scaler/, /KEDA/, /strategy Rolling/, /not touched/],
      });
      assert.equal((await scene.deployment()).metadata?.generation, before);
      await scene.appRuns();
      await api.delete(SCALED_OBJECTS, scene.name, 'shop-scaler');
      await scene.retry('the ScaledObject is gone');
      await scene.endsWell('001_accounts');
    },
  },
  {
    name: 'stuck-stateful-set',
    title: 'Pods that keep a StatefulSet from scaling down are deleted after drainSeconds',
    async run(scene) {
      await installStatefulSet(scene, 3, 'RollingUpdate');
      // It takes the highest first and waits at the second unhealthy one for ever.
      for (const name of ['shop-0', 'shop-1']) {
        const status = { conditions: [{ type: 'Ready', status: 'False' }] };
        await scene.world.api.patch(PODS, scene.name, name, { status }, { subresource: 'status' });
      }
      await scene.apply(RELEASE, STATEFUL);
      await scene.startOperator();
      await scene.reads({
        reason: 'Stopping',
        outlook: 'Reconciling',
        says: [/StatefulSet shop has 2 Pods .*deleted from 20/],
      });
      await scene.reads({ reason: 'UpToDate', says: [/001_accounts/] });
      await statefulSetRuns(scene, 3);
    },
  },
  {
    name: 'update-on-delete',
    title: 'a StatefulSet with OnDelete is refused under Rolling, and handled once the strategy is Recreate',
    async run(scene) {
      await installStatefulSet(scene, 2, 'OnDelete');
      await scene.apply(ROLLING, STATEFUL);
      await scene.startOperator();
      await scene.reads({
        reason: 'UnsupportedWorkload',
        outlook: 'Stalled',
        says: [/StatefulSet shop has updateStrategy OnDelete/, /RollingUpdate, or strategy Recreate/, /not touched/],
      });
      await scene.edit({ rollout: { strategy: 'Recreate' } });
      await scene.reads({ reason: 'UpToDate', says: [/001_accounts/] });
      await statefulSetRuns(scene, 2);
    },
  },
  {
    name: 'mistyped-workload',
    title: 'a second workload whose name is mistyped is awaited, named with what is near, and mended in the spec',
    async run(scene) {
      await scene.install();
      const worker = deploymentOf({ replicas: 1 });
      const labels = { app: 'shop-worker' };
      await scene.world.api.create(DEPLOYMENTS, scene.name, {
        metadata: { name: 'shop-worker' },
        spec: {
          ...worker.spec,
          selector: { matchLabels: labels },
          template: { ...worker.spec.template, metadata: { labels } },
        },
      } as never);
      scene.afterwards(() => scene.world.api.delete(DEPLOYMENTS, scene.name, 'shop-worker'));
      const app = { kind: 'Deployment', name: APP };
      await scene.apply(RELEASE, { rollout: { workloads: [app, { kind: 'Deployment', name: 'shop-wrker' }] } });
      await scene.startOperator();
      await scene.reads({
        reason: 'AwaitingManifest',
        says: [/Deployment shop-wrker does not exist \(there is shop-worker\)/, /mistyped.*spec\.rollout\.workloads/],
      });
      await scene.appRuns();
      await scene.edit({ rollout: { workloads: [app, { kind: 'Deployment', name: 'shop-worker' }] } });
      await scene.endsWell('001_accounts');
      await scene.reads({ type: 'Validated', reason: 'Passed', says: [/health/] });
    },
  },
];
