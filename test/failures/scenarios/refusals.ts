// What the API server does not take: a Job over quota, a Pod over quota, a Job whose name somebody else has.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { isInvalid } from '../../../src/kubernetes/errors.ts';
import { JOBS } from '../../../src/kubernetes/resources.ts';
import { ADMISSION_POLICIES, ADMISSION_POLICY_BINDINGS, RESOURCE_QUOTAS } from '../../control/kinds.ts';
import { migration } from '../../control/objects.ts';
import type { Scenario, Scene } from '../scene.ts';

const RELEASE = { migrations: migration('001_accounts'), strategy: 'Recreate' } as const;
const NO_BACKUP = { backup: { policy: 'Never', storage: null } };
const QUOTA = 'team';
const SOON = { job: { startDeadlineSeconds: 10 } };
const REQUESTS = { resources: { requests: { memory: '64Mi' } } };

/** Waits until the quota's controller has counted: until then the API server lets everything pass or nothing. */
async function limit(scene: Scene, hard: Readonly<Record<string, string>>, scopes?: readonly string[]): Promise<void> {
  const { api } = scene.world;
  const spec = { hard, ...(scopes === undefined ? {} : { scopes }) };
  const body = { metadata: { name: QUOTA }, spec } as never;
  const existing = await api.get(RESOURCE_QUOTAS, scene.name, QUOTA);
  if (existing === undefined) await api.create(RESOURCE_QUOTAS, scene.name, body);
  else await api.patch(RESOURCE_QUOTAS, scene.name, QUOTA, { spec });
  await scene.until(`the quota is ${JSON.stringify(hard)}`, async () => {
    const found = (await api.get(RESOURCE_QUOTAS, scene.name, QUOTA)) as { status?: { hard?: object } } | undefined;
    return JSON.stringify(found?.status?.hard) === JSON.stringify(hard);
  });
}

const OTHER_JOB = {
  suspend: true,
  template: { spec: { containers: [{ name: 'other', image: 'other:played' }], restartPolicy: 'Never' } },
};

/** No Job is valid in this namespace, in the words of a policy; returns when the API server has heard of it. */
async function forbidJobs(scene: Scene, message: string): Promise<{ lift(): Promise<void> }> {
  const { api } = scene.world;
  const { name } = scene;
  const resourceRules = [{ apiGroups: ['batch'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['jobs'] }];
  const validations = [{ expression: 'false', message, reason: 'Invalid' }];
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': name } };
  const binding = { policyName: name, validationActions: ['Deny'], matchResources: { namespaceSelector } };
  await api.create(ADMISSION_POLICIES, undefined, {
    metadata: { name },
    spec: { matchConstraints: { resourceRules }, validations },
  } as never);
  await api.create(ADMISSION_POLICY_BINDINGS, undefined, { metadata: { name }, spec: binding } as never);
  const lift = async (): Promise<void> => {
    await api.delete(ADMISSION_POLICY_BINDINGS, undefined, name);
    await api.delete(ADMISSION_POLICIES, undefined, name);
  };
  let tries = 0;
  await scene.until('the policy is in force', async () => {
    tries += 1;
    const job = { metadata: { name: `probe-${tries}` }, spec: OTHER_JOB } as never;
    return api.create(JOBS, name, job).then(() => false as const, isInvalid);
  });
  return { lift };
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'job-invalid',
    title: 'a Job that the API server calls invalid is told in its words, stops nothing, and a retry makes it anew',
    async run(scene) {
      await scene.install();
      const policy = await forbidJobs(scene, 'Jobs must name a cost centre');
      await scene.apply(RELEASE, NO_BACKUP);
      await scene.startOperator();
      await scene.reads({
        reason: 'RequestRefused',
        outlook: 'Reconciling',
        says: [/ValidatingAdmissionPolicy/, /Jobs must name a cost centre/, /Nothing is stopped/],
      });
      await scene.appRuns();
      await policy.lift();
      await scene.until('Jobs are valid again', async () => {
        await scene.retry(`again-${Date.now()}`);
        const ready = (await scene.migration()).status?.conditions?.find(one => one.type === 'Ready');
        return ready?.reason !== 'RequestRefused';
      });
      await scene.endsWell('001_accounts');
    },
  },
  {
    name: 'job-over-quota-before-stop',
    title: 'a Job over quota is told in the words of the API server, stops nothing, and comes when the quota allows it',
    async run(scene) {
      await scene.install();
      await limit(scene, { 'count/jobs.batch': '0' });
      await scene.apply(RELEASE, NO_BACKUP);
      await scene.startOperator();
      await scene.reads({
        reason: 'RequestRefused',
        outlook: 'Reconciling',
        says: [/exceeded quota: team/, /count\/jobs\.batch=0/, /Nothing is stopped/],
      });
      await scene.appRuns();
      await limit(scene, { 'count/jobs.batch': '10' });
      await scene.endsWell('001_accounts');
    },
  },
  {
    name: 'job-over-quota-after-stop',
    title: 'a Job over quota after the stop brings the app back at the start deadline; nothing had begun',
    async run(scene) {
      await scene.install();
      await limit(scene, { 'count/jobs.batch': '1' });
      await scene.apply(RELEASE, { ...NO_BACKUP, ...SOON });
      await scene.startOperator();
      await scene.reads({ reason: 'RequestRefused', outlook: 'Reconciling', says: [/exceeded quota: team/] });
      await scene.reads({
        reason: 'PodNotStarted',
        outlook: 'Stalled',
        says: [/refused for 10 s/, /exceeded quota: team/, /The database was not touched/, /The app runs again/],
      });
      await scene.appRuns();
      await limit(scene, { 'count/jobs.batch': '10' });
      await scene.retry('again');
      await scene.endsWell('001_accounts');
    },
  },
  {
    name: 'pod-over-quota-before-stop',
    title: 'a Job whose Pod is over quota says so, stops nothing, and goes on when the quota allows it',
    async run(scene) {
      await scene.install();
      await scene.appRuns();
      await limit(scene, { pods: '2' });
      await scene.apply(RELEASE, NO_BACKUP);
      await scene.startOperator();
      await scene.reads({
        reason: 'RequestRefused',
        outlook: 'Reconciling',
        says: [/its Pod is refused/, /exceeded quota: team/, /Nothing is stopped/],
      });
      await scene.appRuns();
      await limit(scene, { pods: '10' });
      await scene.endsWell('001_accounts');
    },
  },
  {
    name: 'pod-over-quota-after-stop',
    title: 'a Job whose Pod is over quota after the stop brings the app back, although nothing else can start either',
    async run(scene) {
      const limited = Promise.withResolvers<void>();
      scene.befall(({ step }) => (step === 'backup' ? { is: 'NeverStarts', until: limited.promise } : undefined));
      await scene.install();
      await scene.apply(RELEASE, { job: { startDeadlineSeconds: 10, ...REQUESTS } });
      await scene.startOperator();
      await scene.until('the backup has its Job', async () => (await scene.jobs('backup')).length > 0);
      await limit(scene, { pods: '0' }, ['NotBestEffort']);
      limited.resolve();
      await scene.reads({
        reason: 'PodNotStarted',
        outlook: 'Stalled',
        says: [/did not start in 10 s/, /exceeded quota: team/, /The app runs again/],
      });
      await scene.appRuns();
      assert.deepEqual(await scene.applied(), []);
    },
  },
  {
    name: 'job-name-taken',
    title: 'a Job of our name that is not ours is named, and nothing is stopped; a retry takes another name',
    async run(scene) {
      await scene.install();
      await scene.apply(RELEASE, NO_BACKUP);
      const uid = (await scene.migration()).metadata?.uid;
      const hash = createHash('sha256')
        .update(JSON.stringify([uid, 1, 'plan', 1]))
        .digest('hex')
        .slice(0, 10);
      const name = `shop-plan-${hash}`;
      await scene.world.api.create(JOBS, scene.name, { metadata: { name }, spec: OTHER_JOB } as never);
      await scene.startOperator();
      await scene.reads({
        reason: 'JobNameTaken',
        outlook: 'Stalled',
        says: [new RegExp(name), /The app was not touched/],
      });
      await scene.appRuns();
      await scene.retry('again');
      await scene.endsWell('001_accounts');
      assert.ok((await scene.world.api.get(JOBS, scene.name, name)) !== undefined, 'the other Job is left alone');
    },
  },
];
