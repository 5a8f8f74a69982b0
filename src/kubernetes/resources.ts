// One descriptor for each kind that the operator touches, with the shape of its objects as JSON. A kind that is not
// here is not touched; the chart's role is written from this list. Shapes of our own kinds come from `src/api` and are
// given by the caller through `typed`.
import type {
  CoreV1Event,
  V1ConfigMap,
  V1Container,
  V1Deployment,
  V1Job,
  V1Lease,
  V1Namespace,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodTemplateSpec,
  V1StatefulSet,
} from '@kubernetes/client-node';
import type { KubernetesObject, Resource } from './object.ts';
import type { Wire } from './wire.ts';

export type Job = Wire<V1Job>;
export type Pod = Wire<V1Pod>;
export type PodTemplateSpec = Wire<V1PodTemplateSpec>;
export type Container = Wire<V1Container>;
export type ConfigMap = Wire<V1ConfigMap>;
export type Deployment = Wire<V1Deployment>;
export type StatefulSet = Wire<V1StatefulSet>;
export type Event = Wire<CoreV1Event>;
export type Lease = Wire<V1Lease>;
export type Namespace = Wire<V1Namespace>;
export type PersistentVolumeClaim = Wire<V1PersistentVolumeClaim>;

const OURS = { group: 'migrations.truledgr.app', version: 'v1alpha1', scope: 'Namespaced' } as const;

/** Our kinds, without a shape; `typed` gives them the one that the caller parses to or from. */
export const DATABASE_MIGRATIONS: Resource<KubernetesObject> = {
  ...OURS,
  plural: 'databasemigrations',
  kind: 'DatabaseMigration',
};
export const DATABASE_BACKUPS: Resource<KubernetesObject> = {
  ...OURS,
  plural: 'databasebackups',
  kind: 'DatabaseBackup',
};

/** The same resource with another shape: `typed<DatabaseMigration>(DATABASE_MIGRATIONS)`. */
export function typed<T extends KubernetesObject>(resource: Resource<KubernetesObject>): Resource<T> {
  const { group, version, plural, kind, scope } = resource;
  return { group, version, plural, kind, scope };
}

export const JOBS: Resource<Job> = { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job', scope: 'Namespaced' };
export const PODS: Resource<Pod> = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', scope: 'Namespaced' };
export const CONFIG_MAPS: Resource<ConfigMap> = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  scope: 'Namespaced',
};
export const DEPLOYMENTS: Resource<Deployment> = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  scope: 'Namespaced',
};
export const STATEFUL_SETS: Resource<StatefulSet> = {
  group: 'apps',
  version: 'v1',
  plural: 'statefulsets',
  kind: 'StatefulSet',
  scope: 'Namespaced',
};
/** Of KEDA, where it is installed: https://keda.sh/docs/2.18/reference/scaledobject-spec/ */
export interface ScaledObject extends KubernetesObject {
  readonly spec?: {
    readonly scaleTargetRef?: { readonly apiVersion?: string; readonly kind?: string; readonly name?: string };
  };
}
export const SCALED_OBJECTS: Resource<ScaledObject> = {
  group: 'keda.sh',
  version: 'v1alpha1',
  plural: 'scaledobjects',
  kind: 'ScaledObject',
  scope: 'Namespaced',
};
/**
 * core/v1 and not events.k8s.io/v1: both are the same stored objects, but `kubectl describe` selects by core's
 * `involvedObject.*`, a repeat is a patch of `count` and `lastTimestamp`, and one API group is one rule in the role.
 */
export const EVENTS: Resource<Event> = {
  group: '',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  scope: 'Namespaced',
};
export const LEASES: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  scope: 'Namespaced',
};
export const NAMESPACES: Resource<Namespace> = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  scope: 'Cluster',
};
export const PERSISTENT_VOLUME_CLAIMS: Resource<PersistentVolumeClaim> = {
  group: '',
  version: 'v1',
  plural: 'persistentvolumeclaims',
  kind: 'PersistentVolumeClaim',
  scope: 'Namespaced',
};
