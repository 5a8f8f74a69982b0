// A Deployment or StatefulSet and its Pods, read live, as a decision sees them.
import { ANNOTATIONS } from '../../api/names.ts';
import type { Api } from '../../kubernetes/api.ts';
import type { ManagedFieldsEntry } from '../../kubernetes/object.ts';
import {
  DEPLOYMENTS,
  type Deployment,
  PODS,
  type Pod,
  STATEFUL_SETS,
  type StatefulSet,
} from '../../kubernetes/resources.ts';
import { namesLike } from './near.ts';
import { withoutSecrets } from './wording.ts';
import type { LiveWorkload, WorkloadView } from './world.ts';

export interface WorkloadName {
  readonly kind: 'Deployment' | 'StatefulSet';
  readonly name: string;
}

/** Live: one GET, and one list of its Pods unless it is at rest; when it does not exist, one list of its kind and one GET of the other kind. */
export async function readWorkload(api: Api, namespace: string, ref: WorkloadName): Promise<WorkloadView> {
  const found = await getWorkload(api, namespace, ref);
  if (found === undefined || found.metadata?.deletionTimestamp !== undefined) {
    return { kind: ref.kind, name: ref.name, near: await nearNames(api, namespace, ref) };
  }
  const live = liveWorkload(found);
  const pods = isAtRest(live) ? [] : await podsOf(api, namespace, found, ref.kind);
  return { kind: ref.kind, name: ref.name, found: { ...live, pods } };
}

/**
 * Whether its Pods have nothing to tell: every replica runs, and none is left over. Never at zero: that no Pod is left,
 * not even one that is ending and in no count, is what a stop has to prove.
 */
function isAtRest(live: Omit<LiveWorkload, 'pods'>): boolean {
  const { replicas, statusReplicas, updatedReplicas, availableReplicas } = live;
  const isObserved = live.observedGeneration >= live.generation;
  const counts = [statusReplicas, updatedReplicas, availableReplicas];
  return isObserved && replicas > 0 && counts.every(count => count === replicas);
}

function getWorkload(
  api: Api,
  namespace: string,
  { kind, name }: WorkloadName,
): Promise<Deployment | StatefulSet | undefined> {
  return kind === 'Deployment' ? api.get(DEPLOYMENTS, namespace, name) : api.get(STATEFUL_SETS, namespace, name);
}

function liveWorkload(workload: Deployment | StatefulSet): Omit<LiveWorkload, 'pods'> {
  const { metadata, spec, status } = workload;
  const annotations = metadata?.annotations ?? {};
  const template = spec?.template.metadata?.annotations ?? {};
  const mark = markOf(annotations);
  return {
    uid: metadata?.uid ?? '',
    resourceVersion: metadata?.resourceVersion ?? '',
    generation: metadata?.generation ?? 0,
    observedGeneration: status?.observedGeneration ?? 0,
    replicas: spec?.replicas ?? 1,
    statusReplicas: status?.replicas ?? 0,
    updatedReplicas: updatedOf(workload),
    availableReplicas: status?.availableReplicas ?? 0,
    revision: revisionOf(workload),
    updateStrategy: updateStrategyOf(workload),
    scaledBy: scaledBy(metadata?.managedFields as readonly ManagedFieldsEntry[] | undefined),
    ...(mark === undefined ? {} : { mark }),
    ...optional('minVersion', template[ANNOTATIONS.minVersion]),
    ...optional('maxVersion', template[ANNOTATIONS.maxVersion]),
    ...optional('restartedFor', template[ANNOTATIONS.restartedFor]),
  };
}

function optional<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: string });
}

/** `updatedReplicas` is absent at zero; a StatefulSet without an update leaves it out too. */
function updatedOf(workload: Deployment | StatefulSet): number {
  const { status } = workload;
  const isSettled =
    'updateRevision' in (status ?? {}) &&
    (status as { updateRevision?: string; currentRevision?: string }).updateRevision ===
      (status as { currentRevision?: string }).currentRevision;
  return isSettled ? (status?.replicas ?? 0) : (status?.updatedReplicas ?? 0);
}

function revisionOf(workload: Deployment | StatefulSet): string {
  const updateRevision = (workload.status as { updateRevision?: string } | undefined)?.updateRevision;
  return updateRevision ?? workload.metadata?.annotations?.['deployment.kubernetes.io/revision'] ?? '';
}

function updateStrategyOf(workload: Deployment | StatefulSet): string {
  const spec = workload.spec as { strategy?: { type?: string }; updateStrategy?: { type?: string } } | undefined;
  return spec?.updateStrategy?.type ?? spec?.strategy?.type ?? '';
}

function markOf(annotations: Readonly<Record<string, string>>): LiveWorkload['mark'] {
  const [uid, run] = (annotations[ANNOTATIONS.stoppedBy] ?? '').split('/');
  if (uid === undefined || uid === '' || run === undefined) return undefined;
  return { uid, run: Number(run), replicas: Number(annotations[ANNOTATIONS.replicas] ?? 0) };
}

/** The manager that owns spec.replicas: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management */
function scaledBy(entries: readonly ManagedFieldsEntry[] | undefined): string {
  const owner = entries?.find(entry => {
    const fields = entry.fieldsV1 as { 'f:spec'?: { 'f:replicas'?: unknown } } | undefined;
    return fields?.['f:spec']?.['f:replicas'] !== undefined;
  });
  return owner?.manager ?? 'unknown';
}

async function podsOf(
  api: Api,
  namespace: string,
  workload: Deployment | StatefulSet,
  kind: WorkloadName['kind'],
): Promise<LiveWorkload['pods']> {
  const labelSelector = selectorText(workload.spec?.selector ?? {});
  const { items } = await api.list(PODS, { namespace, labelSelector });
  const owner = kind === 'Deployment' ? 'ReplicaSet' : 'StatefulSet';
  return items
    .filter(pod => pod.metadata?.ownerReferences?.some(reference => reference.kind === owner))
    .filter(pod => pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed')
    .map(pod => ({
      name: pod.metadata?.name ?? '',
      uid: pod.metadata?.uid ?? '',
      ...optional('problem', problemOf(pod)),
    }))
    .toSorted((a, b) => a.name.localeCompare(b.name));
}

function problemOf(pod: Pod): string | undefined {
  for (const container of [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]) {
    const waiting = container.state?.waiting;
    if (waiting?.reason !== undefined && !['ContainerCreating', 'PodInitializing'].includes(waiting.reason)) {
      return withoutSecrets([waiting.reason, waiting.message].filter(Boolean).join(': ')).slice(0, 300);
    }
  }
  const unscheduled = pod.status?.conditions?.find(one => one.type === 'PodScheduled' && one.status === 'False');
  return unscheduled?.message?.slice(0, 300);
}

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

function selectorText(selector: Selector): string {
  const labels = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
  });
  return [...labels, ...expressions].join(',');
}

async function nearNames(api: Api, namespace: string, ref: WorkloadName): Promise<readonly string[]> {
  const { items } =
    ref.kind === 'Deployment'
      ? await api.list(DEPLOYMENTS, { namespace })
      : await api.list(STATEFUL_SETS, { namespace });
  const near = namesLike(
    ref.name,
    items.map(item => item.metadata?.name ?? ''),
  );
  const other = { kind: ref.kind === 'Deployment' ? 'StatefulSet' : 'Deployment', name: ref.name } as const;
  const isOfOtherKind = (await getWorkload(api, namespace, other)) !== undefined;
  return [...(isOfOtherKind ? [`${other.kind} ${other.name}`] : []), ...near].slice(0, 4);
}
