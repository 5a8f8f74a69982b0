// Makes everything that is derived: types from the CRDs, docs/conditions.md, docs/metrics.md, the chart's CRD templates
// and its dashboard.
// `npm run generate` writes; `npm run verify` (with --check) fails when what is committed differs.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compile } from 'json-schema-to-typescript';
import { parse } from 'yaml';
import { CONDITION_TABLE } from './src/api/conditions.ts';
import { metricDocs } from './src/telemetry/metric-docs.ts';

interface Generated {
  readonly path: string;
  readonly content: string;
}

const ROOT = import.meta.dirname;
const KINDS = [
  { crd: 'databasemigrations', module: 'database-migration' },
  { crd: 'databasebackups', module: 'database-backup' },
] as const;

type Schema = { [key: string]: unknown; properties?: Record<string, Schema> };

/** The OpenAPI schema of the CRD as JSON schema: closed objects, and no vendor extensions. */
function toJsonSchema(schema: Schema): Schema {
  const result: Schema = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key.startsWith('x-kubernetes-') || key === 'default') continue;
    result[key] =
      key === 'properties'
        ? Object.fromEntries(Object.entries(value as Record<string, Schema>).map(([k, v]) => [k, toJsonSchema(v)]))
        : isSchema(value)
          ? toJsonSchema(value)
          : value;
  }
  if (result.properties !== undefined) result.additionalProperties ??= false;
  return result;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function types(crd: string, module: string): Promise<Generated> {
  const source = parse(readFileSync(join(ROOT, `crds/${crd}.yaml`), 'utf8'));
  const version = source.spec.versions[0];
  const schema = toJsonSchema(version.schema.openAPIV3Schema);
  const name = `${source.spec.names.kind}`;
  const body = await compile({ ...schema.properties?.spec } as never, `${name}Spec`, {
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    bannerComment: '',
  });
  const status = await compile({ ...schema.properties?.status } as never, `${name}Status`, {
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    bannerComment: '',
  });
  const head = `// Generated from crds/${crd}.yaml by \`npm run generate\`; do not edit.\n`;
  return { path: `src/api/${module}.gen.ts`, content: `${head}\n${body}\n${status}` };
}

/** docs/conditions.md: type, reason, what it means, what to do. */
function conditionDocs(): Generated {
  const lines = [
    '# Conditions',
    '',
    'Generated from `src/api/conditions.ts` by `npm run generate`.',
    '',
    'A `DatabaseMigration` has one summary, `Ready`, and one condition a step. While the operator works, or waits for',
    'something that time may heal, `Reconciling` is there; when a person is needed, `Stalled` is; never both.',
    '',
  ];
  for (const [type, entry] of Object.entries(CONDITION_TABLE)) {
    lines.push(`## ${type}`, '', entry.meaning, '', '| reason | meaning | what to do |', '|---|---|---|');
    for (const [reason, text] of Object.entries(entry.reasons)) {
      lines.push(`| \`${reason}\` | ${text.meaning} | ${text.remedy} |`);
    }
    lines.push('');
  }
  return { path: 'docs/conditions.md', content: lines.join('\n') };
}

/** The chart's CRD templates, when the chart is there. */
async function chartTemplates(): Promise<readonly Generated[]> {
  const chart = await import('./charts/generate.ts');
  const { chartDashboard } = await import('./charts/dashboard.ts');
  return [...chart.chartCrdTemplates(), chartDashboard()];
}

async function main(): Promise<void> {
  const all: Generated[] = [
    ...(await Promise.all(KINDS.map(kind => types(kind.crd, kind.module)))),
    conditionDocs(),
    { path: 'docs/metrics.md', content: metricDocs() },
    ...(await chartTemplates()),
  ];
  const check = process.argv.includes('--check');
  let stale = 0;
  for (const { path, content } of all) {
    const file = join(ROOT, path);
    if (readOrEmpty(file) === content) continue;
    stale += 1;
    if (check) console.error(`${path} is not what its source gives; run: npm run generate`);
    else {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      console.log(`wrote ${path}`);
    }
  }
  if (check && stale > 0) process.exitCode = 1;
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

await main();
