// The whole of what we ask of the API server, as one small interface: reconcilers are given an `Api`, tests give them
// one in memory. Nothing is retried here: who calls knows whether a repeat is safe. `client.ts` implements it.
import type { Resource } from './object.ts';

export interface ListOptions {
  /** Without it: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Asks for `PartialObjectMetadata`: the items have no spec, status or data. */
  readonly metadataOnly?: boolean;
}

export interface ListResult<T> {
  readonly items: readonly T[];
  /** Where a watch of this list begins. */
  readonly resourceVersion: string;
}

export interface PatchOptions {
  readonly subresource?: Subresource;
  /** Default: `migration-operator`. Replicas are written under a manager of their own. */
  readonly fieldManager?: string;
}

export interface DeleteOptions {
  /** Precondition: 409 when the object of that name is another one. */
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** Default: `Background`. */
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly gracePeriodSeconds?: number;
}

export type Subresource = 'status' | 'scale';

/**
 * Every method rejects with an `ApiError`. Reads are live, from the API server, never from a cache. `namespace` is
 * undefined for cluster-scoped objects only.
 */
export interface Api {
  /** Undefined when there is no such object (404). */
  get<T>(resource: Resource<T>, namespace: string | undefined, name: string): Promise<T | undefined>;
  /** A complete, consistent list, read in pages. 404 (the kind does not exist) is an error. */
  list<T>(resource: Resource<T>, options?: ListOptions): Promise<ListResult<T>>;
  /** `apiVersion` and `kind` are filled in. A name that is taken is an error for which `isAlreadyExists` holds. */
  create<T>(resource: Resource<T>, namespace: string | undefined, body: T): Promise<T>;
  /** PUT; `metadata.resourceVersion` is required: without it another's write would be lost silently. */
  replace<T>(resource: Resource<T>, body: T, subresource?: Subresource): Promise<T>;
  /**
   * JSON merge patch (RFC 7396): `null` removes a field, lists are replaced whole. `metadata.resourceVersion` or
   * `metadata.uid` in the body are preconditions (`isConflict` when they do not hold). With `scale` the answer is a
   * Scale, of which only `metadata` is like `T`'s; a scale to 0 leaves no owner of `spec.replicas` in `managedFields`,
   * nor do the scales after it. A write that changes nothing does not change the resourceVersion.
   */
  patch<T>(
    resource: Resource<T>,
    namespace: string | undefined,
    name: string,
    body: object,
    options?: PatchOptions,
  ): Promise<T>;
  /** No such object is fine. Resolves when deletion was accepted, not when the object is gone. */
  delete(
    resource: Resource<unknown>,
    namespace: string | undefined,
    name: string,
    options?: DeleteOptions,
  ): Promise<void>;
}
