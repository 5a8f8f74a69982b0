// The page that Prometheus reads: names and labels as users' dashboards know them, documented, and without a series of
// what is gone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MACHINE_METRICS } from '../../../src/telemetry/machine-metrics.ts';
import type { MetricRow } from '../../../src/telemetry/metric-row.ts';
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts';
import { PRODUCT_METRICS } from '../../../src/telemetry/product-metrics.ts';

const TABLE: Readonly<Record<string, MetricRow>> = { ...MACHINE_METRICS, ...PRODUCT_METRICS };
const DOCS = readFileSync(join(import.meta.dirname, '../../../docs/metrics.md'), 'utf8');
const metrics = (): Metrics => createMetrics({ process: 'Omit', version: '1.2.3' });

/** The lines of one metric, without help and type. */
async function series(from: Metrics, name: string): Promise<readonly string[]> {
  const { text } = await from.page();
  return text.split('\n').filter(line => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

test('every metric of the registry is documented with its type, labels, meaning and a query, and none else is', async () => {
  const { text } = await metrics().page();
  const served = new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [String(name), String(type)]),
  );
  const documented = [...DOCS.matchAll(/^### (\S+)\n\n(\w+); (.*)\n\n(.+)\n\n```promql\n(.+)\n```$/gm)];
  assert.deepEqual(documented.map(([, name]) => name).toSorted(), [...served.keys()].toSorted());
  assert.deepEqual(
    documented.map(([, name]) => name).toSorted(),
    [...DOCS.matchAll(/^### (.+)$/gm)].map(([, name]) => name).toSorted(),
  );
  for (const [, name = '', type, labels = ''] of documented) {
    assert.equal(type, served.get(name), name);
    const named = [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label);
    assert.deepEqual(named, TABLE[name]?.labels, name);
  }
});

test('a query of the documentation names its own metric', () => {
  for (const [name, row] of Object.entries(TABLE)) assert.ok(row.example.includes(name), `${name}: ${row.example}`);
});

test('loop, queue, requests and election have the names and labels of controller-runtime', async () => {
  const page = metrics();
  page.machine.maxWorkers('databasemigration', 4);
  page.machine.activeWorkers('databasemigration', 1);
  page.machine.reconciled('databasemigration', 'requeue_after', 0.2);
  page.machine.reconciled('databasemigration', 'error', 0.2);
  page.machine.queueAdded('databasemigration');
  page.machine.queueDepth('databasemigration', 3);
  page.machine.queueProgress('databasemigration', () => ({ unfinishedSeconds: 7, longestSeconds: 5 }));
  page.machine.leading('migration-operator', 'leader');
  page.onRequest({ verb: 'list', resource: 'jobs', code: '200', host: '10.0.0.1:443', seconds: 0.01 });
  const { text } = await page.page();
  for (const line of [
    'controller_runtime_max_concurrent_reconciles{controller="databasemigration"} 4',
    'controller_runtime_active_workers{controller="databasemigration"} 1',
    'controller_runtime_reconcile_total{controller="databasemigration",result="success"} 0',
    'controller_runtime_reconcile_total{controller="databasemigration",result="requeue"} 0',
    'controller_runtime_reconcile_total{controller="databasemigration",result="requeue_after"} 1',
    'controller_runtime_reconcile_total{controller="databasemigration",result="error"} 1',
    'controller_runtime_reconcile_errors_total{controller="databasemigration"} 1',
    'controller_runtime_reconcile_time_seconds_count{controller="databasemigration"} 2',
    'workqueue_adds_total{name="databasemigration",controller="databasemigration"} 1',
    'workqueue_depth{name="databasemigration",controller="databasemigration"} 3',
    'workqueue_retries_total{name="databasemigration",controller="databasemigration"} 0',
    'workqueue_unfinished_work_seconds{name="databasemigration",controller="databasemigration"} 7',
    'workqueue_longest_running_processor_seconds{name="databasemigration",controller="databasemigration"} 5',
    'rest_client_requests_total{code="200",method="GET",host="10.0.0.1:443"} 1',
    'leader_election_master_status{name="migration-operator"} 1',
  ])
    assert.ok(text.split('\n').includes(line), `missing: ${line}\n${text}`);
});

test('a watch counts as a request and not in the time of requests', async () => {
  const page = metrics();
  page.onRequest({ verb: 'watch', resource: 'jobs', code: '200', host: 'h', seconds: 300 });
  assert.deepEqual(await series(page, 'migration_operator_api_requests_total'), [
    'migration_operator_api_requests_total{verb="watch",resource="jobs",code="200"} 1',
  ]);
  assert.deepEqual(await series(page, 'rest_client_request_duration_seconds_count'), []);
});

test('the series of a resource that is gone end with the next page', async () => {
  const page = metrics();
  const standing = {
    namespace: 'shop',
    name: 'orders',
    conditions: { Ready: false, Reconciling: true, Stalled: false },
    reason: 'FenceHeld',
    pending: 2,
    blocked: { step: 'Migrate', reason: 'FenceHeld', since: 1010 },
    backup: { time: 900, sizeBytes: 4096 },
  };
  let all = [standing];
  page.product.standings(() => all);
  const own = async (): Promise<readonly string[]> =>
    (await page.page()).text.split('\n').filter(line => line.includes('name="orders"'));
  assert.deepEqual(await own(), [
    'migration_operator_condition{namespace="shop",name="orders",type="Ready"} 0',
    'migration_operator_condition{namespace="shop",name="orders",type="Reconciling"} 1',
    'migration_operator_condition{namespace="shop",name="orders",type="Stalled"} 0',
    'migration_operator_status_info{namespace="shop",name="orders",reason="FenceHeld"} 1',
    'migration_operator_pending_migrations{namespace="shop",name="orders"} 2',
    'migration_operator_blocked_timestamp_seconds{namespace="shop",name="orders",step="Migrate",reason="FenceHeld"} 1010',
    'migration_operator_last_backup_timestamp_seconds{namespace="shop",name="orders"} 900',
    'migration_operator_last_backup_size_bytes{namespace="shop",name="orders"} 4096',
  ]);
  all = [{ ...standing, reason: 'UpToDate' }];
  assert.deepEqual(await series(page, 'migration_operator_status_info'), [
    'migration_operator_status_info{namespace="shop",name="orders",reason="UpToDate"} 1',
  ]);
  all = [];
  assert.deepEqual(await own(), []);
});

test('an app that is started again, or whose resource is gone, has no series of a stopped one', async () => {
  const page = metrics();
  const name = 'migration_operator_app_stopped_timestamp_seconds';
  page.product.appIsStopped('shop', 'orders', 1000);
  page.product.appIsStopped('shop', 'users', 2000);
  page.product.appIsStopped('shop', 'orders', undefined);
  page.product.appIsStopped('shop', 'never-stopped', undefined);
  assert.deepEqual(await series(page, name), [`${name}{namespace="shop",name="users"} 2000`]);
});

test("a user's names are labels of gauges alone", () => {
  for (const [name, { kind, labels }] of Object.entries(TABLE))
    if (labels.includes('namespace')) assert.equal(kind, 'gauge', name);
});

test('two operators in one process do not share figures', async () => {
  const [one, other] = [metrics(), metrics()];
  one.product.runEnded('Succeeded', 3);
  const line = 'migration_operator_runs_total{outcome="Succeeded"}';
  assert.ok((await series(one, 'migration_operator_runs_total')).includes(`${line} 1`));
  assert.ok((await series(other, 'migration_operator_runs_total')).includes(`${line} 0`));
});
