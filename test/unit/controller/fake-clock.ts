// Time that stands still until a test turns it. Timers fire in the order of their time, and the promises that they wake
// run before the next one fires.
import type { Cancel, Clock } from '../../../src/operator/controller/clock.ts';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly task: () => void;
}

export class FakeClock implements Clock {
  #elapsedMs = 0;
  #calendarShiftMs = 0;
  #order = 0;
  #timers: Timer[] = [];
  readonly #startMs = Date.UTC(2026, 0, 1);

  now(): Date {
    return new Date(this.#startMs + this.#elapsedMs + this.#calendarShiftMs);
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  setTimeout(task: () => void, delayMs: number): Cancel {
    const timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#order++, task };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter(other => other !== timer);
    };
  }

  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** The calendar jumps; durations do not. */
  shiftCalendar(ms: number): void {
    this.#calendarShiftMs += ms;
  }

  /** Time goes by while the process does not run: no timer fires, as between SIGSTOP and SIGCONT. */
  freeze(ms: number): void {
    this.#elapsedMs += ms;
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms;
    await settle();
    for (;;) {
      const [next] = this.#timers
        .filter(timer => timer.dueMs <= untilMs)
        .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order);
      if (next === undefined) break;
      this.#timers = this.#timers.filter(timer => timer !== next);
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs);
      next.task();
      await settle();
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, untilMs);
  }
}

/** Lets every promise that is ready run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve));
}
