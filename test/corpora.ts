// `MIGRATE_CORPORA=<directory> npm run corpora`: other projects' migrations, each up, down and up again on a real
// PostgreSQL, with the schema compared after each way. Every folder `<directory>/<name>/migrations` is one project. Writes
// a table in Markdown to standard output; docs/corpora.md is such a report. Measures, asserts nothing.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CONTRACT_VERSION, type JobInputOf, type JobResultOf } from '../src/api/job-contract.ts';
import { openConnection } from '../src/database/postgres.ts';
import { parseConnectionUrl } from '../src/database/url.ts';
import { EMPTY_TARGET } from '../src/engine/plan.ts';
import { readServer } from '../src/engine/server.ts';
import { readSource } from '../src/engine/source/files.ts';
import type { Migration } from '../src/engine/sql/script.ts';
import { runStep } from '../src/runner/run.ts';
import { readSnapshot, type SnapshotEntry } from '../src/schema/snapshot.ts';
import { startPostgres, type TestPostgres } from './postgres.ts';

type Way = 'exact' | 'but for column order' | 'different' | 'fails' | 'up fails again' | 'no down' | 'refused';

interface Outcome {
  readonly version: string;
  readonly way: Way;
  readonly why: string;
}

const EXECUTION = { transaction: 'PerMigration', lockTimeoutMilliseconds: 5000, lockRetrySeconds: 10 } as const;

/** One project's database, and the steps of a release as a Job would run them. */
class Project {
  readonly #directory: string;
  readonly #url: string;
  readonly #binaries: string;
  #attempt = 0;

  constructor(directory: string, url: string, binaries: string) {
    this.#directory = directory;
    this.#url = url;
    this.#binaries = binaries;
  }

  #common() {
    this.#attempt += 1;
    return {
      contract: CONTRACT_VERSION as 1,
      resource: 'corpora/corpora',
      owner: '0123456789abcdef',
      resourceUid: 'corpora',
      attempt: this.#attempt,
      runId: this.#attempt,
      job: 'corpora',
      ledgerSchema: 'migrate',
      strategy: 'None' as const,
      execution: EXECUTION,
      appRoles: ['app'],
    };
  }

  #environment() {
    return {
      databaseUrl: this.#url,
      migrationsDirectory: this.#directory,
      backupsDirectory: '/nonexistent',
      postgresBinaries: this.#binaries,
      log: () => {},
    };
  }

  /** Goes to a version, whatever that loses; answers what went wrong. */
  async go(target: string): Promise<string | undefined> {
    const planInput: JobInputOf<'plan'> = { step: 'plan', ...this.#common(), target, backups: 'NotMounted' };
    const planned = (await runStep(planInput, this.#environment())) as JobResultOf<'PlanResult'>;
    const { plan } = planned;
    if (plan === undefined) return planned.error?.message ?? 'no plan';
    if (plan.direction === 'None') return undefined;
    const input: JobInputOf<'migrate'> = {
      step: 'migrate',
      ...this.#common(),
      from: plan.version,
      to: plan.target,
      direction: plan.direction === 'Down' ? 'Down' : 'Up',
      ...(plan.downgrade === undefined ? {} : { confirmedLoss: plan.downgrade.digest }),
      sourceDigest: plan.sourceDigest,
      ledgerDigest: plan.ledgerDigest,
    };
    const { error } = await runStep(input, this.#environment());
    return error?.message;
  }

  async schema(): Promise<readonly SnapshotEntry[]> {
    const connection = await openConnection(parseConnectionUrl(this.#url), { applicationName: 'corpora' });
    try {
      const { versionNumber } = await readServer(connection);
      return await readSnapshot(connection, versionNumber, 'migrate');
    } finally {
      await connection.close();
    }
  }
}

function compared(before: readonly SnapshotEntry[], after: readonly SnapshotEntry[]): { way: Way; why: string } {
  const exact = differing(before, after, one => one.definition);
  if (exact.length === 0) return { way: 'exact', why: '' };
  const other = differing(before, after, withoutPosition);
  if (other.length === 0) return { way: 'but for column order', why: exact.join(', ') };
  const more = other.length > 4 ? ` and ${other.length - 4} more` : '';
  return { way: 'different', why: `${other.slice(0, 4).join(', ')}${more}` };
}

function withoutPosition({ kind, definition }: SnapshotEntry): string {
  if (kind !== 'column') return definition;
  const { position, ...others } = JSON.parse(definition) as { readonly position: number };
  if (typeof position !== 'number') throw new Error(`a column has no position: ${definition}`);
  return JSON.stringify(others);
}

function differing(
  before: readonly SnapshotEntry[],
  after: readonly SnapshotEntry[],
  definitionOf: (entry: SnapshotEntry) => string,
): readonly string[] {
  const was = new Map(before.map(one => [`${one.kind} ${one.name}`, definitionOf(one)]));
  const is = new Map(after.map(one => [`${one.kind} ${one.name}`, definitionOf(one)]));
  const names = new Set([...was.keys(), ...is.keys()]);
  return [...names].filter(name => was.get(name) !== is.get(name)).sort();
}

async function tryMigration(project: Project, migration: Migration, below: string): Promise<Outcome> {
  const { version } = migration;
  const before = await project.schema();
  const failed = await project.go(version);
  if (failed !== undefined) return { version, way: 'refused', why: failed };
  if (migration.down === undefined) return { version, way: 'no down', why: '' };
  const above = await project.schema();
  const stuck = await project.go(below);
  if (stuck !== undefined) return { version, way: 'fails', why: stuck };
  const back = compared(before, await project.schema());
  const again = await project.go(version);
  if (again !== undefined) {
    // What the down left in the way is not of interest: the next version needs this one applied.
    return { version, way: 'up fails again', why: again };
  }
  const there = compared(above, await project.schema());
  if (back.way === 'exact' && there.way === 'different')
    return { version, way: 'different', why: `again: ${there.why}` };
  return { version, ...back };
}

/** A version whose second up fails stops the project: nothing above it can be tried on this database. */
async function tryProject(server: TestPostgres, name: string, directory: string): Promise<void> {
  const source = await readSource(directory);
  const database = `corpus_${name.replaceAll(/[^a-z0-9]/gi, '_')}`;
  let url = await server.createDatabase(database);
  server.psql('CREATE EXTENSION IF NOT EXISTS pgcrypto', database);
  let project = new Project(directory, url, server.binaries);
  const started = performance.now();
  const outcomes: Outcome[] = [];
  for (const [index, migration] of source.migrations.entries()) {
    const below = source.migrations[index - 1]?.version ?? EMPTY_TARGET;
    const outcome = await tryMigration(project, migration, below);
    outcomes.push(outcome);
    if (outcome.way === 'refused') break;
    if (outcome.way !== 'up fails again') continue;
    url = await server.createDatabase(`${database}_${index}`);
    project = new Project(directory, url, server.binaries);
    const stopped = await project.go(migration.version);
    if (stopped !== undefined) throw new Error(`${name} cannot be taken to ${migration.version} afresh: ${stopped}`);
  }
  const seconds = Math.round((performance.now() - started) / 1000);
  report(name, source.layout, source.migrations.length, outcomes, seconds);
}

function report(name: string, layout: string, count: number, outcomes: readonly Outcome[], seconds: number): void {
  const ways = [...new Set(outcomes.map(one => one.way))];
  const counts = ways.map(way => `${outcomes.filter(one => one.way === way).length} ${way}`).join(', ');
  console.error(`${name}: ${seconds} s`);
  console.log(`\n## ${name}\n\n${count} migrations, layout of ${layout}, each up, down and up again: ${counts}.\n`);
  console.log('| version | the way down | what is left, or why |\n|---|---|---|');
  for (const { version, way, why } of outcomes.filter(one => one.way !== 'exact')) {
    console.log(`| ${version} | ${way} | ${why.replaceAll('|', '\\|').replaceAll('\n', ' ').slice(0, 300)} |`);
  }
}

const root = process.env.MIGRATE_CORPORA;
if (root === undefined || !existsSync(root)) {
  console.error('Set MIGRATE_CORPORA to a directory with <name>/migrations for each project.');
  process.exitCode = 2;
} else {
  const server = await startPostgres();
  try {
    for (const name of readdirSync(root).sort()) {
      const directory = join(root, name, 'migrations');
      if (existsSync(directory)) await tryProject(server, name, directory);
    }
  } finally {
    await server.stop();
  }
}
