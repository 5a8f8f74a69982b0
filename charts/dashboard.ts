// Makes the chart's Grafana dashboard from the table of metrics: a panel for each metric that has a title for one, with
// the example query of its documentation. Called by generate.ts.
// https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/

import { MACHINE_METRICS } from '../src/telemetry/machine-metrics.ts';
import type { MetricRow } from '../src/telemetry/metric-row.ts';
import { PRODUCT_METRICS } from '../src/telemetry/product-metrics.ts';

const PATH = 'charts/migration-operator/files/dashboard.json';
const WIDTH = 12;
const HEIGHT = 8;

export function chartDashboard(): { readonly path: string; readonly content: string } {
  const rows = Object.entries<MetricRow>({ ...PRODUCT_METRICS, ...MACHINE_METRICS });
  const panels = rows.flatMap(([name, row]) => (row.panel === undefined ? [] : [{ name, ...row, title: row.panel }]));
  const dashboard = {
    title: 'Migration operator',
    uid: 'migration-operator',
    tags: ['migrations'],
    schemaVersion: 41,
    editable: true,
    refresh: '1m',
    time: { from: 'now-24h', to: 'now' },
    templating: {
      list: [{ name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source', refresh: 1 }],
    },
    panels: panels.map(panelOf),
  };
  return { path: PATH, content: `${JSON.stringify(dashboard, null, 2)}\n` };
}

function panelOf(metric: MetricRow & { readonly name: string; readonly title: string }, index: number): object {
  return {
    id: index + 1,
    type: 'timeseries',
    title: metric.title,
    description: `${metric.help}.`,
    datasource: { type: 'prometheus', uid: '$datasource' },
    gridPos: { x: (index % 2) * WIDTH, y: Math.floor(index / 2) * HEIGHT, w: WIDTH, h: HEIGHT },
    fieldConfig: { defaults: { unit: unitOf(metric), min: 0 }, overrides: [] },
    options: { legend: { displayMode: 'list', placement: 'bottom', showLegend: true } },
    targets: [{ refId: 'A', expr: metric.example, legendFormat: legendOf(metric) }],
  };
}

function unitOf({ name, example }: { readonly name: string; readonly example: string }): string {
  if (name.endsWith('_bytes')) return 'bytes';
  return name.endsWith('_seconds') || example.startsWith('time()') ? 's' : 'short';
}

/** The labels that the query leaves: those it sums by, or else all that the metric has. */
function legendOf({ labels, example }: MetricRow): string {
  const kept = /\b(?:by|without) \(([^)]*)\)/.exec(example)?.[1]?.split(', ') ?? labels;
  const isSum = example.startsWith('sum(');
  return isSum
    ? 'all'
    : kept
        .filter(label => label !== 'le')
        .map(label => `{{${label}}}`)
        .join(' ') || 'all';
}
