// What a metric is to us: one row of a table, from which the registry, docs/metrics.md and the dashboard are made. The
// tables are machine-metrics.ts and product-metrics.ts; recorder.ts turns rows into series.

type Kind = 'counter' | 'gauge' | 'histogram';

export interface MetricRow {
  readonly kind: Kind;
  /** One sentence, for the page that Prometheus reads and for the docs. Units are in the name. */
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
  /** A query worth asking; the dashboard draws it where there is a `panel`. */
  readonly example: string;
  /** Title of the dashboard's panel. */
  readonly panel?: string;
}

export type MetricTable = Readonly<Record<string, MetricRow>>;
