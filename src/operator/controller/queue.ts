// What is to be looked at: keys, each at most once, each in at most one worker's hands at a time. A key that is added
// while a worker has it comes again when the worker is done. Remembers why a key was added and since when it waits, and
// how often it failed. Holds no objects. Handlers of watch events add; controller.ts takes.
import type { Cancel, Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import { type MachineMetrics, noMetrics, type WorkInHand } from './collaborators.ts';

export interface QueueItem {
  readonly key: string;
  /** The distinct reasons, in the order in which they came. */
  readonly why: readonly string[];
  readonly waitedMs: number;
}

export interface QueueOptions {
  /** Label of the queue's metrics. */
  readonly name: string;
  readonly clock?: Clock;
  readonly metrics?: MachineMetrics;
}

interface Waiting {
  readonly why: Set<string>;
  readonly sinceMs: number;
}

interface Delayed {
  readonly dueMs: number;
  readonly why: Set<string>;
  readonly cancel: Cancel;
}

/** Reasons beyond these are counted as one: a key in a busy namespace must not grow without end. */
const MOST_REASONS = 16;

export class Queue {
  readonly name: string;
  readonly #clock: Clock;
  readonly #metrics: MachineMetrics;
  /** Insertion order is the order of service. */
  readonly #waiting = new Map<string, Waiting>();
  /** What was added while a worker had the key. */
  readonly #again = new Map<string, Waiting>();
  readonly #inHand = new Map<string, number>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  readonly #idleWorkers: ((item: QueueItem | undefined) => void)[] = [];
  #isStopped = false;

  constructor(options: QueueOptions) {
    this.name = options.name;
    this.#clock = options.clock ?? systemClock;
    this.#metrics = options.metrics ?? noMetrics;
    this.#metrics.queueProgress(this.name, () => this.#workInHand());
  }

  /** Adds the key, or another reason to the key that waits already. */
  add(key: string, why: string): void {
    if (this.#isStopped) return;
    const pool = this.#inHand.has(key) ? this.#again : this.#waiting;
    const known = pool.get(key);
    if (known !== undefined) {
      if (known.why.size < MOST_REASONS) known.why.add(why);
      return;
    }
    pool.set(key, { why: new Set([why]), sinceMs: this.#clock.monotonicMs() });
    this.#metrics.queueAdded(this.name);
    this.#reportDepth();
    // Not at once: who adds a key for two reasons in one go wants one pass.
    queueMicrotask(() => this.#serve());
  }

  /**
   * Adds the key after `delayMs`; of several such wishes the earliest counts. The wish ends when a worker takes the key,
   * for whatever reason: that pass sees everything afresh and says itself when it wants to look again.
   */
  addAfter(key: string, why: string, delayMs: number): void {
    if (this.#isStopped) return;
    const dueMs = this.#clock.monotonicMs() + delayMs;
    const known = this.#delayed.get(key);
    const reasons = known?.why ?? new Set<string>();
    if (reasons.size < MOST_REASONS) reasons.add(why);
    if (known !== undefined && known.dueMs <= dueMs) return;
    known?.cancel();
    const cancel = this.#clock.setTimeout(() => {
      this.#delayed.delete(key);
      for (const reason of reasons) this.add(key, reason);
    }, delayMs);
    this.#delayed.set(key, { dueMs, why: reasons, cancel });
  }

  /** The next key, as soon as there is one; undefined when the queue was stopped. `done` must follow. */
  take(): Promise<QueueItem | undefined> {
    if (this.#isStopped) return Promise.resolve(undefined);
    return new Promise(resolve => {
      this.#idleWorkers.push(resolve);
      this.#serve();
    });
  }

  /** The worker that took the key is done with it. */
  done(key: string): void {
    const sinceMs = this.#inHand.get(key);
    if (sinceMs === undefined) return;
    this.#inHand.delete(key);
    this.#metrics.queueWorked(this.name, (this.#clock.monotonicMs() - sinceMs) / 1000);
    const again = this.#again.get(key);
    this.#again.delete(key);
    if (again === undefined || this.#isStopped) return;
    this.#waiting.set(key, again);
    this.#serve();
  }

  /** Counts a failure of this key; returns how many there were in a row. */
  failed(key: string): number {
    const count = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, count);
    this.#metrics.queueRetried(this.name);
    return count;
  }

  /** The key did well: its next failure is its first. */
  succeeded(key: string): void {
    this.#failures.delete(key);
  }

  /** Keys that wait for a worker; delayed ones do not. */
  get depth(): number {
    return this.#waiting.size + this.#again.size;
  }

  /** For how long the slowest worker has had its key; 0 when all are idle. */
  get longestInHandMs(): number {
    return this.#workInHand().longestSeconds * 1000;
  }

  /** Wakes idle workers with undefined, forgets what waits and cancels all timers. What is in hand may finish. */
  stop(): void {
    this.#isStopped = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    for (const pool of [this.#delayed, this.#waiting, this.#again, this.#failures]) pool.clear();
    for (const worker of this.#idleWorkers.splice(0)) worker(undefined);
    this.#reportDepth();
  }

  #serve(): void {
    while (this.#idleWorkers.length > 0) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      const [key, { why, sinceMs }] = next;
      this.#waiting.delete(key);
      this.#delayed.get(key)?.cancel();
      this.#delayed.delete(key);
      const now = this.#clock.monotonicMs();
      this.#inHand.set(key, now);
      this.#reportDepth();
      this.#metrics.queueWaited(this.name, (now - sinceMs) / 1000);
      this.#idleWorkers.shift()?.({ key, why: [...why], waitedMs: now - sinceMs });
    }
  }

  #workInHand(): WorkInHand {
    const now = this.#clock.monotonicMs();
    const seconds = [...this.#inHand.values()].map(sinceMs => (now - sinceMs) / 1000);
    return { unfinishedSeconds: seconds.reduce((sum, one) => sum + one, 0), longestSeconds: Math.max(0, ...seconds) };
  }

  #reportDepth(): void {
    this.#metrics.queueDepth(this.name, this.depth);
  }
}
