// What Prometheus reads: one registry per operator, never the global one. The tables of metrics are machine-metrics.ts and
// product-metrics.ts; here is which event goes to which of them. Fits the interfaces of `src/operator` by shape.
import { collectDefaultMetrics, Registry } from 'prom-client';
import { MACHINE_METRICS } from './machine-metrics.ts';
import { PRODUCT_METRICS } from './product-metrics.ts';
import { Recorder, type Sample } from './recorder.ts';

/** Every metric of ours, for the docs and the dashboard. */
const METRIC_TABLES = { ...MACHINE_METRICS, ...PRODUCT_METRICS } as const;

type MetricName = keyof typeof METRIC_TABLES;

export interface Metrics {
  /** Fits the controller machine's `MachineMetrics`. */
  readonly machine: ReturnType<typeof machineMetrics>;
  /** Fits the operator's `ProductMetrics`. */
  readonly product: ReturnType<typeof productMetrics>;
  /** Fits the transport's `onRequest`. */
  onRequest(report: { verb: string; resource: string; code: string; host: string; seconds: number }): void;
  /** The page that Prometheus reads. */
  page(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface MetricsOptions {
  /** Whether to add `process_*` and `nodejs_*`, which install observers for the life of the process. */
  readonly process: 'Include' | 'Omit';
  /** Of the operator, for the build info. */
  readonly version: string;
}

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  if (options.process === 'Include') collectDefaultMetrics({ register: registry });
  const recorder = new Recorder<MetricName>(METRIC_TABLES, registry);
  recorder.set('migration_operator_build_info', 1, options.version);
  return {
    machine: machineMetrics(recorder),
    product: productMetrics(recorder),
    onRequest: ({ verb, resource, code, host, seconds }) => {
      recorder.count('rest_client_requests_total', code, METHODS[verb] ?? 'GET', host);
      recorder.count('migration_operator_api_requests_total', verb, resource, code);
      if (verb !== 'watch')
        recorder.observe('rest_client_request_duration_seconds', seconds, METHODS[verb] ?? 'GET', host);
    },
    page: async () => {
      recorder.refresh();
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

/** client-go labels requests by their HTTP method, in `method` and in `verb`. */
const METHODS: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT', patch: 'PATCH', delete: 'DELETE' };
const RESULTS = ['success', 'error', 'requeue', 'requeue_after'] as const;
const OUTCOMES = ['Succeeded', 'UpToDate', 'Failed', 'Refused', 'Superseded', 'Abandoned'] as const;
const BACKUP_RESULTS = ['Complete', 'Failed'] as const;

function machineMetrics(to: Recorder<MetricName>) {
  return {
    queueDepth: (queue: string, depth: number) => to.set('workqueue_depth', depth, queue, queue),
    queueAdded: (queue: string) => to.count('workqueue_adds_total', queue, queue),
    queueRetried: (queue: string) => to.count('workqueue_retries_total', queue, queue),
    queueWaited: (queue: string, seconds: number) =>
      to.observe('workqueue_queue_duration_seconds', seconds, queue, queue),
    queueWorked: (queue: string, seconds: number) =>
      to.observe('workqueue_work_duration_seconds', seconds, queue, queue),
    queueProgress: (queue: string, read: () => { unfinishedSeconds: number; longestSeconds: number }) => {
      to.add('workqueue_retries_total', 0, queue, queue);
      to.follow('workqueue_unfinished_work_seconds', () => read().unfinishedSeconds, queue, queue);
      to.follow('workqueue_longest_running_processor_seconds', () => read().longestSeconds, queue, queue);
    },
    reconciled: (controller: string, outcome: string, seconds: number) => {
      to.count('controller_runtime_reconcile_total', controller, outcome);
      if (outcome === 'error') to.count('controller_runtime_reconcile_errors_total', controller);
      to.observe('controller_runtime_reconcile_time_seconds', seconds, controller);
    },
    activeWorkers: (controller: string, count: number) =>
      to.set('controller_runtime_active_workers', count, controller),
    maxWorkers: (controller: string, count: number) => {
      to.set('controller_runtime_max_concurrent_reconciles', count, controller);
      to.set('controller_runtime_active_workers', 0, controller);
      for (const result of RESULTS) to.add('controller_runtime_reconcile_total', 0, controller, result);
      to.add('controller_runtime_reconcile_errors_total', 0, controller);
    },
    listed: (resource: string) => {
      to.count('migration_operator_lists_total', resource);
      to.add('migration_operator_events_missed_total', 0, resource);
      to.add('migration_operator_watch_reconnects_total', 0, resource);
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

/** What the status of one DatabaseMigration says now. Times are in seconds of Unix time. */
interface Standing {
  readonly namespace: string;
  readonly name: string;
  readonly conditions: Readonly<Record<'Ready' | 'Reconciling' | 'Stalled', boolean>>;
  readonly reason: string;
  readonly pending?: number;
  readonly blocked?: { readonly step: string; readonly reason: string; readonly since: number };
  readonly backup?: { readonly time: number; readonly sizeBytes: number };
}

function productMetrics(to: Recorder<MetricName>) {
  for (const outcome of OUTCOMES) to.add('migration_operator_runs_total', 0, outcome);
  for (const result of BACKUP_RESULTS) to.add('migration_operator_backups_total', 0, result);
  return {
    runEnded: (outcome: string, seconds: number) => {
      to.count('migration_operator_runs_total', outcome);
      to.observe('migration_operator_run_duration_seconds', seconds, outcome);
    },
    stepEnded: (step: string, result: 'Done' | 'Failed', seconds: number) =>
      to.observe('migration_operator_step_duration_seconds', seconds, step, result),
    appWasStopped: (seconds: number) => to.observe('migration_operator_app_downtime_seconds', seconds),
    appIsStopped: (namespace: string, name: string, since: number | undefined) =>
      since === undefined
        ? to.forget('migration_operator_app_stopped_timestamp_seconds', namespace, name)
        : to.set('migration_operator_app_stopped_timestamp_seconds', since, namespace, name),
    attemptRepeated: (step: string, reason: string) =>
      to.count('migration_operator_attempts_repeated_total', step, reason),
    stepWasBlocked: (step: string, seconds: number) => to.observe('migration_operator_blocked_seconds', seconds, step),
    backupEnded: (result: 'Complete' | 'Failed', seconds: number) => {
      to.count('migration_operator_backups_total', result);
      if (result === 'Complete') to.observe('migration_operator_backup_duration_seconds', seconds);
    },
    standings: (read: () => readonly Standing[]) => to.replace(read, STANDING_SAMPLES),
    cached: (resource: string, count: () => number) => to.follow('migration_operator_cached_objects', count, resource),
  };
}

const STANDING_SAMPLES = {
  migration_operator_condition: all =>
    all.flatMap(({ conditions, namespace, name }) =>
      Object.entries(conditions).map(([type, isTrue]): Sample => [isTrue ? 1 : 0, namespace, name, type]),
    ),
  migration_operator_status_info: all => all.map(({ namespace, name, reason }) => [1, namespace, name, reason]),
  migration_operator_pending_migrations: all => samplesOf(all, one => one.pending),
  migration_operator_blocked_timestamp_seconds: all =>
    all.flatMap(({ blocked, namespace, name }): Sample[] =>
      blocked === undefined ? [] : [[blocked.since, namespace, name, blocked.step, blocked.reason]],
    ),
  migration_operator_last_backup_timestamp_seconds: all => samplesOf(all, one => one.backup?.time),
  migration_operator_last_backup_size_bytes: all => samplesOf(all, one => one.backup?.sizeBytes),
} as const satisfies { readonly [Name in MetricName]?: (all: readonly Standing[]) => readonly Sample[] };

/** One series for each resource that has the value. */
function samplesOf(all: readonly Standing[], read: (one: Standing) => number | undefined): readonly Sample[] {
  return all.flatMap((one): Sample[] => {
    const value = read(one);
    return value === undefined ? [] : [[value, one.namespace, one.name]];
  });
}
