// One leader among the operators that share a Lease (https://kubernetes.io/docs/concepts/architecture/leases/).
//
// Rules: (1) whoever wants to lead takes the Lease with a resourceVersion-checked write, when it is free or when its
// record has not changed for leaseDuration *by our own monotonic clock*: the holder's clock is never believed, and a time in
// which we could not look, so that perhaps nobody could renew, does not count.
// (2) The leader renews; what it may still write ends `writeMarginMs` before its lease does, counted from *before* the
// last renewal was sent, so that a request under way is over when another may begin. (3) A leader that could not renew
// in time writes nothing and goes on asking: while the Lease still names it nobody else has led, and a resourceVersion-
// checked renewal proves it, however long the API server was away. (4) Once the Lease is another's it has lost and never
// comes back: the process ends. (5) A leader that was frozen wakes up past its time, and `isLeading` is false before any
// timer has run; it looks before it renews. Calendar time is a second witness, for machines that were suspended.
import { randomUUID } from 'node:crypto';
import type { Api } from '../../kubernetes/api.ts';
import { isAlreadyExists, isConflict } from '../../kubernetes/errors.ts';
import { LEASES, type Lease } from '../../kubernetes/resources.ts';
import { type Clock, sleep, systemClock } from './clock.ts';
import { type Logger, type MachineMetrics, noMetrics, silentLogger } from './collaborators.ts';

export interface ElectionOptions {
  readonly api: Api;
  readonly namespace: string;
  /** Name of the Lease; operators that share it share the work. */
  readonly name: string;
  /** Unique to this process; default: `<host name>_<uuid>`. */
  readonly identity?: string;
  /** Default 30. */
  readonly leaseDurationSeconds?: number;
  /** Default 10,000. */
  readonly renewMs?: number;
  /** Between looks at a Lease that another holds, and between failed renewals. Default 1,500: a clean hand-over in 2 s. */
  readonly retryMs?: number;
  /** A renewal without an answer for this long is tried again, though its request goes on. Default 4,000. */
  readonly answerMs?: number;
  /** The leader writes nothing in the last part of its lease; must be at least the time limit of a write. Default 10,000. */
  readonly writeMarginMs?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly metrics?: MachineMetrics;
  readonly random?: () => number;
}

/** What `guardWrites` asks before every write. */
export interface Leadership {
  isLeading(): boolean;
}

/** `Unanswered`: nobody knows; ask again. `Taken`: the Lease is another's, or gone. */
type Renewed = 'Renewed' | 'Unanswered' | 'Taken';

interface Renewal {
  readonly monotonicMs: number;
  readonly calendarMs: number;
}

export class LeaderElection implements Leadership {
  readonly identity: string;
  readonly #options: Required<Omit<ElectionOptions, 'identity'>>;
  readonly #stopping = new AbortController();
  readonly #elected = Promise.withResolvers<void>();
  readonly #lost = Promise.withResolvers<void>();
  #campaign: Promise<void> | undefined;
  #lease: Lease | undefined;
  /** Another's lease, and for how long it has not changed while we could look. */
  #observed: { readonly record: string; readonly unchangedMs: number } | undefined;
  /** When we looked last, if that told us anything. */
  #lookedMs: number | undefined;
  #renewal: Renewal | undefined;

  constructor(options: ElectionOptions) {
    this.identity = options.identity ?? `${process.env.HOSTNAME ?? 'operator'}_${randomUUID()}`;
    this.#options = {
      leaseDurationSeconds: 30,
      renewMs: 10_000,
      retryMs: 1_500,
      answerMs: 4_000,
      writeMarginMs: 10_000,
      clock: systemClock,
      logger: silentLogger,
      metrics: noMetrics,
      random: Math.random,
      ...options,
    };
  }

  /** Begins to campaign. */
  start(): void {
    this.#campaign ??= this.#run(this.#stopping.signal);
  }

  /** Resolves when this process leads; never, if it never does. */
  whenElected(): Promise<void> {
    return this.#elected.promise;
  }

  /** Resolves when this process led and the Lease is another's, without having been asked to stop: end the process. */
  whenLost(): Promise<void> {
    return this.#lost.promise;
  }

  /** Whether a write that is sent now is over before another process may lead. */
  isLeading(): boolean {
    return !this.#stopping.signal.aborted && this.#leftMs() > 0;
  }

  /**
   * Ends the campaign. `release` gives the Lease back, so that another leads at once: only after every worker has
   * stopped. `keep` lets it run out. Safe to repeat; never rejects.
   */
  async stop(then: 'release' | 'keep'): Promise<void> {
    this.#stopping.abort();
    await this.#campaign;
    const lease = this.#lease;
    if (then === 'keep' || lease === undefined || this.#leftMs() <= 0) return;
    this.#renewal = undefined;
    this.#lease = undefined;
    this.#options.metrics.leading(this.#options.name, 'follower');
    try {
      await this.#options.api.replace(LEASES, {
        ...lease,
        spec: { ...this.#spec(lease), holderIdentity: '', leaseDurationSeconds: 1 },
      });
    } catch (error) {
      this.#options.logger.warn('the lease could not be released; it runs out by itself', { error: String(error) });
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    this.#options.metrics.leading(this.#options.name, 'follower');
    while (!signal.aborted && !(await this.#tryToLead())) await this.#pause(this.#options.retryMs, signal);
    if (signal.aborted) return;
    this.#options.metrics.leading(this.#options.name, 'leader');
    this.#options.logger.info('leading', { lease: this.#options.name, identity: this.identity });
    this.#elected.resolve();
    await this.#keep(signal);
    if (signal.aborted) return;
    this.#options.metrics.leading(this.#options.name, 'follower');
    this.#options.logger.error('leadership is lost', { lease: this.#options.name, identity: this.identity });
    this.#lost.resolve();
  }

  /** Renews until told to stop, or until the Lease is another's. */
  async #keep(signal: AbortSignal): Promise<void> {
    const { name, renewMs, retryMs, metrics } = this.#options;
    let last: Renewed = 'Renewed';
    while (last !== 'Taken') {
      await this.#pause(last === 'Renewed' ? renewMs : retryMs, signal);
      if (signal.aborted) return;
      last = await this.#renew();
      metrics.leading(name, this.isLeading() ? 'leader' : 'follower');
    }
  }

  /** One look at the Lease, and one try to take it if it may be taken. */
  async #tryToLead(): Promise<boolean> {
    const { api, namespace, name, clock, leaseDurationSeconds, logger } = this.#options;
    const asked = { monotonicMs: clock.monotonicMs(), calendarMs: clock.now().getTime() };
    try {
      const lease = await api.get(LEASES, namespace, name);
      if (lease === undefined) {
        this.#lease = await api.create(LEASES, namespace, {
          metadata: { namespace, name },
          spec: this.#spec(undefined),
        });
      } else {
        const heldMs = (lease.spec?.leaseDurationSeconds ?? leaseDurationSeconds) * 1000;
        const isFree = (lease.spec?.holderIdentity ?? '') === '' || lease.spec?.holderIdentity === this.identity;
        if (this.#observe(lease) < heldMs && !isFree) return false;
        this.#lease = await api.replace(LEASES, { ...lease, spec: this.#spec(lease) });
      }
      this.#renewal = asked;
      return true;
    } catch (error) {
      this.#lookedMs = undefined;
      if (!isConflict(error) && !isAlreadyExists(error))
        logger.warn('the lease could not be had', { error: String(error) });
      return false;
    }
  }

  /** For how long this record has not changed. What passes between a look that failed and the next counts against nobody. */
  #observe({ spec, metadata }: Lease): number {
    const nowMs = this.#options.clock.monotonicMs();
    const record = JSON.stringify([spec?.holderIdentity, spec?.renewTime, metadata?.resourceVersion]);
    const known = this.#observed?.record === record ? this.#observed.unchangedMs : undefined;
    const unchangedMs = known === undefined ? 0 : known + nowMs - (this.#lookedMs ?? nowMs);
    this.#observed = { record, unchangedMs };
    this.#lookedMs = nowMs;
    return unchangedMs;
  }

  async #renew(): Promise<Renewed> {
    const { clock, logger } = this.#options;
    const asked = { monotonicMs: clock.monotonicMs(), calendarMs: clock.now().getTime() };
    // Past our time somebody else may lead: look before anything is sent.
    if (!this.isLeading()) this.#lease = undefined;
    try {
      this.#lease = await this.#answered(this.#renewed());
      this.#renewal = this.#lease === undefined ? undefined : asked;
      return this.#lease === undefined ? 'Taken' : 'Renewed';
    } catch (error) {
      // A conflict may be our own earlier write whose answer was lost, or a label that someone set: look before the next try.
      this.#lease = undefined;
      const leftMs = Math.round(this.#leftMs());
      const fields = { error: String(error), writes_end_in_ms: Math.max(0, leftMs) };
      logger.warn('the lease could not be renewed', fields);
      return 'Unanswered';
    }
  }

  /** The lease as renewed; undefined when it is another's. */
  async #renewed(): Promise<Lease | undefined> {
    const { api, namespace, name } = this.#options;
    const lease = this.#lease ?? (await api.get(LEASES, namespace, name));
    if (lease?.spec?.holderIdentity !== this.identity) return undefined;
    return api.replace(LEASES, { ...lease, spec: this.#spec(lease) });
  }

  /** Rejects when there is no answer in time. A late answer is dropped: the next look at the Lease tells what came of it. */
  #answered<R>(answer: Promise<R>): Promise<R> {
    const { clock, answerMs } = this.#options;
    return new Promise((resolve, reject) => {
      const cancel = clock.setTimeout(() => reject(new Error(`no answer for ${answerMs} ms`)), answerMs);
      answer.then(resolve, reject).finally(cancel);
    });
  }

  #spec(lease: Lease | undefined): NonNullable<Lease['spec']> {
    const now = microTime(this.#options.clock.now());
    const isOurs = lease?.spec?.holderIdentity === this.identity;
    const transitions = lease?.spec?.leaseTransitions ?? 0;
    return {
      ...lease?.spec,
      holderIdentity: this.identity,
      leaseDurationSeconds: this.#options.leaseDurationSeconds,
      renewTime: now,
      acquireTime: isOurs ? (lease.spec?.acquireTime ?? now) : now,
      leaseTransitions: lease === undefined || isOurs ? transitions : transitions + 1,
    };
  }

  /** What is left of the time in which we may write, by the clock that says less. */
  #leftMs(): number {
    if (this.#renewal === undefined) return 0;
    const { clock, leaseDurationSeconds, writeMarginMs } = this.#options;
    const passedMs = Math.max(
      clock.monotonicMs() - this.#renewal.monotonicMs,
      clock.now().getTime() - this.#renewal.calendarMs,
    );
    return leaseDurationSeconds * 1000 - writeMarginMs - passedMs;
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return sleep(this.#options.clock, ms * (1 - 0.1 * this.#options.random()), signal);
  }
}

/** `V1MicroTime` as the API server demands it: exactly six digits after the point. */
export function microTime(date: Date): string {
  return date.toISOString().replace(/\.(\d{3})Z$/, '.$1000Z');
}
