// Lists and watches one resource: pages in, whole objects out; bytes in, events out. What a list-watch needs of the API
// server and no more. Keeps no state and repeats nothing: `controller/list-watch.ts` decides what a failure means.
import { ApiError } from './errors.ts';
import { statusError } from './failures.ts';
import { apiVersionOf, type KubernetesObject, type Resource } from './object.ts';
import { collectionPath } from './paths.ts';
import type { Transport } from './transport.ts';

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

interface WatchLimits {
  /** The server ends the watch after this long. */
  readonly timeoutSeconds: number;
  /** Not a byte for this long: the connection is taken for dead. */
  readonly silenceMs: number;
}

/** Where a list-watch gets its objects: the API server, or a script in a test. Both reject with ApiError. */
export interface Source<T> {
  /** For logs and metrics: `jobs`. */
  readonly name: string;
  /** What it covers; undefined: all namespaces. */
  readonly namespace: string | undefined;
  list(signal: AbortSignal): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }>;
  /** Everything after `resourceVersion`. Ends when the server ends it; an ERROR event is a rejection. */
  watch(resourceVersion: string, limits: WatchLimits, signal: AbortSignal): AsyncIterable<WatchEvent<T>>;
}

export interface SourceOptions<T> {
  /** Without it: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Only `metadata` crosses the wire: for ConfigMaps, whose data is none of our business. */
  readonly metadataOnly?: boolean;
  /** Keeps what is needed of each object, before the next page is read; default: without `managedFields`. */
  readonly slim?: (object: T) => T;
}

const METADATA = 'as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const METADATA_LIST = 'as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
/** What the server sends of a list at once; client-go's page size too. */
const PAGE_SIZE = 500;
/** Lists of thousands of objects take their time. */
const LIST_TIMEOUT_MS = 60_000;
/** No object in etcd is larger than a few MiB; a longer line is not from an API server. */
const LONGEST_LINE = 64 * 1024 * 1024;

export function openSource<T extends KubernetesObject>(
  transport: Transport,
  resource: Resource<T>,
  options: SourceOptions<T> = {},
): Source<T> {
  const slim = options.slim ?? withoutManagedFields;
  const asked = { resource: resource.plural, path: collectionPath(resource, options.namespace) };
  const selectors = { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector };
  return {
    name: resource.plural,
    namespace: options.namespace,
    async list(signal) {
      const items: T[] = [];
      for await (const page of pages(transport, resource, options, signal)) {
        for (const item of page.items) items.push(freeze(slim(item)));
        if (page.last) return { items, resourceVersion: page.resourceVersion };
      }
      throw new Error('a list must end with a last page');
    },
    async *watch(resourceVersion, limits, signal) {
      const chunks = transport.stream({
        ...asked,
        verb: 'watch',
        query: {
          ...selectors,
          watch: '1',
          allowWatchBookmarks: 'true',
          resourceVersion,
          timeoutSeconds: String(limits.timeoutSeconds),
        },
        accept: options.metadataOnly === true ? `application/json;${METADATA}` : 'application/json',
        silenceMs: limits.silenceMs,
        totalMs: (limits.timeoutSeconds + 30) * 1000,
        signal,
      });
      for await (const line of lines(chunks, asked)) yield eventOf(line, asked, slim);
    },
  };
}

interface Page<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly last: boolean;
}

/** The pages of one consistent list; a 410 in the middle rejects, and the list must be begun again. */
export async function* pages<T>(
  transport: Transport,
  resource: Resource<T>,
  options: Omit<SourceOptions<T>, 'slim'>,
  signal?: AbortSignal,
): AsyncGenerator<Page<T>, void, undefined> {
  let token: string | undefined;
  do {
    const answer = await transport.send({
      verb: 'list',
      resource: resource.plural,
      path: collectionPath(resource, options.namespace),
      query: {
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
        limit: String(PAGE_SIZE),
        continue: token,
      },
      accept: options.metadataOnly === true ? `application/json;${METADATA_LIST}` : 'application/json',
      timeoutMs: LIST_TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
    });
    const { metadata, items } = answer as { metadata?: { resourceVersion?: string; continue?: string }; items?: T[] };
    if (metadata?.resourceVersion === undefined || (items !== null && !Array.isArray(items))) {
      throw unreadable(resource.plural, 'the list has no resourceVersion or no items');
    }
    token = metadata.continue === '' ? undefined : metadata.continue;
    // Items of built-in kinds come without apiVersion and kind; events have them.
    const kind = options.metadataOnly === true ? {} : { apiVersion: apiVersionOf(resource), kind: resource.kind };
    yield {
      items: (items ?? []).map(item => ({ ...kind, ...item })),
      resourceVersion: metadata.resourceVersion,
      last: token === undefined,
    };
  } while (token !== undefined);
}

async function* lines(chunks: AsyncIterable<Uint8Array>, asked: { resource: string }): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > LONGEST_LINE) throw unreadable(asked.resource, 'a line of the watch does not end');
    for (const part of parts) if (part !== '') yield part;
  }
  if (rest !== '') throw unreadable(asked.resource, 'the watch ended in the middle of an event');
}

function eventOf<T extends KubernetesObject>(
  line: string,
  asked: { resource: string },
  slim: (object: T) => T,
): WatchEvent<T> {
  let event: { type?: string; object?: T };
  try {
    event = JSON.parse(line);
  } catch {
    throw unreadable(asked.resource, 'a line of the watch is not JSON');
  }
  const { type, object } = event;
  if (type === 'ERROR') throw statusError({ verb: 'watch', resource: asked.resource }, object);
  if (type === 'BOOKMARK' && object?.metadata?.resourceVersion !== undefined) {
    return { type, resourceVersion: object.metadata.resourceVersion };
  }
  if ((type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') && object?.metadata?.name !== undefined) {
    return { type, object: freeze(slim(object)) };
  }
  throw unreadable(asked.resource, `an event of the watch has an unknown shape, type ${JSON.stringify(type)}`);
}

function unreadable(resource: string, what: string): ApiError {
  return new ApiError({ status: 0, reason: 'Unreadable', message: `watch ${resource}: ${what}`, effect: 'None' });
}

/** The default `slim`: `managedFields` is often half of an object, and who needs it reads live. */
export function withoutManagedFields<T extends KubernetesObject>(object: T): T {
  if (object.metadata?.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}
