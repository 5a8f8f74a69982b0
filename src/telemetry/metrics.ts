// What Prometheus reads. The only importer of prom-client. Names and labels of the loop, the queue and the requests are
// those of controller-runtime and client-go, because people's dashboards know them; what those lack is prefixed
// `migration_operator_`. One registry per operator, never the global one. Labels have few values, and never a name of
// a user's object. `docs/metrics.md` lists them; `MACHINE_METRICS` is its source.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

type Kind = 'counter' | 'gauge' | 'histogram';

interface MetricRow {
  readonly kind: Kind;
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}

/** 1 ms to 60 s: a pass without a request, up to one that waits for a slow server. */
const PASS_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;
/** Powers of ten, as workqueue has them. */
const QUEUE_SECONDS = [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000] as const;

const MACHINE_METRICS = {
  controller_runtime_reconcile_total: {
    kind: 'counter',
    help: 'Passes by controller and result: success, error, requeue, requeue_after',
    labels: ['controller', 'result'],
  },
  controller_runtime_reconcile_errors_total: {
    kind: 'counter',
    help: 'Passes that failed, by controller',
    labels: ['controller'],
  },
  controller_runtime_reconcile_time_seconds: {
    kind: 'histogram',
    help: 'Seconds of a pass, by controller',
    labels: ['controller'],
    buckets: PASS_SECONDS,
  },
  controller_runtime_max_concurrent_reconciles: {
    kind: 'gauge',
    help: 'Workers of a controller',
    labels: ['controller'],
  },
  controller_runtime_active_workers: { kind: 'gauge', help: 'Workers with a key in hand', labels: ['controller'] },
  workqueue_depth: { kind: 'gauge', help: 'Keys that wait for a worker', labels: ['name'] },
  workqueue_adds_total: { kind: 'counter', help: 'Keys added', labels: ['name'] },
  workqueue_retries_total: { kind: 'counter', help: 'Keys added again after a failure', labels: ['name'] },
  workqueue_queue_duration_seconds: {
    kind: 'histogram',
    help: 'Seconds that a key waited for a worker',
    labels: ['name'],
    buckets: QUEUE_SECONDS,
  },
  workqueue_work_duration_seconds: {
    kind: 'histogram',
    help: 'Seconds that a worker had a key',
    labels: ['name'],
    buckets: QUEUE_SECONDS,
  },
  workqueue_unfinished_work_seconds: {
    kind: 'gauge',
    help: 'Seconds that the keys now in hand have been so, summed: grows without end while a pass hangs',
    labels: ['name'],
  },
  workqueue_longest_running_processor_seconds: {
    kind: 'gauge',
    help: 'Seconds that the slowest worker has had its key',
    labels: ['name'],
  },
  rest_client_requests_total: {
    kind: 'counter',
    help: 'Requests to the API server by HTTP status (<error>: no answer), method, host, verb and resource; a watch counts when it ends',
    labels: ['code', 'method', 'host', 'verb', 'resource'],
  },
  rest_client_request_duration_seconds: {
    kind: 'histogram',
    help: 'Seconds of a request to the API server by verb and host; without watches',
    labels: ['verb', 'host'],
    buckets: PASS_SECONDS,
  },
  leader_election_master_status: {
    kind: 'gauge',
    help: '1 while this process holds the lease, else 0',
    labels: ['name'],
  },
  migration_operator_list_items: {
    kind: 'gauge',
    help: 'Objects in the last list of a resource',
    labels: ['resource'],
  },
  migration_operator_lists_total: { kind: 'counter', help: 'Complete lists of a resource', labels: ['resource'] },
  migration_operator_watch_ends_total: {
    kind: 'counter',
    help: 'Lists and watches that ended, by cause: time, closed, silence, reset, gone, throttled, garbled, refused, stopped',
    labels: ['resource', 'cause'],
  },
  migration_operator_watch_reconnects_total: {
    kind: 'counter',
    help: 'Watches that were begun again after one that broke',
    labels: ['resource'],
  },
  migration_operator_events_missed_total: {
    kind: 'counter',
    help: 'Changes that a list found and no watch event had told: those of a gap in the watch',
    labels: ['resource'],
  },
  migration_operator_events_ignored_total: {
    kind: 'counter',
    help: 'Watch events that were repeats, too old, or about an object that is gone',
    labels: ['resource'],
  },
} as const satisfies Record<string, MetricRow>;

type MetricName = keyof typeof MACHINE_METRICS;

export interface Metrics {
  /** Fits the controller machine's `MachineMetrics`. */
  readonly machine: ReturnType<typeof machineMetrics>;
  /** Fits the transport's `onRequest`. */
  onRequest(report: { verb: string; resource: string; code: string; host: string; seconds: number }): void;
  /** For metrics of a kind's own; each name once. */
  readonly registry: Registry;
  /** The page that Prometheus reads. */
  page(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface MetricsOptions {
  /** Whether to add `process_*` and `nodejs_*`, which install observers for the life of the process. */
  readonly process: 'Include' | 'Omit';
}

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  if (options.process === 'Include') collectDefaultMetrics({ register: registry });
  const recorder = new Recorder(registry);
  return {
    machine: machineMetrics(recorder),
    registry,
    onRequest: ({ verb, resource, code, host, seconds }) => {
      recorder.count('rest_client_requests_total', code, METHODS[verb] ?? 'GET', host, verb, resource);
      if (verb !== 'watch') recorder.observe('rest_client_request_duration_seconds', seconds, verb, host);
    },
    page: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

const METHODS: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT', patch: 'PATCH', delete: 'DELETE' };

function machineMetrics(to: Recorder) {
  return {
    queueDepth: (queue: string, depth: number) => to.set('workqueue_depth', depth, queue),
    queueAdded: (queue: string) => to.count('workqueue_adds_total', queue),
    queueRetried: (queue: string) => to.count('workqueue_retries_total', queue),
    queueWaited: (queue: string, seconds: number) => to.observe('workqueue_queue_duration_seconds', seconds, queue),
    queueWorked: (queue: string, seconds: number) => to.observe('workqueue_work_duration_seconds', seconds, queue),
    queueProgress: (queue: string, read: () => { unfinishedSeconds: number; longestSeconds: number }) => {
      to.follow('workqueue_unfinished_work_seconds', () => read().unfinishedSeconds, queue);
      to.follow('workqueue_longest_running_processor_seconds', () => read().longestSeconds, queue);
    },
    reconciled: (controller: string, outcome: string, seconds: number) => {
      to.count('controller_runtime_reconcile_total', controller, outcome);
      if (outcome === 'error') to.count('controller_runtime_reconcile_errors_total', controller);
      to.observe('controller_runtime_reconcile_time_seconds', seconds, controller);
    },
    activeWorkers: (controller: string, count: number) =>
      to.set('controller_runtime_active_workers', count, controller),
    maxWorkers: (controller: string, count: number) =>
      to.set('controller_runtime_max_concurrent_reconciles', count, controller),
    listed: (resource: string, items: number) => {
      to.count('migration_operator_lists_total', resource);
      to.set('migration_operator_list_items', items, resource);
    },
    watchEnded: (resource: string, cause: string) => to.count('migration_operator_watch_ends_total', resource, cause),
    watchReconnected: (resource: string) => to.count('migration_operator_watch_reconnects_total', resource),
    eventsMissed: (resource: string, count: number) =>
      to.add('migration_operator_events_missed_total', count, resource),
    eventIgnored: (resource: string) => to.count('migration_operator_events_ignored_total', resource),
    leading: (election: string, role: 'leader' | 'follower') =>
      to.set('leader_election_master_status', role === 'leader' ? 1 : 0, election),
  };
}

/** The table's metrics in one registry; label values in the table's order. */
class Recorder {
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #followed = new Map<string, { readonly labels: readonly string[]; readonly read: () => number }[]>();

  constructor(registry: Registry) {
    for (const [name, row] of Object.entries<MetricRow>(MACHINE_METRICS)) {
      const common = { name, help: row.help, labelNames: [...row.labels], registers: [registry] };
      if (row.kind === 'counter') this.#counters.set(name, new Counter(common));
      else if (row.kind === 'gauge')
        this.#gauges.set(name, new Gauge({ ...common, collect: () => this.#refresh(name) }));
      else this.#histograms.set(name, new Histogram({ ...common, buckets: [...(row.buckets ?? [])] }));
    }
  }

  count(name: MetricName, ...labels: string[]): void {
    this.add(name, 1, ...labels);
  }

  add(name: MetricName, amount: number, ...labels: string[]): void {
    this.#counters
      .get(name)
      ?.labels(...labels)
      .inc(amount);
  }

  set(name: MetricName, value: number, ...labels: string[]): void {
    this.#gauges
      .get(name)
      ?.labels(...labels)
      .set(value);
  }

  /** The gauge's value is asked for at each scrape. */
  follow(name: MetricName, read: () => number, ...labels: string[]): void {
    this.#followed.set(name, [...(this.#followed.get(name) ?? []), { labels, read }]);
  }

  #refresh(name: string): void {
    for (const { labels, read } of this.#followed.get(name) ?? [])
      this.#gauges
        .get(name)
        ?.labels(...labels)
        .set(read());
  }

  observe(name: MetricName, value: number, ...labels: string[]): void {
    this.#histograms
      .get(name)
      ?.labels(...labels)
      .observe(value);
  }
}
