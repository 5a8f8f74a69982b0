// A step's Job: what it may do in the cluster, how long it may take, what goes with it; and how its Pod is read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTRACT_VERSION, type JobInput, STEPS } from '../../../src/api/job-contract.ts';
import { ANNOTATIONS, LABELS } from '../../../src/api/names.ts';
import type { Job, Pod } from '../../../src/kubernetes/resources.ts';
import { buildJob } from '../../../src/operator/jobs/build.ts';
import { jobView } from '../../../src/operator/jobs/view.ts';

type JobPlan = Parameters<typeof buildJob>[0];

function planFor(step: (typeof STEPS)[number], different: Partial<JobPlan> = {}): JobPlan {
  const input = { step, contract: CONTRACT_VERSION, attempt: 3, runId: 2, timeoutSeconds: 120 } as unknown as JobInput;
  return {
    name: `truledgr-${step}-1`,
    namespace: 'shop',
    kind: 'DatabaseMigration',
    ownerName: 'truledgr',
    ownerUid: 'uid-of-truledgr',
    ownership: 'Free',
    step,
    input,
    madeFor: 'digest',
    secret: { name: 'truledgr-database', key: 'url' },
    configMaps: [],
    job: { startDeadlineSeconds: 120 },
    image: 'migration-operator:test',
    imagePullPolicy: 'IfNotPresent',
    ...different,
  };
}

const podSpec = (job: Job) => {
  const spec = job.spec?.template.spec;
  assert.ok(spec !== undefined);
  return spec;
};

for (const step of STEPS) {
  test(`the Pod of ${step} satisfies the restricted Pod Security Standard and has no token`, () => {
    const spec = podSpec(buildJob(planFor(step)));
    assert.equal(spec.automountServiceAccountToken, false);
    assert.equal(spec.restartPolicy, 'Never');
    assert.equal(spec.securityContext?.runAsNonRoot, true);
    assert.equal(spec.securityContext?.seccompProfile?.type, 'RuntimeDefault');
    for (const container of spec.containers) {
      assert.equal(container.securityContext?.allowPrivilegeEscalation, false);
      assert.equal(container.securityContext?.readOnlyRootFilesystem, true);
      assert.deepEqual(container.securityContext?.capabilities, { drop: ['ALL'] });
    }
  });
}

test('a Job is told the image that its own container has, for the ledger', () => {
  const [container] = podSpec(buildJob(planFor('migrate', { image: 'registry.example/ours:0.1.0-pg17' }))).containers;
  const asked = JSON.parse(container?.env?.find(one => one.name === 'MIGRATE_JOB')?.value ?? '{}');
  assert.deepEqual([container?.image, asked.image], Array(2).fill('registry.example/ours:0.1.0-pg17'));
});

test('a Job is one Pod, tried once', () => {
  const { spec } = buildJob(planFor('migrate'));
  assert.deepEqual(
    [spec?.backoffLimit, spec?.completions, spec?.parallelism, spec?.podReplacementPolicy],
    [0, 1, 1, 'Failed'],
  );
});

test('backup and migrate have no time limit unless one is asked for; the others have', () => {
  const seconds = (plan: JobPlan) => buildJob(plan).spec?.activeDeadlineSeconds;
  assert.deepEqual(
    STEPS.map(step => seconds(planFor(step))),
    [600, undefined, undefined, 600, 180],
  );
  const job = { startDeadlineSeconds: 120, timeoutSeconds: 42 };
  assert.deepEqual(
    STEPS.map(step => seconds(planFor(step, { job }))),
    [42, 42, 42, 42, 42],
  );
});

test('a free Job has no owner, so that a deletion cannot kill it; an owned one goes with its resource', () => {
  assert.equal(buildJob(planFor('migrate')).metadata?.ownerReferences, undefined);
  const [owner] = buildJob(planFor('plan', { ownership: 'Owned' })).metadata?.ownerReferences ?? [];
  assert.deepEqual([owner?.kind, owner?.uid, owner?.controller], ['DatabaseMigration', 'uid-of-truledgr', true]);
});

test('what a person adds never replaces what Jobs are found by', () => {
  const job = {
    startDeadlineSeconds: 120,
    labels: { team: 'ledger', [LABELS.uid]: 'forged' },
    annotations: { note: 'x', [ANNOTATIONS.madeFor]: 'forged' },
  };
  const { metadata } = buildJob(planFor('plan', { job }));
  assert.equal(metadata?.labels?.team, 'ledger');
  assert.equal(metadata?.labels?.[LABELS.uid], 'uid-of-truledgr');
  assert.equal(metadata?.annotations?.[ANNOTATIONS.madeFor], 'digest');
});

test('autoscalers are asked to leave a migration alone', () => {
  const annotations = buildJob(planFor('migrate')).spec?.template.metadata?.annotations;
  assert.equal(annotations?.['cluster-autoscaler.kubernetes.io/safe-to-evict'], 'false');
  assert.equal(annotations?.['karpenter.sh/do-not-disrupt'], 'true');
});

test('the URL comes from the Secret, and each ConfigMap has a directory of its own', () => {
  const spec = podSpec(buildJob(planFor('plan', { configMaps: ['one', 'two'], volumeClaim: 'backups' })));
  const [container] = spec.containers;
  const url = container?.env?.find(variable => variable.name === 'DATABASE_URL');
  assert.deepEqual(url, {
    name: 'DATABASE_URL',
    valueFrom: { secretKeyRef: { name: 'truledgr-database', key: 'url' } },
  });
  assert.deepEqual(
    container?.volumeMounts?.map(mount => mount.mountPath),
    ['/tmp', '/migrations/0', '/migrations/1', '/backups'],
  );
});

const JOB: Job = { metadata: { name: 'a', uid: 'job-1', annotations: { [ANNOTATIONS.madeFor]: 'digest' } } };

function podWith(status: object): Pod {
  const metadata = { name: 'a-x', uid: 'pod-1', ownerReferences: [{ uid: 'job-1' }] };
  return { metadata, status } as unknown as Pod;
}

test('a Pod that is being pulled for is not called stuck; one that cannot start says why', () => {
  const waiting = (reason: string) =>
    jobView(JOB, [podWith({ containerStatuses: [{ state: { waiting: { reason, message: 'why' } } }] })]).pods[0]
      ?.waiting;
  assert.equal(waiting('ContainerCreating'), undefined);
  assert.deepEqual(waiting('ErrImagePull'), { reason: 'ErrImagePull', message: 'why' });
});

test('a Pod that no node takes says why', () => {
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes' }];
  assert.deepEqual(jobView(JOB, [podWith({ conditions })]).pods[0]?.waiting, {
    reason: 'Unschedulable',
    message: '0/3 nodes',
  });
});

test('the Pods of other Jobs are not its own', () => {
  const other = { ...podWith({}), metadata: { name: 'b-x', uid: 'pod-2', ownerReferences: [{ uid: 'job-2' }] } };
  assert.deepEqual(jobView(JOB, [other as unknown as Pod]).pods, []);
});

test('a Job with a time to live was handed to the garbage collector', () => {
  assert.equal(jobView(JOB, []).adopted, false);
  assert.equal(jobView({ ...JOB, spec: { template: {}, ttlSecondsAfterFinished: 60 } } as Job, []).adopted, true);
});
