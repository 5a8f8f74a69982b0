// The time as the API server has it, from the `Date` header of its answers. What we write into a status is compared with
// times that the API server writes (when a Job was created, since when a node is silent); with a clock of our own that is
// wrong by an hour, deadlines would fire at once or never. Between two answers it goes on by the monotonic clock, so a
// jump of the machine's calendar does not matter. Fed and read through transport.ts.

export class ServerClock {
  /** Calendar time less monotonic time. */
  #offsetMs: number;
  readonly #monotonicMs: () => number;

  /** `ownTime` counts until the first answer, and as long as the answers do not contradict it. */
  constructor(ownTime: Date, monotonicMs: () => number = () => performance.now()) {
    this.#monotonicMs = monotonicMs;
    this.#offsetMs = ownTime.getTime() - monotonicMs();
  }

  now(): Date {
    return new Date(this.#offsetMs + this.#monotonicMs());
  }

  /**
   * An answer to a request that was sent at `sentMs` (monotonic) has come. The header has whole seconds and was written
   * between then and now, so it gives a range; only a time outside it is corrected, and by no more than it must be.
   */
  heard(dateHeader: string | readonly string[] | undefined, sentMs: number): void {
    const told = typeof dateHeader === 'string' ? Date.parse(dateHeader) : Number.NaN;
    if (Number.isNaN(told)) return;
    const earliest = told - this.#monotonicMs();
    const latest = told + 1000 - sentMs;
    this.#offsetMs = Math.min(Math.max(this.#offsetMs, earliest), latest);
  }
}
