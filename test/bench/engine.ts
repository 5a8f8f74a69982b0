// Figures of the engine on a PostgreSQL server, without Kubernetes: a large plan, a snapshot, a backup. In this process,
// as a Job's Pod would do it.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONTRACT_VERSION, type JobInput } from '../../src/api/job-contract.ts';
import { openConnection } from '../../src/database/postgres.ts';
import { parseConnectionUrl } from '../../src/database/url.ts';
import { packSnapshot } from '../../src/engine/ledger/stored-snapshot.ts';
import { readServer } from '../../src/engine/server.ts';
import { runStep, type StepEnvironment } from '../../src/runner/run.ts';
import { readSnapshot, snapshotDigest } from '../../src/schema/snapshot.ts';
import { startPostgres, type TestPostgres } from '../postgres.ts';
import { type Figure, type Group, type Progress, timed } from './figure.ts';

const FILES = 5_000;
const FILE_BYTES = 2_000;

const COMMON = {
  contract: CONTRACT_VERSION,
  resource: 'bench/bench',
  owner: '0123456789abcdef',
  runId: 1,
  job: 'bench',
  ledgerSchema: 'migrate',
} as const;
const EXECUTION = { transaction: 'Auto', lockTimeoutMilliseconds: 5000, lockRetrySeconds: 60 } as const;

function writeMigrations(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (let i = 1; i <= FILES; i += 1) {
    const padding = `-- ${'x'.repeat(FILE_BYTES - 60)}\n`;
    writeFileSync(join(directory, `${i}_table_${i}.up.sql`), `${padding}CREATE TABLE t${i} (id bigint PRIMARY KEY);\n`);
  }
}

/** The limit of a plan: reading and hashing the same files. */
function readAndHash(directory: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(directory).sort()) hash.update(readFileSync(join(directory, name)));
  return hash.digest('hex');
}

async function benchPlan(environment: StepEnvironment): Promise<Figure> {
  const directory = join(environment.migrationsDirectory, '0');
  writeMigrations(directory);
  const limit = await timed(() => readAndHash(directory));
  const input: JobInput = {
    step: 'plan',
    ...COMMON,
    attempt: 1,
    target: 'latest',
    strategy: 'Recreate',
    execution: EXECUTION,
    appRoles: [],
    backups: 'Mounted',
  };
  const plan = await timed(() => runStep(input, environment));
  if (plan.value.exitCode !== 0) throw new Error(`the plan failed: ${plan.value.error?.message}`);
  const rss = Math.round(process.memoryUsage().rss / 2 ** 20);
  return {
    what: `plan of ${FILES} files, ${(FILES * FILE_BYTES) / 1e6} MB`,
    ours: `${plan.seconds.toFixed(2)} s, ${rss} MiB RSS after`,
    aim: 'below 60 s in 512 MiB',
    beside: `reading and hashing alone: ${limit.seconds.toFixed(2)} s`,
  };
}

async function benchBackup(server: TestPostgres, database: string, environment: StepEnvironment): Promise<Figure> {
  server.psql('CREATE TABLE rows AS SELECT i AS id, md5(i::text) AS text FROM generate_series(1, 2000000) i', database);
  server.psql('ALTER TABLE rows OWNER TO owner', database);
  const peerDirectory = join(environment.backupsDirectory, 'peer');
  const dump = [`--dbname=${server.url('postgres', database)}`, '-Fd', '-j2', `--file=${peerDirectory}`];
  const peer = await timed(() => execFileSync(join(server.binaries, 'pg_dump'), dump));
  const input: JobInput = { step: 'backup', ...COMMON, attempt: 2, directory: 'bench/ours' };
  const ours = await timed(() => runStep(input, environment));
  if (ours.value.exitCode !== 0) throw new Error(`the backup failed: ${ours.value.error?.message}`);
  return {
    what: 'backup of 2,000,000 rows with manifest and read to the end',
    ours: `${ours.seconds.toFixed(2)} s`,
    beside: `pg_dump -Fd -j2 alone: ${peer.seconds.toFixed(2)} s`,
  };
}

const TABLES = 1_000;

/** A schema of some size: keys, checks, foreign keys, indexes, comments, views. */
async function benchSnapshot(server: TestPostgres): Promise<Figure> {
  const url = await server.createDatabase('bench_snapshot');
  server.psql(
    `SET ROLE owner; DO $$BEGIN FOR i IN 1..${TABLES} LOOP
      EXECUTE format('CREATE TABLE t%s(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL DEFAULT ''x'',
        made timestamptz DEFAULT now(), parent bigint REFERENCES t%s, a int CHECK (a > 0), b text, c numeric(10, 2), d jsonb,
        e uuid, f bool)', i, i);
      EXECUTE format('CREATE INDEX ON t%s(name); COMMENT ON TABLE t%s IS ''a table''', i, i);
      IF i % 10 = 0 THEN EXECUTE format('CREATE VIEW v%s AS SELECT id, name FROM t%s WHERE id > 5', i, i); END IF;
    END LOOP; END$$`,
    'bench_snapshot',
  );
  const connection = await openConnection(parseConnectionUrl(url), { applicationName: 'bench' });
  try {
    const { versionNumber } = await readServer(connection);
    const ours = await timed(async () => {
      const entries = await readSnapshot(connection, versionNumber, 'migrate');
      return { count: entries.length, digest: snapshotDigest(entries), stored: packSnapshot(entries).length };
    });
    const dump = [`--dbname=${url}`, '--schema-only'];
    const peer = await timed(() => execFileSync(join(server.binaries, 'pg_dump'), dump, { maxBuffer: 2 ** 26 }));
    const kilobytes = Math.round(ours.value.stored / 1000);
    return {
      what: `snapshot of ${TABLES} tables (${ours.value.count} objects), its digest, and packed for the ledger`,
      ours: `${ours.seconds.toFixed(2)} s, ${kilobytes} kB stored`,
      beside: `pg_dump --schema-only: ${peer.seconds.toFixed(2)} s`,
    };
  } finally {
    await connection.close();
  }
}

async function measure(progress: Progress): Promise<readonly Figure[]> {
  const server = await startPostgres();
  const root = mkdtempSync(join(tmpdir(), 'migrate-bench-'));
  try {
    const database = 'bench';
    const environment: StepEnvironment = {
      databaseUrl: await server.createDatabase(database),
      migrationsDirectory: join(root, 'migrations'),
      backupsDirectory: join(root, 'backups'),
      postgresBinaries: server.binaries,
      log: () => undefined,
    };
    mkdirSync(environment.backupsDirectory, { recursive: true });
    progress('a plan');
    const plan = await benchPlan(environment);
    progress('a snapshot');
    const snapshot = await benchSnapshot(server);
    progress('a backup');
    return [plan, snapshot, await benchBackup(server, database, environment)];
  } finally {
    await server.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

export const engine: Group = { name: 'engine', about: 'a large plan, a snapshot, a backup', measure };
