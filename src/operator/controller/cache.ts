// What we know of one resource, by key and by index; written by its list-watch alone, or by one list-watch for each of
// several namespaces; read by reconciles. It decides
// which news is real: repeats, old events and echoes of deleted objects change nothing and tell nobody. An object that
// was deleted and created again in a gap is told as a deletion and an addition. Handlers only enqueue keys.
import { type KubernetesObject, objectKey, splitKey } from '../../kubernetes/object.ts';
import { compareVersions } from './resource-version.ts';

export type Change = 'Added' | 'Updated' | 'Deleted';

/** Added: (undefined, new) · Updated: (old, new) · Deleted: (old, undefined). Must return soon and never throw. */
export type ChangeHandler<T> = (change: Change, before: T | undefined, after: T | undefined) => void;

/** The values under which an object is found: `job => [job.metadata?.labels?.['…/uid'] ?? '']`. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** What a reconcile may do with a cache. Objects are frozen; a list is a snapshot, in no order. */
export interface Lister<T> {
  get(key: string): T | undefined;
  list(): readonly T[];
  byIndex(index: string, value: string): readonly T[];
  /** The newest resourceVersion, of any object, that the list-watch which covers this key has heard of. */
  seenVersion(key: string): string | undefined;
}

export interface CacheOptions<T> {
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
}

/** How many deleted uids are remembered, so that a late event cannot bring one back. */
const REMEMBERED_DELETIONS = 1000;

export class Cache<T extends KubernetesObject> implements Lister<T> {
  readonly #objects = new Map<string, T>();
  readonly #indexes: ReadonlyMap<string, { readonly of: IndexFunction<T>; readonly keys: Map<string, Set<string>> }>;
  readonly #handlers: ChangeHandler<T>[] = [];
  readonly #deletedUids = new Set<string>();
  /** By namespace, or under the empty string where one list-watch covers everything. */
  readonly #seenVersions = new Map<string, string>();

  constructor(options: CacheOptions<T> = {}) {
    this.#indexes = new Map(
      Object.entries(options.indexes ?? {}).map(([name, of]) => [name, { of, keys: new Map<string, Set<string>>() }]),
    );
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  byIndex(index: string, value: string): readonly T[] {
    const found = this.#indexes.get(index);
    if (found === undefined)
      throw new Error(`there is no index ${JSON.stringify(index)}; known: ${[...this.#indexes.keys()]}`);
    return [...(found.keys.get(value) ?? [])].flatMap(key => this.#objects.get(key) ?? []);
  }

  get size(): number {
    return this.#objects.size;
  }

  seenVersion(key: string): string | undefined {
    return this.#seenVersions.get('') ?? this.#seenVersions.get(splitKey(key).namespace ?? '');
  }

  /** Handlers are called in the order of subscription, after the cache has changed. */
  subscribe(handler: ChangeHandler<T>): void {
    this.#handlers.push(handler);
  }

  /** An ADDED or MODIFIED event of the list-watch of `namespace` (undefined: of everything). */
  upsert(object: T, namespace?: string): 'News' | 'Ignored' {
    const isNews = !this.#isOutdated(object);
    if (isNews) this.#put(objectKey(object), object);
    this.observeVersion(object.metadata?.resourceVersion, namespace);
    return isNews ? 'News' : 'Ignored';
  }

  /** A DELETED event; `last` is the object as it was at its end. */
  remove(last: T, namespace?: string): 'News' | 'Ignored' {
    const key = objectKey(last);
    const known = this.#objects.get(key);
    this.#rememberDeletion(last);
    this.observeVersion(last.metadata?.resourceVersion, namespace);
    if (known === undefined || known.metadata?.uid !== last.metadata?.uid) return 'Ignored';
    this.#drop(key, known);
    return 'News';
  }

  /**
   * A complete, consistent list of `namespace` (undefined: of everything): what of that is not in it is gone, what it changes was missed by the watch before. It is the
   * truth even where its versions are lower than ours, as after etcd was restored from a backup. Returns how many
   * objects it changed.
   */
  replaceAll(objects: readonly T[], resourceVersion: string, namespace?: string): number {
    let changed = 0;
    const listed = new Set(objects.map(objectKey));
    for (const [key, known] of [...this.#objects]) {
      if (listed.has(key) || (namespace !== undefined && splitKey(key).namespace !== namespace)) continue;
      changed++;
      this.#drop(key, known);
    }
    for (const object of objects) {
      const { uid, resourceVersion: version } = this.#objects.get(objectKey(object))?.metadata ?? {};
      if (uid === object.metadata?.uid && version === object.metadata?.resourceVersion) continue;
      changed++;
      this.#deletedUids.delete(object.metadata?.uid ?? '');
      this.#put(objectKey(object), object);
    }
    this.#seenVersions.set(namespace ?? '', resourceVersion);
    return changed;
  }

  /** A bookmark, or an event's version: everything up to it has been told. */
  observeVersion(version: string | undefined, namespace = ''): void {
    if (version === undefined) return;
    if (compareVersions(version, this.#seenVersions.get(namespace)) !== 'older') {
      this.#seenVersions.set(namespace, version);
    }
  }

  #isOutdated(object: T): boolean {
    const { uid, resourceVersion } = object.metadata ?? {};
    if (uid !== undefined && this.#deletedUids.has(uid)) return true;
    const known = this.#objects.get(objectKey(object));
    if (known === undefined) return false;
    const order = compareVersions(resourceVersion, known.metadata?.resourceVersion);
    return order === 'older' || order === 'same';
  }

  #put(key: string, object: T): void {
    const namesake = this.#objects.get(key);
    if (namesake !== undefined && namesake.metadata?.uid !== object.metadata?.uid) {
      this.#rememberDeletion(namesake);
      this.#drop(key, namesake);
    }
    const before = this.#objects.get(key);
    if (before !== undefined) this.#unindex(key, before);
    this.#objects.set(key, object);
    for (const { of, keys } of this.#indexes.values()) {
      for (const value of of(object)) {
        const members = keys.get(value) ?? new Set();
        keys.set(value, members.add(key));
      }
    }
    this.#tell(before === undefined ? 'Added' : 'Updated', before, object);
  }

  #drop(key: string, known: T): void {
    this.#unindex(key, known);
    this.#objects.delete(key);
    this.#tell('Deleted', known, undefined);
  }

  #unindex(key: string, object: T): void {
    for (const { of, keys } of this.#indexes.values()) {
      for (const value of of(object)) {
        const members = keys.get(value);
        members?.delete(key);
        if (members?.size === 0) keys.delete(value);
      }
    }
  }

  #tell(change: Change, before: T | undefined, after: T | undefined): void {
    for (const handler of this.#handlers) handler(change, before, after);
  }

  #rememberDeletion(object: T): void {
    const uid = object.metadata?.uid;
    if (uid === undefined) return;
    this.#deletedUids.add(uid);
    if (this.#deletedUids.size <= REMEMBERED_DELETIONS) return;
    const [oldest] = this.#deletedUids;
    if (oldest !== undefined) this.#deletedUids.delete(oldest);
  }
}
