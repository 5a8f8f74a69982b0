// Makes everything that is derived: types from the CRDs, docs/conditions.md, docs/metrics.md, the chart's CRD templates
// and its dashboard.
// `npm run generate` writes; `npm run verify` (with --check) fails when what is committed differs.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compile } from 'json-schema-to-typescript';
import { parse } from 'yaml';
import { BACKUP_CONDITION_MEANINGS, CONDITION_MEANINGS, type Outlook, REASONS } from './src/api/conditions.ts';
import { JOB_REASONS } from './src/api/job-reasons.ts';
import { cliReference } from './src/cli/reference.ts';
import { ERRORS } from './src/engine/errors.ts';
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
  const reasons = Object.entries(REASONS);
  const at = (outlook: Outlook) => reasons.filter(([, reason]) => reason.outlooks?.includes(outlook));
  const summaries = { Ready: at('Resting'), Reconciling: [...at('Reconciling'), QUEUED], Stalled: at('Stalled') };
  const lines = [
    ...CONDITION_HEAD,
    ...Object.entries(CONDITION_MEANINGS).flatMap(([type, meaning]) => {
      const rows = summaries[type as keyof typeof summaries] ?? reasons.filter(([, one]) => isOn(one, type));
      return ['', `## ${type}`, '', meaning, ...(NOTES[type] ?? []), '', ...reasonTable(type, rows)];
    }),
    ...['', '## Reasons that a Job gives', '', ...JOB_HEAD, '', ...jobReasonTable()],
    ...['', '## Conditions of a DatabaseBackup', '', ...BACKUP_HEAD, ''],
    ...reasonTable(
      'Complete',
      reasons.filter(([, one]) => one.backup !== undefined),
    ),
    '',
  ];
  return { path: 'docs/conditions.md', content: lines.join('\n') };
}

type ReasonRow = readonly [string, (typeof REASONS)[string]];

const QUEUED = ['Queued', REASONS.Queued] as ReasonRow;
const CONDITION_HEAD = [
  '# Conditions',
  '',
  'Generated from `src/api/conditions.ts` and `src/api/job-reasons.ts` by `npm run generate`.',
  '',
  'A `DatabaseMigration` has one summary, `Ready`, and one condition a step. While the operator works, or waits for',
  'something that time may heal, `Reconciling` is there; when a person is needed, `Stalled` is; never both. STATUS in',
  '`kubectl get databasemigrations` is the reason of `Ready`. To ask for one more try:',
  '',
  '```',
  'kubectl annotate databasemigration NAME migrations.truledgr.app/retry="$(date +%s)" --overwrite',
  '```',
];
const NOTES: Readonly<Record<string, readonly string[]>> = {
  Ready: ['While it is False beside `Reconciling` or `Stalled` it has the reason and the message of that one.'],
  Reconciling: [
    `Its reason can also be one of [those that a Job gives](#reasons-that-a-job-gives) and is tried again.`,
  ],
  Stalled: ['Its reason can also be one of [those that a Job gives](#reasons-that-a-job-gives).'],
};
const JOB_HEAD = [
  'On `Ready`, on `Reconciling` or `Stalled`, and on the condition of the step. What is tried again is `Reconciling` for as',
  'long as the run may wait, and `Stalled` after that. The exit code is that of the container.',
];
const BACKUP_HEAD = [
  BACKUP_CONDITION_MEANINGS.Complete.replace('Whether', '`Complete` says whether'),
  'Beside it stand `Reconciling` or `Stalled`, with its reason; a Job gives reasons here too.',
];

function isOn(reason: ReasonRow[1], type: string): boolean {
  return (reason.steps as readonly string[]).includes(type);
}

function reasonTable(type: string, rows: readonly ReasonRow[]): readonly string[] {
  const texts = rows.map(([name, reason]) => ({ name, ...(reason.on?.[type as 'Complete'] ?? reason) }));
  return [
    ...['| reason | meaning | what to do |', '|---|---|---|'],
    ...texts.map(({ name, meaning, remedy }) => `| \`${name}\` | ${meaning} | ${remedy} |`),
  ];
}

function jobReasonTable(): readonly string[] {
  const rows = Object.entries(JOB_REASONS).map(([code, { meaning, remedy }]) => {
    const exitCode = code in ERRORS ? ERRORS[code as keyof typeof ERRORS].exitCode : 70;
    const again = exitCode >= 10 && exitCode <= 13 ? 'yes' : exitCode === 24 ? 'with a new plan' : 'no';
    return `| \`${code}\` | ${exitCode} | ${again} | ${meaning} | ${remedy} |`;
  });
  return ['| reason | exit code | tried again | meaning | what to do |', '|---|---|---|---|---|', ...rows];
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
    { path: 'docs/cli.md', content: cliReference() },
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
