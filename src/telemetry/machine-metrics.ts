// The metrics of the controller machine: loop, queues, requests, election, watches. Names and labels that
// controller-runtime and client-go have are theirs, letter by letter, because people's dashboards know them
// (https://book.kubebuilder.io/reference/metrics-reference); what those lack is prefixed `migration_operator_`. No label
// has a value that a user chose.
import type { MetricTable } from './metric-row.ts';

/** 1 ms to 60 s: a pass without a request, up to one that waits for a slow server. */
const PASS_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;
/** Powers of ten, as workqueue has them. */
const QUEUE_SECONDS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000] as const;

/** `controller` and `name` are both the controller: databasemigration or databasebackup. */
const QUEUE = ['name', 'controller'] as const;

export const MACHINE_METRICS = {
  controller_runtime_reconcile_total: {
    kind: 'counter',
    help: 'Passes by controller and result: success, error, requeue, requeue_after',
    labels: ['controller', 'result'],
    example: 'sum by (controller, result) (rate(controller_runtime_reconcile_total{controller=~"database.*"}[5m]))',
    panel: 'Passes',
  },
  controller_runtime_reconcile_errors_total: {
    kind: 'counter',
    help: 'Passes that failed, by controller',
    labels: ['controller'],
    example: 'sum by (controller) (rate(controller_runtime_reconcile_errors_total{controller=~"database.*"}[5m]))',
  },
  controller_runtime_reconcile_time_seconds: {
    kind: 'histogram',
    help: 'Seconds of a pass, by controller',
    labels: ['controller'],
    buckets: PASS_SECONDS,
    example:
      'histogram_quantile(0.99, sum by (controller, le) (rate(controller_runtime_reconcile_time_seconds_bucket{controller=~"database.*"}[5m])))',
    panel: 'Time of a pass, 99th percentile',
  },
  controller_runtime_max_concurrent_reconciles: {
    kind: 'gauge',
    help: 'Workers of a controller',
    labels: ['controller'],
    example: 'controller_runtime_max_concurrent_reconciles{controller=~"database.*"}',
  },
  controller_runtime_active_workers: {
    kind: 'gauge',
    help: 'Workers with a key in hand',
    labels: ['controller'],
    example: 'sum by (controller) (controller_runtime_active_workers{controller=~"database.*"})',
  },
  workqueue_depth: {
    kind: 'gauge',
    help: 'Keys that wait for a worker',
    labels: QUEUE,
    example: 'sum by (name) (workqueue_depth{controller=~"database.*"})',
    panel: 'Keys that wait',
  },
  workqueue_adds_total: {
    kind: 'counter',
    help: 'Keys added',
    labels: QUEUE,
    example: 'sum by (name) (rate(workqueue_adds_total{controller=~"database.*"}[5m]))',
  },
  workqueue_retries_total: {
    kind: 'counter',
    help: 'Keys added again after a failure',
    labels: QUEUE,
    example: 'sum by (name) (rate(workqueue_retries_total{controller=~"database.*"}[5m]))',
  },
  workqueue_queue_duration_seconds: {
    kind: 'histogram',
    help: 'Seconds that a key waited for a worker',
    labels: QUEUE,
    buckets: QUEUE_SECONDS,
    example:
      'histogram_quantile(0.99, sum by (name, le) (rate(workqueue_queue_duration_seconds_bucket{controller=~"database.*"}[5m])))',
  },
  workqueue_work_duration_seconds: {
    kind: 'histogram',
    help: 'Seconds that a worker had a key',
    labels: QUEUE,
    buckets: QUEUE_SECONDS,
    example:
      'histogram_quantile(0.99, sum by (name, le) (rate(workqueue_work_duration_seconds_bucket{controller=~"database.*"}[5m])))',
  },
  workqueue_unfinished_work_seconds: {
    kind: 'gauge',
    help: 'Seconds that the keys now in hand have been so, summed: grows without end while a pass hangs',
    labels: QUEUE,
    example: 'max by (name) (workqueue_unfinished_work_seconds{controller=~"database.*"})',
  },
  workqueue_longest_running_processor_seconds: {
    kind: 'gauge',
    help: 'Seconds that the slowest worker has had its key; beyond 360 the liveness probe fails',
    labels: QUEUE,
    example: 'max by (name) (workqueue_longest_running_processor_seconds{controller=~"database.*"})',
    panel: 'Slowest worker',
  },
  rest_client_requests_total: {
    kind: 'counter',
    help: 'Requests to the API server by HTTP status (<error>: no answer), method and host; a watch counts when it ends',
    labels: ['code', 'method', 'host'],
    example: 'sum by (code, method) (rate(rest_client_requests_total{job=~".*migration-operator.*"}[5m]))',
  },
  rest_client_request_duration_seconds: {
    kind: 'histogram',
    help: 'Seconds of a request to the API server by verb and host; without watches',
    labels: ['verb', 'host'],
    buckets: PASS_SECONDS,
    example:
      'histogram_quantile(0.99, sum by (verb, le) (rate(rest_client_request_duration_seconds_bucket{job=~".*migration-operator.*"}[5m])))',
    panel: 'Time of a request to the API server, 99th percentile',
  },
  migration_operator_api_requests_total: {
    kind: 'counter',
    help: 'Requests to the API server by verb, resource and HTTP status (<error>: no answer); a watch counts when it ends',
    labels: ['verb', 'resource', 'code'],
    example: 'sum by (verb, resource, code) (rate(migration_operator_api_requests_total{code!~"2..|404"}[5m])) > 0',
    panel: 'Requests that did not do well',
  },
  leader_election_master_status: {
    kind: 'gauge',
    help: '1 while this process holds the lease, else 0',
    labels: ['name'],
    example: 'sum(leader_election_master_status{name="migration-operator"})',
    panel: 'Leaders (should be 1)',
  },
  migration_operator_lists_total: {
    kind: 'counter',
    help: 'Complete lists of a resource',
    labels: ['resource'],
    example: 'sum by (resource) (increase(migration_operator_lists_total[1h]))',
  },
  migration_operator_watch_ends_total: {
    kind: 'counter',
    help: 'Lists and watches that ended, by cause: time, closed, silence, reset, gone, throttled, garbled, refused, stopped',
    labels: ['resource', 'cause'],
    example: 'sum by (resource, cause) (rate(migration_operator_watch_ends_total{cause!~"time|stopped"}[15m])) > 0',
    panel: 'Lists and watches that broke',
  },
  migration_operator_watch_reconnects_total: {
    kind: 'counter',
    help: 'Watches that were begun again after one that broke',
    labels: ['resource'],
    example: 'sum by (resource) (increase(migration_operator_watch_reconnects_total[1h]))',
  },
  migration_operator_events_missed_total: {
    kind: 'counter',
    help: 'Changes that a list found and no watch event had told: those of a gap in the watch',
    labels: ['resource'],
    example: 'sum by (resource) (increase(migration_operator_events_missed_total[1h]))',
    panel: 'Changes that no watch event told, an hour',
  },
  migration_operator_events_ignored_total: {
    kind: 'counter',
    help: 'Watch events that were repeats, too old, or about an object that is gone',
    labels: ['resource'],
    example: 'sum by (resource) (rate(migration_operator_events_ignored_total[15m]))',
  },
} as const satisfies MetricTable;
