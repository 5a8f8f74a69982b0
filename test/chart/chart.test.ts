// What the chart promises to whoever installs it: what it renders, which rights it asks for, what it refuses, what it
// leaves behind. UPDATE_GOLDENS=1 rewrites the goldens; read the diff.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { chartCrdTemplates } from '../../charts/generate.ts';
import { asText, CHART, lint, type Manifest, render, renderNotes, type Values } from './render.ts';

const ROOT = join(import.meta.dirname, '../..');

/** One golden each; the CRDs are left out because crds/*.yaml are goldens enough. */
const RENDERED: Readonly<Record<string, Values>> = {
  default: { 'crds.install': 'false' },
  'two-replicas': { 'crds.install': 'false', replicas: '2', postgresMajor: '16', 'log.format': 'human' },
  everything: {
    'crds.install': 'false',
    replicas: '2',
    'networkPolicy.enabled': 'true',
    'networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name': 'monitoring',
    'networkPolicy.extraEgress[0].ports[0].port': '3128',
    'serviceMonitor.enabled': 'true',
    'prometheusRule.enabled': 'true',
    priorityClassName: 'system-cluster-critical',
    'topologySpreadConstraints[0].maxSkew': '1',
    'topologySpreadConstraints[0].topologyKey': 'topology.kubernetes.io/zone',
    'topologySpreadConstraints[0].whenUnsatisfiable': 'DoNotSchedule',
    'commonLabels.team': 'data',
    'commonAnnotations.contact': 'data@shop.example',
    'podLabels.tier': 'control',
  },
  'two-namespaces': { 'crds.install': 'false', watchNamespaces: '{staging,production}' },
};

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** All that is off by default. */
const EVERYTHING: Values = {
  replicas: '2',
  'networkPolicy.enabled': 'true',
  'serviceMonitor.enabled': 'true',
  'prometheusRule.enabled': 'true',
  'dashboard.enabled': 'true',
  watchNamespaces: '{staging}',
};

interface Schema {
  readonly description?: string;
  readonly type?: unknown;
  readonly items?: Schema;
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
}

describe('the chart', () => {
  for (const [name, values] of Object.entries(RENDERED)) {
    it(`renders goldens/${name}.yaml`, async () => {
      expectGolden(`${name}.yaml`, asText(await render(values)));
    });
  }

  it('says after the installation what to do next', async () => {
    expectGolden('notes.txt', await renderNotes({ watchNamespaces: '{staging}' }));
  });

  it('carries the CRDs of crds/, and keeps them when it is uninstalled', async () => {
    const rendered = (await render({})).filter(manifest => manifest.kind === 'CustomResourceDefinition');
    assert.deepEqual(
      rendered.map(crd => crd.metadata.name).sort(),
      chartCrds()
        .map(crd => crd.metadata.name)
        .sort(),
    );
    for (const source of chartCrds()) {
      const crd = rendered.find(candidate => candidate.metadata.name === source.metadata.name);
      assert.deepEqual(crd?.spec, source.spec);
      assert.equal(crd?.metadata.annotations?.['helm.sh/resource-policy'], 'keep');
    }
  });

  it('has CRD templates that were generated from crds/', () => {
    for (const { path, content } of chartCrdTemplates()) {
      assert.equal(readFileSync(join(ROOT, path), 'utf8'), content, `${path} is stale: npm run generate`);
    }
  });

  it('refuses a value that it does not know', async () => {
    await assert.rejects(render({ replica: '2' }), /additional properties 'replica' not allowed/i);
  });

  it('refuses a third replica, which would only wait', async () => {
    await assert.rejects(render({ replicas: '3' }), /replicas/);
  });

  it('asks for nothing by default that a cluster may not have, or that would be in the way', async () => {
    const kinds = new Set((await render({})).map(manifest => manifest.kind));
    const usual = [
      'CustomResourceDefinition',
      'ServiceAccount',
      'ClusterRole',
      'ClusterRoleBinding',
      'Role',
      'RoleBinding',
    ];
    assert.deepEqual([...kinds].toSorted(), [...usual, 'Deployment'].toSorted());
  });

  it('passes its linter', async () => {
    await lint();
  });

  it('puts common labels and annotations on every object, the CRDs too', async () => {
    const values = { 'commonLabels.team': 'data', 'commonAnnotations.contact': 'me', ...EVERYTHING };
    for (const { kind, metadata } of await render(values)) {
      assert.equal(metadata.labels?.team, 'data', `${kind} ${metadata.name}`);
      assert.equal(metadata.annotations?.contact, 'me', `${kind} ${metadata.name}`);
    }
  });

  it('refuses labels by which Pods are selected, and says why', async () => {
    for (const value of ['commonLabels', 'podLabels']) {
      const key = `${value}.app\\.kubernetes\\.io/name`;
      await assert.rejects(render({ [key]: 'mine' }), new RegExp(`${value} must not set app.kubernetes.io/name`));
    }
  });

  it('knows every value: no object of the schema takes others', () => {
    const schema: Schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));
    const open = objectsOf(schema).filter(([, one]) => one.additionalProperties === undefined);
    // Parts of Kubernetes objects, which the API server knows best.
    const kubernetes = /(claims|podSelector|namespaceSelector|ipBlock|ports|labelSelector|metricRelabelings)(\[\])?$/;
    assert.deepEqual(
      open.map(([path]) => path).filter(path => path !== 'global' && !kubernetes.test(path)),
      [],
    );
  });

  it('describes each value in the schema and in the README', () => {
    const schema: Schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));
    const readme = readFileSync(join(CHART, 'README.md'), 'utf8');
    for (const [path, value] of leavesOf(schema)) {
      assert.ok(value.description, `${path} has no description`);
      assert.ok(path === 'global' || readme.includes(`\`${path}\``), `README.md does not name ${path}`);
    }
  });

  it('has a default for each value of the schema', () => {
    const schema: Schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));
    const values: Record<string, unknown> = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
    const named = Object.keys(schema.properties ?? {}).filter(name => name !== 'global');
    assert.deepEqual(Object.keys(values).sort(), named.sort());
  });
});

describe("the operator's rights", () => {
  it('have no verb on Secrets and no wildcard', async () => {
    for (const values of Object.values(RENDERED)) {
      for (const rule of rulesOf(await render(values))) {
        assert.ok(!rule.resources.includes('secrets'), 'a rule names secrets');
        assert.ok(![...rule.apiGroups, ...rule.resources, ...rule.verbs].some(word => word.includes('*')));
      }
    }
  });

  it('end at the watched namespaces, but for the name of the cluster', async () => {
    const manifests = await render({ watchNamespaces: '{staging,production}' });
    const clusterRules = rulesOf(manifests.filter(manifest => manifest.kind === 'ClusterRole'));
    assert.deepEqual(clusterRules, [
      { apiGroups: [''], resources: ['namespaces'], resourceNames: ['kube-system'], verbs: ['get'] },
    ]);
    const roles = manifests.filter(manifest => manifest.kind === 'Role').map(role => role.metadata.namespace);
    assert.deepEqual(roles.sort(), ['migration-system', 'production', 'staging']);
  });

  it('are the same in one namespace as in all', async () => {
    const everywhere = await render({});
    const somewhere = await render({ watchNamespaces: '{staging}' });
    const clusterRole = everywhere.find(manifest => manifest.kind === 'ClusterRole');
    const role = somewhere.find(manifest => manifest.metadata.namespace === 'staging' && manifest.kind === 'Role');
    assert.deepEqual(role?.rules, clusterRole?.rules);
  });
});

function expectGolden(name: string, actual: string): void {
  const file = join(import.meta.dirname, 'goldens', name);
  if (process.env.UPDATE_GOLDENS === '1') writeFileSync(file, actual);
  assert.equal(actual, readFileSync(file, 'utf8'), `goldens/${name} differs; UPDATE_GOLDENS=1 rewrites it`);
}

function chartCrds(): readonly Manifest[] {
  const names = chartCrdTemplates().map(({ path }) => path.slice(path.lastIndexOf('/') + 1));
  return names.map((name): Manifest => parse(readFileSync(join(ROOT, 'crds', name), 'utf8')));
}

function rulesOf(manifests: readonly Manifest[]): readonly Rule[] {
  return manifests.flatMap(manifest => (Array.isArray(manifest.rules) ? (manifest.rules as Rule[]) : []));
}

/** Values that have no values below them, by their path with dots. */
function leavesOf(schema: Schema, path = ''): readonly (readonly [string, Schema])[] {
  const below = Object.entries(schema.properties ?? {});
  const isLeaf = below.length === 0 || path === 'resources';
  if (isLeaf) return [[path, schema]];
  return below.flatMap(([name, value]) => leavesOf(value, path === '' ? name : `${path}.${name}`));
}

/** Every schema of an object, by its path. */
function objectsOf(schema: Schema, path = ''): readonly (readonly [string, Schema])[] {
  const below = Object.entries(schema.properties ?? {}).flatMap(([name, value]) =>
    objectsOf(value, path === '' ? name : `${path}.${name}`),
  );
  const items = schema.items === undefined ? [] : objectsOf(schema.items, `${path}[]`);
  return [...(schema.type === 'object' ? [[path, schema] as const] : []), ...below, ...items];
}
