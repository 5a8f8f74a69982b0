// What the chart brings for whoever watches the operator: Service, ServiceMonitor, alerts with a page each, dashboard.
// Alerts and panels are held against the metrics that there are, so that none asks for one that is not.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { MACHINE_METRICS } from '../../src/telemetry/machine-metrics.ts';
import type { MetricRow } from '../../src/telemetry/metric-row.ts';
import { PRODUCT_METRICS } from '../../src/telemetry/product-metrics.ts';
import { CHART, type Manifest, render } from './render.ts';

const TABLE: Readonly<Record<string, MetricRow>> = { ...MACHINE_METRICS, ...PRODUCT_METRICS };
const RUNBOOKS = join(import.meta.dirname, '../../docs/runbooks');

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const ALERTS = parse(readFileSync(join(CHART, 'files/alerts.yaml'), 'utf8')) as readonly Alert[];

/** Series that a query asks for, with the labels it selects or keeps. */
function metricsIn(expr: string): readonly string[] {
  const names =
    expr.match(/\b(?:migration_operator|controller_runtime|workqueue|rest_client|leader_election)_\w+/g) ?? [];
  return names.map(name => (name in TABLE ? name : name.replace(/_(bucket|sum|count)$/, '')));
}

/** Labels that are named in selectors and in `by (…)`. */
function labelsIn(expr: string): readonly string[] {
  const selected = [...expr.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label]) => String(label));
  const kept = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels]) => String(labels).split(', '));
  return [...selected, ...kept].filter(label => label !== 'le' && label !== 'job');
}

function expectKnown(expr: string, where: string): void {
  const names = metricsIn(expr);
  assert.ok(names.length > 0, `${where} asks for no metric of ours: ${expr}`);
  const labels = new Set(names.flatMap(name => TABLE[name]?.labels ?? assert.fail(`${where} asks for ${name}`)));
  for (const label of labelsIn(expr)) assert.ok(labels.has(label), `${where}: ${names} have no label ${label}`);
}

async function only(kind: string, values: Readonly<Record<string, string>>): Promise<Manifest> {
  const found = (await render({ 'crds.install': 'false', ...values })).filter(manifest => manifest.kind === kind);
  assert.equal(found.length, 1, `${found.length} of ${kind}`);
  return found[0] as Manifest;
}

describe('an alert', () => {
  it('asks for metrics and labels that there are', () => {
    for (const { alert, expr } of ALERTS) expectKnown(expr, alert);
  });

  it('says only what its query still knows', () => {
    for (const { alert, expr, annotations } of ALERTS) {
      const kept = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(', ') ?? [];
      const said = [
        ...Object.values(annotations)
          .join(' ')
          .matchAll(/\$labels\.(\w+)/g),
      ].map(([, label]) => String(label));
      assert.deepEqual(
        said.filter(label => !kept.includes(label)),
        [],
        alert,
      );
    }
  });

  it('has a severity, a summary, a description, and time to be sure', () => {
    for (const one of ALERTS) {
      assert.match(one.for, /^\d+[mh]$/, one.alert);
      assert.match(one.labels.severity ?? '', /^(warning|critical)$/, one.alert);
      assert.deepEqual(Object.keys(one.annotations), ['summary', 'description'], one.alert);
    }
  });

  it('has a page that says what it means, costs, what to look at and what to do; and each page has an alert', () => {
    const index = readFileSync(join(RUNBOOKS, 'README.md'), 'utf8');
    const pages = readdirSync(RUNBOOKS).filter(name => name !== 'README.md');
    assert.deepEqual(pages.toSorted(), ALERTS.map(({ alert }) => `${alert}.md`).toSorted());
    for (const { alert, labels } of ALERTS) {
      const page = readFileSync(join(RUNBOOKS, `${alert}.md`), 'utf8');
      assert.ok(page.startsWith(`# ${alert}\n`), alert);
      for (const part of ['**Means.**', '**Costs.**', '**Look.**', '**Do.**'])
        assert.ok(page.includes(part), `${alert}: ${part}`);
      assert.ok(index.includes(`[${alert}](${alert}.md) | ${labels.severity} |`), `README.md and ${alert}`);
    }
  });

  it('links to its page, wherever the pages are, and takes labels for routing but no other severity', async () => {
    const rule = await only('PrometheusRule', {
      'prometheusRule.enabled': 'true',
      'prometheusRule.runbookUrl': 'https://wiki.example/runbooks',
      'prometheusRule.alertLabels.team': 'data',
      'prometheusRule.alertLabels.severity': 'page',
      'prometheusRule.disabled': '{MigrationTakesLong}',
    });
    const { groups } = rule.spec as { readonly groups: readonly { readonly rules: readonly Alert[] }[] };
    const rendered = groups.flatMap(group => group.rules);
    const wanted = ALERTS.filter(({ alert }) => alert !== 'MigrationTakesLong').map(one => ({
      ...one,
      labels: { ...one.labels, team: 'data' },
      annotations: { ...one.annotations, runbook_url: `https://wiki.example/runbooks/${one.alert}.md` },
    }));
    assert.deepEqual(rendered, wanted);
  });

  it('can be left out by its name, and a name that is none is refused', async () => {
    const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));
    const names = schema.properties.prometheusRule.properties.disabled.items.enum as readonly string[];
    assert.deepEqual(
      names,
      ALERTS.map(({ alert }) => alert),
    );
    await assert.rejects(
      render({ 'prometheusRule.disabled': '{MigrationStaled}' }),
      /prometheusRule\/disabled|prometheusRule\.disabled/,
    );
  });
});

describe('the dashboard', () => {
  it('has panels with queries for metrics and labels that there are', async () => {
    const { data } = await only('ConfigMap', { 'dashboard.enabled': 'true' });
    const { panels } = JSON.parse((data as Record<string, string>)['migration-operator.json'] ?? '') as {
      readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
    };
    assert.ok(panels.length > 10);
    for (const { title, targets } of panels) for (const { expr } of targets) expectKnown(expr, title);
  });

  it('is found by the label of the sidecar', async () => {
    const { metadata } = await only('ConfigMap', { 'dashboard.enabled': 'true' });
    assert.equal((metadata as { labels?: Record<string, string> }).labels?.grafana_dashboard, '1');
  });
});

describe('the ServiceMonitor', () => {
  it('finds the Service, whose port is that of the Pods, and keeps the namespace of the resource', async () => {
    const values = { 'serviceMonitor.enabled': 'true', 'serviceMonitor.labels.release': 'prometheus' };
    const [monitor, service, deployment] = await Promise.all([
      only('ServiceMonitor', values),
      only('Service', values),
      only('Deployment', values),
    ]);
    const spec = monitor.spec as {
      readonly selector: { readonly matchLabels: Record<string, string> };
      readonly endpoints: readonly { readonly port: string; readonly honorLabels: boolean }[];
    };
    const ofService = service.spec as {
      readonly ports: readonly { readonly name: string; readonly targetPort: string }[];
      readonly selector: Record<string, string>;
    };
    const { metadata, spec: pod } = (deployment.spec as { readonly template: Manifest }).template;
    const ports = (pod as { containers: readonly { ports: readonly { name: string }[] }[] }).containers[0]?.ports;
    assert.deepEqual(pick(labelsOf(service.metadata), spec.selector.matchLabels), spec.selector.matchLabels);
    assert.deepEqual(pick(labelsOf(metadata), ofService.selector), ofService.selector);
    assert.equal(spec.endpoints[0]?.port, ofService.ports[0]?.name);
    assert.deepEqual(
      ports?.map(port => port.name),
      [ofService.ports[0]?.targetPort],
    );
    assert.equal(spec.endpoints[0]?.honorLabels, true);
    assert.equal(labelsOf(monitor.metadata).release, 'prometheus');
  });
});

function labelsOf(metadata: unknown): Record<string, string> {
  return (metadata as { readonly labels?: Record<string, string> } | undefined)?.labels ?? {};
}

function pick(from: Record<string, string>, like: Record<string, string>): Record<string, string | undefined> {
  return Object.fromEntries(Object.keys(like).map(key => [key, from[key]]));
}
