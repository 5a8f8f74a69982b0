// The loop of one kind: takes keys from its queue, gives each to the kind's reconcile, says in one log line what came
// of it, and decides when the key comes again. Knows neither objects nor the API; the machine (machine.ts) starts it
// when caches are synced and this process leads.
import { ApiError } from '../../kubernetes/errors.ts';
import { classify, delayAfter } from './backoff.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Logger, type MachineMetrics, noMetrics, type ReconcileOutcome, silentLogger } from './collaborators.ts';
import type { Expectations } from './expectations.ts';
import type { Queue, QueueItem } from './queue.ts';
import type { Reconcile, ReconcileResult } from './reconcile.ts';

export interface ControllerOptions {
  /** Label of logs and metrics: `databasemigration`. */
  readonly name: string;
  readonly queue: Queue;
  readonly reconcile: Reconcile;
  /** Keys that are worked on at the same time. Default 4. */
  readonly workers?: number;
  /** Without it a pass may run on a cache that has not seen the last pass's writes. */
  readonly expectations?: Expectations;
  /** After this long a pass's signal aborts. Default 120,000. */
  readonly passLimitMs?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly metrics?: MachineMetrics;
  readonly random?: () => number;
}

/** How often an unseen write is looked for; its event usually brings the key back long before. */
const EXPECTATION_LOOK_MS = 250;

/** So many conflicts in a row are everyday: others write the same objects. More of them are a failure like any other. */
const USUAL_CONFLICTS = 5;

export class Controller {
  readonly name: string;
  readonly #options: Required<Omit<ControllerOptions, 'expectations'>> & Pick<ControllerOptions, 'expectations'>;
  readonly #stopping = new AbortController();
  #workers: readonly Promise<void>[] = [];
  #active = 0;

  constructor(options: ControllerOptions) {
    this.name = options.name;
    this.#options = {
      workers: 4,
      passLimitMs: 120_000,
      clock: systemClock,
      logger: silentLogger,
      metrics: noMetrics,
      random: Math.random,
      ...options,
    };
  }

  start(): void {
    if (this.#workers.length > 0) return;
    this.#options.metrics.maxWorkers(this.name, this.#options.workers);
    this.#workers = Array.from({ length: this.#options.workers }, () => this.#work());
  }

  /** False when a pass has been in hand far beyond its limit: the loop hangs, and only a restart helps. */
  isAlive(): boolean {
    return this.#options.queue.longestInHandMs < 3 * this.#options.passLimitMs;
  }

  /**
   * Takes no more keys and waits for the passes under way; after `graceMs` their signals abort, after as long again
   * they are given up. Says whether all have ended. Safe to repeat.
   */
  async stop(graceMs: number): Promise<'ended' | 'abandoned'> {
    this.#options.queue.stop();
    const ended = Promise.all(this.#workers).then(() => 'ended' as const);
    if ((await this.#atMost(ended, graceMs)) === 'ended') return 'ended';
    this.#stopping.abort();
    return (await this.#atMost(ended, graceMs)) ?? 'abandoned';
  }

  #atMost<R>(promise: Promise<R>, limitMs: number): Promise<R | undefined> {
    return new Promise(resolve => {
      const cancel = this.#options.clock.setTimeout(() => resolve(undefined), limitMs);
      void promise.then(result => {
        cancel();
        resolve(result);
      });
    });
  }

  async #work(): Promise<void> {
    const { queue, metrics } = this.#options;
    for (let item = await queue.take(); item !== undefined; item = await queue.take()) {
      metrics.activeWorkers(this.name, ++this.#active);
      try {
        await this.#handle(item);
      } finally {
        metrics.activeWorkers(this.name, --this.#active);
        queue.done(item.key);
      }
    }
  }

  async #handle(item: QueueItem): Promise<void> {
    const { expectations, queue, logger } = this.#options;
    const unmet = expectations?.unmet(item.key);
    if (unmet === undefined) return this.#pass(item);
    logger.debug('a write of ours is not in the cache yet', {
      controller: this.name,
      key: item.key,
      waiting_for: unmet.waitingFor,
    });
    for (const why of item.why) queue.addAfter(item.key, why, Math.min(EXPECTATION_LOOK_MS, unmet.leftMs));
  }

  async #pass(item: QueueItem): Promise<void> {
    const { clock, metrics, queue, reconcile } = this.#options;
    const startedMs = clock.monotonicMs();
    const report = (outcome: ReconcileOutcome, nextMs: number | undefined, fields: object, error?: unknown): void => {
      const durationMs = clock.monotonicMs() - startedMs;
      metrics.reconciled(this.name, outcome, durationMs / 1000);
      this.#say(item, outcome, durationMs, nextMs, fields, error);
    };
    try {
      const result = await this.#limited(signal => reconcile(item.key, item.why, signal));
      queue.succeeded(item.key);
      if (result.requeueAfterMs !== undefined) queue.addAfter(item.key, 'due', result.requeueAfterMs);
      const outcome = result.requeueAfterMs === undefined ? 'success' : 'requeue_after';
      report(outcome, result.requeueAfterMs, result.summary ?? {});
    } catch (error) {
      const failures = queue.failed(item.key);
      const delayMs = delayAfter(error, failures, this.#options.random);
      const isUsual = classify(error) === 'conflict' && failures <= USUAL_CONFLICTS;
      queue.addAfter(item.key, isUsual ? 'conflict' : 'failed', delayMs);
      report(isUsual ? 'requeue' : 'error', delayMs, {}, error);
    }
  }

  async #limited(work: (signal: AbortSignal) => Promise<ReconcileResult>): Promise<ReconcileResult> {
    const limit = new AbortController();
    const abort = (): void => limit.abort();
    if (this.#stopping.signal.aborted) abort();
    this.#stopping.signal.addEventListener('abort', abort, { once: true });
    const cancel = this.#options.clock.setTimeout(abort, this.#options.passLimitMs);
    try {
      return await work(limit.signal);
    } finally {
      cancel();
      this.#stopping.signal.removeEventListener('abort', abort);
    }
  }

  /** The one line of a pass. */
  #say(
    item: QueueItem,
    result: ReconcileOutcome,
    durationMs: number,
    nextMs: number | undefined,
    fields: object,
    error: unknown,
  ): void {
    const line = {
      controller: this.name,
      key: item.key,
      why: item.why.join(', '),
      result,
      duration_ms: Math.round(durationMs),
      ...(nextMs === undefined ? {} : { next_look_ms: Math.round(nextMs) }),
      ...fields,
    };
    if (error === undefined) this.#options.logger.info('reconciled', line);
    else if (result === 'requeue')
      this.#options.logger.debug('someone else wrote first', { ...line, ...described(error) });
    else
      this.#options.logger[classify(error) === 'unexpected' ? 'error' : 'warn']('reconcile failed', {
        ...line,
        ...described(error),
      });
  }
}

/** An error of the API is explained by its code, reason and message; only what we did not foresee needs a stack. */
function described(error: unknown): object {
  if (error instanceof ApiError) return { error: error.message, code: error.status, reason: error.reason };
  if (!(error instanceof Error)) return { error: String(error) };
  const isForeseen = error.name !== 'Error' && !(error instanceof TypeError) && !(error instanceof RangeError);
  return isForeseen ? { error: error.message } : { error: error.message, stack: error.stack };
}
