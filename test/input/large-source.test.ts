// 5,000 files with 10 MB of SQL over sixteen ConfigMaps, as the runner's own process reads them in a container of 512 MiB:
// the plan is made, and the most memory that the kernel saw is below the limit.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { CONTRACT_VERSION, parseJobResult } from '../../src/api/job-contract.ts';
import { startPostgres } from '../postgres.ts';

const FILES = 5_000;
const FILE_BYTES = 2_000;
const CONFIG_MAPS = 16;
const LIMIT_SECONDS = 60;
const LIMIT_MIB = 512;

const MAIN = join(import.meta.dirname, '../../src/runner/main.ts');
/** Loaded before main.ts: at its end it tells the most memory that it had and its processor time. */
const MEASURE = `import { writeFileSync } from 'node:fs';
process.on('exit', () => writeFileSync(process.env.MEASURED, JSON.stringify(process.resourceUsage())));`;

const root = mkdtempSync(join(tmpdir(), 'migrate-large-'));
after(() => rmSync(root, { recursive: true, force: true }));

function writeFiles(): void {
  for (let number = 1; number <= FILES; number += 1) {
    const directory = join(root, 'migrations', String(number % CONFIG_MAPS));
    mkdirSync(directory, { recursive: true });
    const columns = Array.from({ length: 60 }, (_, column) => `a_column_with_a_long_name_${column} text`).join(', ');
    const sql = `CREATE TABLE t${number} (id bigint PRIMARY KEY, ${columns});\n`;
    writeFileSync(join(directory, `${number}_table_${number}.up.sql`), sql.padEnd(FILE_BYTES, '-'));
  }
}

it(`a plan of ${FILES} files is made in ${LIMIT_MIB} MiB`, async () => {
  const server = await startPostgres();
  after(() => server.stop());
  writeFiles();
  const input = {
    step: 'plan',
    contract: CONTRACT_VERSION,
    resource: 'shop/large',
    owner: '0123456789abcdef',
    attempt: 1,
    runId: 1,
    job: 'large',
    ledgerSchema: 'migrate',
    target: 'latest',
    strategy: 'Recreate',
    execution: { transaction: 'Auto', lockTimeoutMilliseconds: 5000, lockRetrySeconds: 60 },
    appRoles: ['app'],
    backups: 'NotMounted',
  };
  const measure = join(root, 'measure.mjs');
  writeFileSync(measure, MEASURE);
  const [answer, measured] = [join(root, 'answer'), join(root, 'measured')];
  const child = spawn(process.execPath, ['--import', measure, MAIN, 'plan'], {
    env: {
      MEASURED: measured,
      MIGRATE_JOB: JSON.stringify(input),
      MIGRATE_RESULT_FILE: answer,
      MIGRATE_MIGRATIONS_DIRECTORY: join(root, 'migrations'),
      DATABASE_URL: await server.createDatabase('large'),
    },
    stdio: 'ignore',
  });
  await new Promise(resolve => child.once('exit', resolve));
  const result = parseJobResult(readFileSync(answer, 'utf8'));
  assert.equal(result?.kind === 'PlanResult' && result.plan?.pendingCount, FILES, JSON.stringify(result?.error));
  const usage = JSON.parse(readFileSync(measured, 'utf8')) as Record<
    'maxRSS' | 'userCPUTime' | 'systemCPUTime',
    number
  >;
  const mebibytes = Math.round(usage.maxRSS / 1024);
  // Its processor time, which a busy machine does not stretch.
  const seconds = (usage.userCPUTime + usage.systemCPUTime) / 1e6;
  console.error(`input: the plan of ${FILES} files took ${seconds.toFixed(1)} s of processor time, ${mebibytes} MiB`);
  assert.ok(mebibytes < LIMIT_MIB, `${mebibytes} MiB`);
  assert.ok(seconds < LIMIT_SECONDS, `${seconds} s`);
});
