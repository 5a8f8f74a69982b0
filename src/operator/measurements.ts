// What the two kinds tell about themselves in figures. Interfaces only: `src/telemetry` fits them by shape, tests pass a
// recorder or nothing. Who counts is the reconcile, after the write that says so; who reads is the scrape.

/** What the status of one DatabaseMigration says now, for gauges. Times are in seconds of Unix time. */
export interface Standing {
  readonly namespace: string;
  readonly name: string;
  readonly conditions: Readonly<Record<'Ready' | 'Reconciling' | 'Stalled', boolean>>;
  /** Reason of `Ready`. */
  readonly reason: string;
  /** Absent: not known yet. */
  readonly pending?: number;
  /** Since when attempts of the present step decide nothing. */
  readonly blocked?: { readonly step: string; readonly reason: string; readonly since: number };
  /** The last complete backup. */
  readonly backup?: { readonly time: number; readonly sizeBytes: number };
}

export interface ProductMetrics {
  runEnded(outcome: string, seconds: number): void;
  stepEnded(step: string, result: 'Done' | 'Failed', seconds: number): void;
  /** A run kept the app stopped for this long. */
  appWasStopped(seconds: number): void;
  /** Since when (Unix time) the app is kept stopped, as the last pass saw it; undefined: it is not, or the resource is gone. */
  appIsStopped(namespace: string, name: string, since: number | undefined): void;
  /** An attempt decided nothing and is made again. */
  attemptRepeated(step: string, reason: string): void;
  /** A step was held up for this long before it ended. */
  stepWasBlocked(step: string, seconds: number): void;
  backupEnded(result: 'Complete' | 'Failed', seconds: number): void;
  /** Once: how every resource stands, asked for at each scrape. */
  standings(read: () => readonly Standing[]): void;
  /** Once for each cache. */
  cached(resource: string, count: () => number): void;
}

export const noProductMetrics: ProductMetrics = {
  runEnded() {},
  stepEnded() {},
  appWasStopped() {},
  appIsStopped() {},
  attemptRepeated() {},
  stepWasBlocked() {},
  backupEnded() {},
  standings() {},
  cached() {},
};
