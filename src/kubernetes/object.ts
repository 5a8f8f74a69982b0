// What every Kubernetes object has, as plain JSON: the shapes that all code of ours shares. Times are the strings that
// came over the wire. Nothing here reads, writes or interprets an object.

/** The part of `metadata` that we rely on. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ */
interface ObjectMeta {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  /** RFC 3339, in UTC. */
  readonly creationTimestamp?: string;
  /** RFC 3339; present from the moment that deletion was asked for. */
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  /** Who wrote which field; bulky, so caches drop it. Read live objects when it matters. */
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly time?: string;
  readonly fieldsV1?: unknown;
}

export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
}

/**
 * Where the API server keeps objects of one kind. `T` is the shape of an object; it exists for the compiler only.
 * Example: `JOBS` is `{group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job', scope: 'Namespaced'}`.
 */
export interface Resource<T> {
  /** The empty string is the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly scope: 'Namespaced' | 'Cluster';
  /** Never set: carries `T`. */
  readonly shape?: T;
}

/** `<namespace>/<name>`, or `<name>` for cluster-scoped objects: how caches and queues name an object. */
export function objectKey(object: KubernetesObject): string {
  const { namespace, name } = object.metadata ?? {};
  if (name === undefined)
    throw new Error(`a ${object.kind ?? 'Kubernetes object'} must have metadata.name to have a key`);
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** The reverse of `objectKey`; `namespace` is undefined for a cluster-scoped object. */
export function splitKey(key: string): { readonly namespace: string | undefined; readonly name: string } {
  const slash = key.indexOf('/');
  return slash < 0
    ? { namespace: undefined, name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** `batch/v1`, or `v1` for the core group: the `apiVersion` of an object of this resource. */
export function apiVersionOf(resource: Resource<unknown>): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}
