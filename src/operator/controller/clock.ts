// Time, injected: whoever waits or measures in the machine asks a `Clock`, so that tests turn time by hand. Two kinds of
// time, never mixed: the calendar (may jump, is for people and timestamps) and the monotonic one (for durations).

/** Cancels what it was returned for; a second call does nothing. */
export type Cancel = () => void;

export interface Clock {
  /** Calendar time. */
  now(): Date;
  /** Milliseconds since an arbitrary moment; never goes back, goes on while the process is stopped (SIGSTOP). */
  monotonicMs(): number;
  /** Calls `task` once after `delayMs`, at most 2^31-1; the timer keeps the process alive. */
  setTimeout(task: () => void, delayMs: number): Cancel;
}

/** The longest delay that a JavaScript timer can have (24.8 days); longer ones would fire at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  setTimeout: (task, delayMs) => {
    const timer = setTimeout(task, Math.min(Math.max(0, delayMs), LONGEST_DELAY_MS));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or as soon as `signal` aborts: ask `signal.aborted` afterwards. Never rejects. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(resolve => {
    const wake = (): void => {
      cancel();
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const cancel = clock.setTimeout(wake, delayMs);
    signal.addEventListener('abort', wake, { once: true });
  });
}
