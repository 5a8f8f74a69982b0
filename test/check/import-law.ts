// Tests the import law itself: a tree with one planted violation of each rule, and of each folder that a rule names, must be
// found whole, its lawful imports must pass, and the real tree must really be read. A rule without a plant here fails, so
// a rule that matches nothing cannot hide. Run by `npm run check`.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const LAW = '.dependency-cruiser.json';

/** Rule, the file that breaks it, what it imports. */
const PLANTS: readonly (readonly [rule: string, from: string, to: string])[] = [
  ['no-circular', 'src/engine/circle-a.ts', 'src/engine/circle-b.ts'],
  ['no-unresolvable', 'src/engine/lost.ts', './nowhere.ts'],
  ['api-imports-nothing-of-ours', 'src/api/proud.ts', 'src/engine/lawful.ts'],
  ['domain-imports-only-api-and-domain', 'src/engine/climbs.ts', 'src/database/lawful.ts'],
  ['domain-imports-only-api-and-domain', 'src/schema/climbs.ts', 'src/telemetry/lawful.ts'],
  ['domain-imports-only-api-and-domain', 'src/safety/climbs.ts', 'src/kubernetes/lawful.ts'],
  ['domain-imports-only-api-and-domain', 'src/backup/climbs.ts', 'src/runner/lawful.ts'],
  ['edges-import-only-api-and-domain', 'src/database/climbs.ts', 'src/runner/lawful.ts'],
  ['edges-import-only-api-and-domain', 'src/kubernetes/climbs.ts', 'src/operator/lawful.ts'],
  ['edges-import-only-api-and-domain', 'src/telemetry/climbs.ts', 'src/cli/lawful.ts'],
  ['database-and-kubernetes-are-strangers', 'src/database/meets.ts', 'src/kubernetes/lawful.ts'],
  ['kubernetes-and-database-are-strangers', 'src/kubernetes/meets.ts', 'src/database/lawful.ts'],
  ['operator-never-database', 'src/operator/asks.ts', 'src/database/lawful.ts'],
  ['operator-never-database', 'src/operator/applies.ts', 'src/engine/lawful.ts'],
  ['operator-never-database', 'src/operator/runs.ts', 'src/runner/lawful.ts'],
  ['operator-never-database', 'src/operator/speaks.ts', 'src/cli/lawful.ts'],
  ['runner-never-kubernetes', 'src/runner/asks.ts', 'src/kubernetes/lawful.ts'],
  ['runner-never-kubernetes', 'src/runner/steers.ts', 'src/operator/lawful.ts'],
  ['runner-never-kubernetes', 'src/runner/speaks.ts', 'src/cli/lawful.ts'],
  ['machine-knows-nothing-of-migrations', 'src/operator/controller/knows.ts', 'src/operator/migration/lawful.ts'],
  ['kubernetes-client-in-one-folder', 'src/operator/dials.ts', '@kubernetes/client-node'],
  ['kubernetes-client-in-one-folder', 'src/runner/dials.ts', 'undici'],
  ['pg-in-one-folder', 'src/engine/dials.ts', 'pg'],
  ['pg-in-one-folder', 'src/cli/dials.ts', 'node:sqlite'],
  ['telemetry-in-one-folder', 'src/operator/logs.ts', 'winston'],
  ['telemetry-in-one-folder', 'src/operator/counts.ts', 'prom-client'],
  ['zod-in-one-folder', 'src/runner/parses.ts', 'zod'],
  ['grammar-in-one-folder', 'src/schema/parses.ts', 'libpg-query'],
  ['src-never-test', 'src/engine/cheats.ts', 'test/answers.ts'],
  ['src-never-test', 'src/runner/cheats.ts', 'examples/answers.ts'],
  ['no-drawers', 'src/engine/utils.ts', 'src/api/lawful.ts'],
  ['no-drawers', 'src/operator/helpers/lawful.ts', 'src/api/lawful.ts'],
];

/** What the law allows; also what the plants import. */
const LAWFUL: Readonly<Record<string, readonly string[]>> = {
  'src/api/lawful.ts': ['zod'],
  'src/engine/lawful.ts': ['src/api/lawful.ts', 'libpg-query'],
  'src/database/lawful.ts': ['src/engine/lawful.ts', 'pg'],
  'src/kubernetes/lawful.ts': ['src/api/lawful.ts', 'undici', '@kubernetes/client-node'],
  'src/telemetry/lawful.ts': ['winston', 'prom-client'],
  'src/runner/lawful.ts': ['src/database/lawful.ts', 'src/engine/lawful.ts', 'src/telemetry/lawful.ts'],
  'src/operator/lawful.ts': ['src/kubernetes/lawful.ts', 'src/operator/migration/lawful.ts'],
  'src/operator/migration/lawful.ts': ['src/operator/controller/lawful.ts'],
  'src/operator/controller/lawful.ts': ['src/kubernetes/lawful.ts'],
  'src/cli/lawful.ts': ['src/kubernetes/lawful.ts', 'src/database/lawful.ts'],
  'src/engine/circle-b.ts': ['src/engine/circle-a.ts'],
  'test/answers.ts': [],
  'examples/answers.ts': [],
};

interface Cruise {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly totalCruised: number;
    readonly violations: readonly { readonly rule: { readonly name: string }; readonly from: string }[];
  };
}

function plantTree(directory: string): void {
  const planted = Object.groupBy(PLANTS, ([, from]) => from);
  const imports = new Map(Object.entries(LAWFUL));
  for (const [from, plants = []] of Object.entries(planted))
    imports.set(
      from,
      plants.map(([, , to]) => to),
    );
  for (const [file, targets] of imports) {
    mkdirSync(join(directory, dirname(file)), { recursive: true });
    writeFileSync(join(directory, file), targets.map((to, index) => importLine(file, to, index)).join(''));
  }
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  copyFileSync(join(ROOT, LAW), join(directory, LAW));
}

/** Types count as much as values: what is imported as a type alone breaks the law as well. */
function importLine(file: string, to: string, index: number): string {
  const path = /^(src|test|examples)\//.test(to) ? relative(dirname(file), to).replace(/^(?!\.)/, './') : to;
  return `import type * as name${index} from '${path}';\nexport type Name${index} = typeof name${index};\n`;
}

async function cruise(directory: string): Promise<Cruise> {
  const binary = join(ROOT, 'node_modules/.bin/depcruise');
  const args = [binary, '--config', LAW, '--output-type', 'json', 'src'];
  const text = await new Promise<string>((resolve, reject) => {
    // It exits with the number of violations, so only an answer that cannot be read is a failure.
    execFile(process.execPath, args, { cwd: directory, maxBuffer: 64 * 1024 * 1024 }, (_error, stdout, stderr) =>
      stdout === '' ? reject(new Error(stderr)) : resolve(stdout),
    );
  });
  return JSON.parse(text);
}

function expectViolations({ summary }: Cruise): void {
  const found = new Set(summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`));
  const missed = PLANTS.map(([rule, from]) => `${rule}: ${from}`).filter(plant => !found.has(plant));
  assert.deepEqual(missed, [], 'planted violations that were not found');
  const blamed = summary.violations.filter(({ from }) => Object.hasOwn(LAWFUL, from) && !from.includes('circle'));
  assert.deepEqual(blamed, [], 'lawful imports that were called violations');
}

function expectPlantsForEveryRule(): void {
  const law: { forbidden: readonly { name: string }[] } = JSON.parse(readFileSync(join(ROOT, LAW), 'utf8'));
  const planted = new Set(PLANTS.map(([rule]) => rule));
  assert.deepEqual(
    law.forbidden.map(rule => rule.name).filter(name => !planted.has(name)),
    [],
    'rules without a planted violation',
  );
}

function expectWholeTree(real: Cruise): void {
  const seen = new Set(real.modules.map(module => module.source));
  const files = globSync('src/**/*.ts', { cwd: ROOT });
  assert.ok(files.length > 0, 'there are no sources');
  assert.deepEqual(
    files.filter(file => !seen.has(file)),
    [],
    'sources that the law does not see',
  );
}

const directory = mkdtempSync(join(tmpdir(), 'import-law-'));
try {
  expectPlantsForEveryRule();
  plantTree(directory);
  const [planted, real] = await Promise.all([cruise(directory), cruise(ROOT)]);
  expectViolations(planted);
  expectWholeTree(real);
  console.log(`The import law holds: ${PLANTS.length} planted violations found, ${real.modules.length} modules read.`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
