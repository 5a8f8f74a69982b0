// What the machine tells the outside: log lines and measurements. Interfaces only; `src/telemetry` fits them by shape,
// so that the machine depends on neither winston nor Prometheus, and a test passes a recorder or nothing.

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** How a pass ended: the label values of controller_runtime_reconcile_total. */
export type ReconcileOutcome = 'success' | 'error' | 'requeue' | 'requeue_after';

/** Why a list or watch was started over: label values, so never text from outside. */
export type WatchEnd =
  | 'time'
  | 'closed'
  | 'silence'
  | 'reset'
  | 'gone'
  | 'throttled'
  | 'garbled'
  | 'refused'
  | 'stopped';

/** What the workers of a queue have in hand at this moment, in seconds; 0 when all are idle. */
export interface WorkInHand {
  /** Summed over all keys in hand: grows without end while a pass hangs. */
  readonly unfinishedSeconds: number;
  /** Of the key that has been in hand for longest. */
  readonly longestSeconds: number;
}

/** Where the loop, the queue, watches and the election count what they do. */
export interface MachineMetrics {
  queueDepth(queue: string, depth: number): void;
  queueAdded(queue: string): void;
  queueRetried(queue: string): void;
  /** A key left the queue after waiting this long. */
  queueWaited(queue: string, seconds: number): void;
  /** A worker worked this long on a key. */
  queueWorked(queue: string, seconds: number): void;
  /** Once for each queue, when it is made. To be called at each scrape: a pass that hangs ends in no other figure. */
  queueProgress(queue: string, read: () => WorkInHand): void;
  reconciled(controller: string, outcome: ReconcileOutcome, seconds: number): void;
  activeWorkers(controller: string, count: number): void;
  maxWorkers(controller: string, count: number): void;
  listed(resource: string, items: number): void;
  watchEnded(resource: string, end: WatchEnd): void;
  /** A watch is begun again after one that broke; not after one whose time was up. */
  watchReconnected(resource: string): void;
  /** Objects whose change a list found and no event had told: those of a gap in the watch. */
  eventsMissed(resource: string, count: number): void;
  /** An event that was a repeat, too old, or about an object that is gone. */
  eventIgnored(resource: string): void;
  leading(election: string, isLeader: 'leader' | 'follower'): void;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

export const noMetrics: MachineMetrics = {
  queueDepth() {},
  queueAdded() {},
  queueRetried() {},
  queueWaited() {},
  queueWorked() {},
  queueProgress() {},
  reconciled() {},
  activeWorkers() {},
  maxWorkers() {},
  listed() {},
  watchEnded() {},
  watchReconnected() {},
  eventsMissed() {},
  eventIgnored() {},
  leading() {},
};
