// A step's Job from a request: one Pod, no retries by Kubernetes (the operator counts attempts), no token, and nothing
// from the user but what spec.job offers. All Pods satisfy the restricted Pod Security Standard:
// https://kubernetes.io/docs/concepts/security/pod-security-standards/
import { BACKUPS_DIRECTORY, type JobInput, MIGRATIONS_DIRECTORY, type StepName } from '../../api/job-contract.ts';
import { ANNOTATIONS, API_VERSION, LABELS } from '../../api/names.ts';
import type { OwnerReference } from '../../kubernetes/object.ts';
import type { Container, Job, PodTemplateSpec } from '../../kubernetes/resources.ts';
import type { JobRequest } from '../migration/actions.ts';

/** Everything that makes a Job; a repeat makes the same one. */
export interface JobPlan extends JobRequest {
  readonly namespace: string;
  readonly kind: 'DatabaseMigration' | 'DatabaseBackup';
  readonly ownerName: string;
  readonly ownerUid: string;
  readonly image: string;
  readonly imagePullPolicy: string;
}

type Volume = NonNullable<NonNullable<PodTemplateSpec['spec']>['volumes']>[number];
type VolumeMount = NonNullable<Container['volumeMounts']>[number];

/** Numeric, so that runAsNonRoot can be checked; the image's own user. */
const USER = 65532;
/** `plan` and `settle` must answer; `backup` and `migrate` take what they take. */
const DEFAULT_SECONDS: Readonly<Partial<Record<StepName, number>>> = { plan: 600, settle: 600 };

export function buildJob(plan: JobPlan): Job {
  const deadline = plan.job.timeoutSeconds ?? defaultSeconds(plan.input);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: plan.name,
      namespace: plan.namespace,
      labels: labelsOf(plan),
      annotations: {
        ...plan.job.annotations,
        [ANNOTATIONS.for]: `${plan.kind}/${plan.ownerName}`,
        [ANNOTATIONS.madeFor]: plan.madeFor,
      },
      ...(plan.ownership === 'Owned' ? { ownerReferences: [ownerReference(plan)] } : {}),
    },
    spec: {
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      podReplacementPolicy: 'Failed',
      ...(deadline === undefined ? {} : { activeDeadlineSeconds: deadline }),
      template: podTemplate(plan),
    },
  };
}

/** The owner reference that lets the garbage collector take a Job with its resource. */
export function ownerReference(plan: Pick<JobPlan, 'kind' | 'ownerName' | 'ownerUid'>): OwnerReference {
  return {
    apiVersion: API_VERSION,
    kind: plan.kind,
    name: plan.ownerName,
    uid: plan.ownerUid,
    controller: true,
    blockOwnerDeletion: false,
  };
}

function labelsOf(plan: JobPlan): Record<string, string> {
  return {
    ...plan.job.labels,
    'app.kubernetes.io/managed-by': 'migration-operator',
    [LABELS.uid]: plan.ownerUid,
    [LABELS.step]: plan.step,
    [LABELS.run]: String(plan.input.runId),
    [LABELS.attempt]: String(plan.input.attempt),
  };
}

function defaultSeconds(input: JobInput): number | undefined {
  return input.step === 'validate' ? input.timeoutSeconds + 60 : DEFAULT_SECONDS[input.step];
}

function podTemplate(plan: JobPlan): PodTemplateSpec {
  const { job } = plan;
  const keep =
    plan.step === 'migrate'
      ? { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false', 'karpenter.sh/do-not-disrupt': 'true' }
      : {};
  return {
    metadata: {
      labels: labelsOf(plan),
      annotations: { ...job.annotations, ...keep, [ANNOTATIONS.for]: `${plan.kind}/${plan.ownerName}` },
    },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...(job.serviceAccountName === undefined ? {} : { serviceAccountName: job.serviceAccountName }),
      ...(job.nodeSelector === undefined ? {} : { nodeSelector: job.nodeSelector }),
      ...(job.tolerations === undefined ? {} : { tolerations: job.tolerations as never }),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER,
        runAsGroup: USER,
        fsGroup: USER,
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      terminationGracePeriodSeconds: 60,
      containers: [containerOf(plan)],
      volumes: volumesOf(plan),
    },
  };
}

function containerOf(plan: JobPlan): Container {
  const resources = plan.job.resources;
  return {
    name: 'runner',
    image: plan.image,
    imagePullPolicy: plan.imagePullPolicy,
    command: ['node', '/app/runner/main.js', plan.step],
    env: [
      { name: 'MIGRATE_JOB', value: JSON.stringify({ ...plan.input, image: plan.image } satisfies JobInput) },
      { name: 'DATABASE_URL', valueFrom: { secretKeyRef: plan.secret } },
      { name: 'TMPDIR', value: '/tmp' },
    ],
    ...(resources === undefined ? {} : { resources: resources as never }),
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    volumeMounts: mountsOf(plan),
  };
}

function volumesOf(plan: JobPlan): Volume[] {
  return [
    { name: 'tmp', emptyDir: {} },
    ...plan.configMaps.map((name, index) => ({ name: `migrations-${index}`, configMap: { name } })),
    ...(plan.volumeClaim === undefined
      ? []
      : [{ name: 'backups', persistentVolumeClaim: { claimName: plan.volumeClaim } }]),
  ];
}

function mountsOf(plan: JobPlan): VolumeMount[] {
  return [
    { name: 'tmp', mountPath: '/tmp' },
    ...plan.configMaps.map((_, index) => ({
      name: `migrations-${index}`,
      mountPath: `${MIGRATIONS_DIRECTORY}/${index}`,
      readOnly: true,
    })),
    ...(plan.volumeClaim === undefined ? [] : [{ name: 'backups', mountPath: BACKUPS_DIRECTORY }]),
  ];
}
