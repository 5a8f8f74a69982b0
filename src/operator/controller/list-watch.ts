// Keeps a cache true to one resource: lists, then watches from there, for as long as it is not stopped. It trusts no
// connection to last: whatever breaks, it waits as backoff.ts says and goes on from the last version it has heard of,
// or, where the server no longer remembers that, lists again and works out what it missed.
//
// States: *listing* until a list succeeds → *watching* from the newest version. A watch that ends by itself or breaks
// is begun again from there; 410 (Gone), several broken watches in a row, or a long time since the last list lead back
// to listing, and so does `refresh`. *Stopped* from any state. `synced` stays true after the first list: a cache may be old, not empty.
import { ApiError, isGone, isNotFound } from '../../kubernetes/errors.ts';
import type { KubernetesObject } from '../../kubernetes/object.ts';
import type { Source, WatchEvent } from '../../kubernetes/source.ts';
import { delayAfter } from './backoff.ts';
import type { Cache } from './cache.ts';
import { type Clock, sleep, systemClock } from './clock.ts';
import { type Logger, type MachineMetrics, noMetrics, silentLogger, type WatchEnd } from './collaborators.ts';

export interface ListWatchOptions {
  /** No bytes for this long: the connection is dead. The server sends a bookmark a minute. Default 120,000. */
  readonly silenceMs?: number;
  /** A watch is asked to end after this long, plus up to as much again, to spread the load. Default 300. */
  readonly watchSeconds?: number;
  /** A fresh list at least this often, at the end of a watch: insurance against missed events. Default 1,800,000. */
  readonly relistMs?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly metrics?: MachineMetrics;
  /** Numbers from 0 up to 1, for spreading. */
  readonly random?: () => number;
}

/** A watch shorter than this that told nothing counts as broken, so that a server that closes at once is not hammered. */
const SHORT_WATCH_MS = 5_000;
/** After this many broken watches in a row nothing is taken for granted: list again. */
const BROKEN_BEFORE_LIST = 3;

/** Of a collection, 404 says that the kind is unknown: of its objects it would be an empty list. */
const NOT_DEFINED =
  'the API server does not know this kind yet: install its CustomResourceDefinition, then it is found';

export class ListWatch<T extends KubernetesObject> {
  readonly name: string;
  readonly #source: Source<T>;
  readonly #cache: Cache<T>;
  readonly #options: Required<ListWatchOptions>;
  readonly #synced = Promise.withResolvers<void>();
  #isSynced = false;
  #isStopping = false;
  /** Aborts the list, watch or delay under way. */
  #round = new AbortController();
  /** A list that someone waits for. */
  #wanted: PromiseWithResolvers<void> | undefined;
  #running: Promise<void> | undefined;
  /** In a row, of lists and watches; a list alone ends no row, for the watch after it may break at once every time. */
  #failures = 0;
  /** Whether the last watch broke, so that the next one is a reconnection. */
  #hasBroken = false;
  #listedAt = 0;
  #trouble: string | undefined;

  constructor(source: Source<T>, cache: Cache<T>, options: ListWatchOptions = {}) {
    this.name = source.name;
    this.#source = source;
    this.#cache = cache;
    this.#options = {
      silenceMs: 120_000,
      watchSeconds: 300,
      relistMs: 1_800_000,
      clock: systemClock,
      logger: silentLogger,
      metrics: noMetrics,
      random: Math.random,
      ...options,
    };
  }

  /** Why there is no list or watch at the moment, for a person; undefined when all is well. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Whether a first list has reached the cache and its handlers. */
  get synced(): boolean {
    return this.#isSynced;
  }

  /** Resolves at the first list; never, if that never comes. */
  whenSynced(): Promise<void> {
    return this.#synced.promise;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /**
   * Lists now, whatever was under way; resolves when that list is in the cache. A list shows every write that was
   * accepted before it began, which a watch, a little behind, does not. Never resolves once stopped.
   */
  refresh(): Promise<void> {
    this.#wanted ??= Promise.withResolvers<void>();
    this.#round.abort();
    return this.#wanted.promise;
  }

  /** Resolves when no request, timer or handler call of this list-watch is left. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#round.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    let version: string | undefined;
    while (!this.#isStopping) {
      this.#round = new AbortController();
      const { signal } = this.#round;
      if (version === undefined || this.#wanted !== undefined || this.#isRelistDue()) {
        version = (await this.#list(signal)) ?? version;
      }
      // A watch may live for minutes: whoever waits for a list gets it first.
      if (this.#wanted !== undefined) continue;
      if (version !== undefined && !signal.aborted) version = await this.#watch(version, signal);
    }
  }

  #isRelistDue(): boolean {
    const { clock, relistMs } = this.#options;
    return this.#failures >= BROKEN_BEFORE_LIST || clock.monotonicMs() - this.#listedAt > relistMs;
  }

  /** The list's version; undefined after a failure and its delay. */
  async #list(signal: AbortSignal): Promise<string | undefined> {
    const { clock, metrics, logger } = this.#options;
    const wanted = this.#wanted;
    try {
      const { items, resourceVersion } = await this.#source.list(signal);
      if (signal.aborted) return undefined;
      const changed = this.#cache.replaceAll(items, resourceVersion, this.#source.namespace);
      // Whoever asks for a refresh finds a watch that is well and a moment behind: nothing was missed.
      if (this.#isSynced && wanted === undefined) metrics.eventsMissed(this.name, changed);
      this.#listedAt = clock.monotonicMs();
      this.#trouble = undefined;
      metrics.listed(this.name, items.length);
      logger.debug('listed', { resource: this.name, items: items.length, resourceVersion });
      this.#isSynced = true;
      this.#synced.resolve();
      this.#wanted = undefined;
      wanted?.resolve();
      return resourceVersion;
    } catch (error) {
      await this.#fail('the list failed', error, signal);
      return undefined;
    }
  }

  /** Where to watch from next; undefined when only a list can tell. */
  async #watch(from: string, signal: AbortSignal): Promise<string | undefined> {
    const { clock, metrics, random, silenceMs, watchSeconds } = this.#options;
    if (this.#hasBroken) metrics.watchReconnected(this.name);
    this.#hasBroken = false;
    const started = clock.monotonicMs();
    const isLong = (): boolean => clock.monotonicMs() - started >= SHORT_WATCH_MS;
    const timeoutSeconds = Math.round(watchSeconds * (1 + random()));
    let version = from;
    try {
      for await (const event of this.#source.watch(from, { timeoutSeconds, silenceMs }, signal)) {
        if (signal.aborted) break;
        version = this.#apply(event) ?? version;
        this.#failures = 0;
        this.#trouble = undefined;
      }
      if (isLong()) this.#failures = 0;
      if (signal.aborted) metrics.watchEnded(this.name, 'stopped');
      else if (isLong() || version !== from) metrics.watchEnded(this.name, 'time');
      else {
        this.#hasBroken = true;
        await this.#fail('the watch broke', closedAtOnce(this.name), signal);
      }
      return version;
    } catch (error) {
      if (isLong()) this.#failures = 0;
      this.#hasBroken = !signal.aborted;
      await this.#fail('the watch broke', error, signal);
      return isGone(error) ? undefined : version;
    }
  }

  #apply(event: WatchEvent<T>): string | undefined {
    const { namespace } = this.#source;
    if (event.type === 'BOOKMARK') {
      this.#cache.observeVersion(event.resourceVersion, namespace);
      return event.resourceVersion;
    }
    const told =
      event.type === 'DELETED'
        ? this.#cache.remove(event.object, namespace)
        : this.#cache.upsert(event.object, namespace);
    if (told === 'Ignored') this.#options.metrics.eventIgnored(this.name);
    return event.object.metadata?.resourceVersion;
  }

  async #fail(what: string, error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, logger, metrics, random } = this.#options;
    const end = signal.aborted ? 'stopped' : endOf(error);
    metrics.watchEnded(this.name, end);
    if (signal.aborted) return;
    this.#failures++;
    const delayMs = delayAfter(error, this.#failures, random);
    this.#trouble = isNotFound(error) ? NOT_DEFINED : error instanceof Error ? error.message : String(error);
    const fields = { resource: this.name, end, error: this.#trouble, attempt: this.#failures, delay_ms: delayMs };
    // A single break is everyday; the third in a row is worth a person's eye, and a missing kind at once.
    if (this.#failures < BROKEN_BEFORE_LIST && !isNotFound(error)) logger.debug(what, fields);
    else logger.warn(what, fields);
    await sleep(clock, delayMs, signal);
  }
}

function closedAtOnce(name: string): ApiError {
  const message = `watch ${name}: the server closed it at once`;
  return new ApiError({ status: 0, reason: 'ClosedAtOnce', message, effect: 'None' });
}

function endOf(error: unknown): WatchEnd {
  if (isGone(error)) return 'gone';
  if (!(error instanceof ApiError)) return 'refused';
  if (error.status === 429) return 'throttled';
  if (error.status !== 0) return 'refused';
  return ENDS[error.reason] ?? 'reset';
}

const ENDS: Readonly<Record<string, WatchEnd>> = { Silent: 'silence', Unreadable: 'garbled', ClosedAtOnce: 'closed' };
