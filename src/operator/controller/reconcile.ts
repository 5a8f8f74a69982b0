// What a kind's controller gives the machine: one function that makes one object's world a bit more as it should be.
// Types only; `controller.ts` calls it, for one key at a time, with a limit on its time.

/** What a pass says about itself; becomes one log line and decides when the key is looked at again. */
export interface ReconcileResult {
  /** Look again after this long even if nothing changes; absent: only when something changes. */
  readonly requeueAfterMs?: number;
  /** Further fields of the pass's log line: the step it stopped at, its actions. No secrets. */
  readonly summary?: Readonly<Record<string, unknown>>;
}

/**
 * One pass for one key (`<namespace>/<name>`). A repeat is always allowed and must be safe. A rejection is logged and
 * tried again with back-off. `why` has the distinct reasons given when the key was enqueued. `signal` aborts when the
 * operator stops or the pass takes too long: stop at the next safe point.
 */
export type Reconcile = (key: string, why: readonly string[], signal: AbortSignal) => Promise<ReconcileResult>;
