// The `Api` of api.ts over a transport: paths, verbs, content types and preconditions. No caching, no retries.
import { FIELD_MANAGER } from '../api/names.ts';
import type { Api, DeleteOptions, ListOptions, ListResult, PatchOptions, Subresource } from './api.ts';
import { ApiError } from './errors.ts';
import { apiVersionOf, type KubernetesObject, type Resource } from './object.ts';
import { collectionPath, objectPath } from './paths.ts';
import { pages } from './source.ts';
import type { Transport, TransportRequest } from './transport.ts';

export interface ClientOptions {
  /** Aborts every request under way. */
  readonly signal?: AbortSignal;
}

export function createApi(transport: Transport, options: ClientOptions = {}): Api {
  return new Client(transport, options.signal);
}

class Client implements Api {
  readonly #transport: Transport;
  readonly #signal: AbortSignal | undefined;

  constructor(transport: Transport, signal: AbortSignal | undefined) {
    this.#transport = transport;
    this.#signal = signal;
  }

  async get<T>(resource: Resource<T>, namespace: string | undefined, name: string): Promise<T | undefined> {
    try {
      return await this.#send<T>({
        verb: 'get',
        resource: resource.plural,
        path: objectPath(resource, namespace, name),
      });
    } catch (error) {
      if (isNoSuchObject(error)) return undefined;
      throw error;
    }
  }

  async list<T>(resource: Resource<T>, options: ListOptions = {}): Promise<ListResult<T>> {
    const items: T[] = [];
    let resourceVersion = '';
    for await (const page of pages(this.#transport, resource, options, this.#signal)) {
      items.push(...page.items);
      resourceVersion = page.resourceVersion;
    }
    return { items, resourceVersion };
  }

  create<T>(resource: Resource<T>, namespace: string | undefined, body: T): Promise<T> {
    return this.#send<T>({
      verb: 'create',
      resource: resource.plural,
      path: collectionPath(resource, namespace),
      query: { fieldManager: FIELD_MANAGER },
      body: withKind(resource, body),
    });
  }

  async replace<T>(resource: Resource<T>, body: T, subresource?: Subresource): Promise<T> {
    const { metadata } = body as KubernetesObject;
    if (metadata?.name === undefined || metadata.resourceVersion === undefined) {
      throw new Error(`a ${resource.kind} that is replaced must have metadata.name and metadata.resourceVersion`);
    }
    return this.#send<T>({
      verb: 'update',
      resource: label(resource, subresource),
      path: objectPath(resource, metadata.namespace, metadata.name, subresource),
      query: { fieldManager: FIELD_MANAGER },
      // The body of a scale is of another kind; the caller gives it whole.
      body: subresource === 'scale' ? body : withKind(resource, body),
    });
  }

  patch<T>(
    resource: Resource<T>,
    namespace: string | undefined,
    name: string,
    body: object,
    options: PatchOptions = {},
  ): Promise<T> {
    return this.#send<T>({
      verb: 'patch',
      resource: label(resource, options.subresource),
      path: objectPath(resource, namespace, name, options.subresource),
      query: { fieldManager: options.fieldManager ?? FIELD_MANAGER },
      body,
      contentType: 'application/merge-patch+json',
    });
  }

  async delete(
    resource: Resource<unknown>,
    namespace: string | undefined,
    name: string,
    options: DeleteOptions = {},
  ): Promise<void> {
    const { uid, resourceVersion, gracePeriodSeconds } = options;
    const preconditions = {
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    try {
      await this.#send({
        verb: 'delete',
        resource: resource.plural,
        path: objectPath(resource, namespace, name),
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          propagationPolicy: options.propagationPolicy ?? 'Background',
          ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
          ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }),
        },
      });
    } catch (error) {
      if (!isNoSuchObject(error)) throw error;
    }
  }

  async #send<T>(request: TransportRequest): Promise<T> {
    const answer = await this.#transport.send(
      this.#signal === undefined ? request : { ...request, signal: this.#signal },
    );
    return answer as T;
  }
}

/** The server's own words only: a 404 of something in between, or of a kind that is not there, proves nothing. */
function isNoSuchObject(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404 && error.reason === 'NotFound';
}

function withKind<T>(resource: Resource<T>, body: T): T {
  return { ...body, apiVersion: apiVersionOf(resource), kind: resource.kind };
}

function label(resource: Resource<unknown>, subresource: string | undefined): string {
  return subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
}
