// Makes a pass wait until its caches have seen what an earlier pass wrote.
//
// Why: a cache is always a little behind. A pass that runs on a cache from before our own last write would decide on a
// world that we have already left: create the same Job twice, count an attempt twice.
// How: after a write, `wrote` notes the version that the server answered with; until the cache has heard of that version
// or a later one, `unmet` says so and the machine does not begin a pass for that key.
// What if the event never comes? After a time limit the note is dropped: acts that cannot be undone read live anyway.
// What if the operator restarts? Its first list is consistent, so it includes every write; nothing needs to be kept.
import type { KubernetesObject } from '../../kubernetes/object.ts';
import { objectKey } from '../../kubernetes/object.ts';
import type { Lister } from './cache.ts';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import { compareVersions } from './resource-version.ts';

interface Note {
  readonly cache: Lister<KubernetesObject>;
  readonly resource: string;
  readonly object: string;
  readonly uid: string | undefined;
  /** The version that was written; undefined for a deletion. */
  readonly version: string | undefined;
  readonly sinceMs: number;
}

export interface Unmet {
  /** `jobs shop/truledgr-migrate-1`: what the cache has not seen yet. */
  readonly waitingFor: string;
  readonly sinceMs: number;
  /** What is left until it is no longer waited for. */
  readonly leftMs: number;
}

/** How long a write is waited for. */
const EXPECTATION_LIMIT_MS = 10_000;

export class Expectations {
  readonly #notes = new Map<string, Note[]>();
  readonly #clock: Clock;
  readonly #limitMs: number;

  constructor(clock: Clock = systemClock, limitMs: number = EXPECTATION_LIMIT_MS) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /** `key` is the reconciled key that must wait; `written` is the object as the server answered it. */
  wrote(key: string, resource: string, cache: Lister<KubernetesObject>, written: KubernetesObject): void {
    const { uid, resourceVersion } = written.metadata ?? {};
    if (resourceVersion === undefined) return;
    this.#add(key, { resource, cache, object: objectKey(written), uid, version: resourceVersion });
  }

  /** The deletion of this object was accepted and no finalizer holds it: its key must wait until the cache lacks it. */
  deleted(key: string, resource: string, cache: Lister<KubernetesObject>, object: KubernetesObject): void {
    this.#add(key, { resource, cache, object: objectKey(object), uid: object.metadata?.uid, version: undefined });
  }

  /** The first write that the caches have not seen; undefined when a pass may begin. */
  unmet(key: string): Unmet | undefined {
    const now = this.#clock.monotonicMs();
    const left = (this.#notes.get(key) ?? []).filter(note => !isMet(note) && now - note.sinceMs < this.#limitMs);
    if (left.length === 0) this.#notes.delete(key);
    else this.#notes.set(key, left);
    const [first] = left;
    if (first === undefined) return undefined;
    const sinceMs = now - first.sinceMs;
    return { waitingFor: `${first.resource} ${first.object}`, sinceMs, leftMs: this.#limitMs - sinceMs };
  }

  #add(key: string, note: Omit<Note, 'sinceMs'>): void {
    const notes = (this.#notes.get(key) ?? []).filter(
      known => !(known.cache === note.cache && known.object === note.object && known.uid === note.uid),
    );
    this.#notes.set(key, [...notes, { ...note, sinceMs: this.#clock.monotonicMs() }]);
  }
}

function isMet(note: Note): boolean {
  const cached = note.cache.get(note.object)?.metadata;
  if (note.version === undefined) return cached === undefined || cached.uid !== note.uid;
  if (reached(cached?.resourceVersion, note.version)) return true;
  // Versions of one resource grow together: a cache that has heard of a later one has heard of ours.
  return reached(note.cache.seenVersion(note.object), note.version);
}

function reached(seen: string | undefined, wanted: string): boolean {
  const order = compareVersions(seen, wanted);
  return order === 'same' || order === 'newer';
}
