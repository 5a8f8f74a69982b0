// The metrics of what the operator is for: runs, steps, backups, and how each resource stands. Two families:
//
// Counters and histograms are counted when a status write has said so, and have no name of a user's object: their number
// is fixed by the code. Gauges with `namespace` and `name` are read from the caches at each scrape (one, which no cache knows,
// is told by each pass), by the leader only: at most nine series a DatabaseMigration, and none of one that is deleted.
import type { MetricTable } from './metric-row.ts';

/** A second to a week. A run may wait long for a manifest. */
const RUN_SECONDS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400, 604800] as const;

const RESOURCE = ['namespace', 'name'] as const;

export const PRODUCT_METRICS = {
  migration_operator_build_info: {
    kind: 'gauge',
    help: '1; the version of the operator',
    labels: ['version'],
    example: 'count by (version) (migration_operator_build_info)',
  },
  migration_operator_cached_objects: {
    kind: 'gauge',
    help: 'Objects in the cache of a resource',
    labels: ['resource'],
    example: 'max by (resource) (migration_operator_cached_objects)',
  },
  migration_operator_runs_total: {
    kind: 'counter',
    help: 'Runs that ended, by outcome: Succeeded, UpToDate (nothing was pending), Failed, Refused (by the plan), Superseded (something newer came), Abandoned (the same, before the commit)',
    labels: ['outcome'],
    example: 'sum by (outcome) (increase(migration_operator_runs_total[1d]))',
    panel: 'Runs that ended, a day',
  },
  migration_operator_run_duration_seconds: {
    kind: 'histogram',
    help: 'Seconds from the begin of a run to its end, waiting for manifests and for people included',
    labels: ['outcome'],
    buckets: RUN_SECONDS,
    example: 'histogram_quantile(0.9, sum by (outcome, le) (rate(migration_operator_run_duration_seconds_bucket[1d])))',
  },
  migration_operator_step_duration_seconds: {
    kind: 'histogram',
    help: 'Seconds of a step (Plan, Stop, BackUp, Migrate, Settle, Start, Validate), all its attempts together, by result: Done, Failed',
    labels: ['step', 'result'],
    buckets: RUN_SECONDS,
    example:
      'sum by (step) (rate(migration_operator_step_duration_seconds_sum[1d])) / sum by (step) (rate(migration_operator_step_duration_seconds_count[1d]))',
    panel: 'Time of a step, mean of a day',
  },
  migration_operator_app_downtime_seconds: {
    kind: 'histogram',
    help: 'Seconds that a run kept the application stopped; of runs that stopped one',
    labels: [],
    buckets: RUN_SECONDS,
    example: 'histogram_quantile(0.9, sum by (le) (rate(migration_operator_app_downtime_seconds_bucket[7d])))',
    panel: 'Downtime of an application in a run, 90th percentile of a week',
  },
  migration_operator_attempts_repeated_total: {
    kind: 'counter',
    help: 'Attempts of a step that decided nothing and are made again, by reason: one of docs/conditions.md, such as FenceHeld, LockTimeout or JobCrashed, else Other',
    labels: ['step', 'reason'],
    example: 'sum by (step, reason) (increase(migration_operator_attempts_repeated_total[1h])) > 0',
    panel: 'Attempts that are repeated, an hour',
  },
  migration_operator_blocked_seconds: {
    kind: 'histogram',
    help: 'Seconds that a step was held up, from its first attempt that decided nothing to its end; of steps that were. Waits for the fence are those of Migrate and Settle',
    labels: ['step'],
    buckets: RUN_SECONDS,
    example: 'sum by (step) (increase(migration_operator_blocked_seconds_sum[1d]))',
  },
  migration_operator_backups_total: {
    kind: 'counter',
    help: 'Backups that ended, by result: Complete, Failed',
    labels: ['result'],
    example: 'sum by (result) (increase(migration_operator_backups_total[1d]))',
  },
  migration_operator_backup_duration_seconds: {
    kind: 'histogram',
    help: 'Seconds of a complete backup, all its attempts together',
    labels: [],
    buckets: RUN_SECONDS,
    example: 'histogram_quantile(0.9, sum by (le) (rate(migration_operator_backup_duration_seconds_bucket[7d])))',
  },
  migration_operator_condition: {
    kind: 'gauge',
    help: '1 while the condition of a DatabaseMigration is True, else 0, by type: Ready, Reconciling, Stalled',
    labels: [...RESOURCE, 'type'],
    example: 'migration_operator_condition{type="Stalled"} == 1',
    panel: 'Stalled: a person is needed',
  },
  migration_operator_status_info: {
    kind: 'gauge',
    help: '1; the reason of Ready of a DatabaseMigration as in docs/conditions.md, else Other; one series at a time',
    labels: [...RESOURCE, 'reason'],
    example: 'count by (reason) (migration_operator_status_info)',
    panel: 'Resources by what their status says',
  },
  migration_operator_pending_migrations: {
    kind: 'gauge',
    help: 'Migrations still to be applied, as the last plan or run found; absent before the first plan',
    labels: RESOURCE,
    example: 'sum by (namespace, name) (migration_operator_pending_migrations) > 0',
    panel: 'Pending migrations',
  },
  migration_operator_app_stopped_timestamp_seconds: {
    kind: 'gauge',
    help: 'Unix time of the begin of the outage while the operator holds a workload at zero, as the last pass saw it; absent while it holds none',
    labels: RESOURCE,
    example: 'time() - migration_operator_app_stopped_timestamp_seconds',
    panel: 'Applications that are kept stopped, for how long',
  },
  migration_operator_blocked_timestamp_seconds: {
    kind: 'gauge',
    help: 'Unix time since which attempts of the present step decide nothing, by step and the last reason; told between two attempts, absent while one is under way',
    labels: [...RESOURCE, 'step', 'reason'],
    example: 'time() - max_over_time(migration_operator_blocked_timestamp_seconds[5m])',
    panel: 'Held up, for how long',
  },
  migration_operator_last_backup_timestamp_seconds: {
    kind: 'gauge',
    help: 'Unix time at which the last backup of a DatabaseMigration was complete; absent before the first',
    labels: RESOURCE,
    example: 'time() - migration_operator_last_backup_timestamp_seconds',
    panel: 'Age of the last backup',
  },
  migration_operator_last_backup_size_bytes: {
    kind: 'gauge',
    help: 'Size of that backup',
    labels: RESOURCE,
    example: 'migration_operator_last_backup_size_bytes',
    panel: 'Size of the last backup',
  },
} as const satisfies MetricTable;
