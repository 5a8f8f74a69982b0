// A site for engine tests: one database of its own on the file's server, a directory of migrations, a backup volume, and
// the five steps as the operator would ask for them, each with the next attempt number. Answers results, never throws.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import type { JobInputOf, JobResultOf } from '../../src/api/job-contract.ts';
import { openConnection } from '../../src/database/postgres.ts';
import { parseConnectionUrl } from '../../src/database/url.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { runStep, type StepEnvironment } from '../../src/runner/run.ts';
import { type Role, startPostgres, type TestPostgres } from '../postgres.ts';

export const OWNER = '0123456789abcdef';

export const EXECUTION = Object.freeze({
  transaction: 'Auto',
  lockTimeoutMilliseconds: 400,
  lockRetrySeconds: 2,
} as const);

type Settings<S extends 'plan' | 'backup' | 'migrate' | 'settle' | 'validate'> = Partial<JobInputOf<S>> & {
  readonly environment?: Partial<StepEnvironment>;
};
type Plan = NonNullable<JobResultOf<'PlanResult'>['plan']>;

/** One server for all tests of a file; ended after the last. */
export async function serverForTests(settings?: readonly string[]): Promise<TestPostgres> {
  const server = await startPostgres(settings === undefined ? {} : { settings });
  after(() => server.stop());
  return server;
}

let sites = 0;

export class Site {
  readonly server: TestPostgres;
  readonly name: string;
  readonly url: string;
  readonly root: string;
  readonly log: string[] = [];
  attempt = 0;
  runId = 1;

  constructor(server: TestPostgres, name: string, url: string) {
    this.server = server;
    this.name = name;
    this.url = url;
    this.root = mkdtempSync(join(tmpdir(), 'migrate-site-'));
    mkdirSync(this.backups);
    mkdirSync(this.migrations);
  }

  /** A site on an empty database, with these migration files. */
  static async create(server: TestPostgres, files: Readonly<Record<string, string>> = {}): Promise<Site> {
    sites += 1;
    const name = `site_${process.pid}_${sites}`;
    const site = new Site(server, name, await server.createDatabase(name));
    for (const [file, text] of Object.entries(files)) site.write(file, text);
    after(() => rmSync(site.root, { recursive: true, force: true }));
    return site;
  }

  get migrations(): string {
    return join(this.root, 'migrations');
  }

  get backups(): string {
    return join(this.root, 'backups');
  }

  /** Writes a migration file; `0/001_a.up.sql` is one in a directory of its own. */
  write(file: string, content: string | Uint8Array): void {
    const path = join(this.migrations, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }

  remove(file: string): void {
    rmSync(join(this.migrations, file));
  }

  /** SQL as the superuser, its unaligned answer. */
  sql(text: string): string {
    return this.server.psql(text, this.name);
  }

  /** A session of a role, as an application or a person would have one. The caller closes it. */
  async session(role: Role = 'app', applicationName = 'the app'): Promise<Connection> {
    return openConnection(parseConnectionUrl(this.server.url(role, this.name)), { applicationName });
  }

  environment(changes: Partial<StepEnvironment> = {}): StepEnvironment {
    return {
      databaseUrl: this.url,
      migrationsDirectory: this.migrations,
      backupsDirectory: this.backups,
      postgresBinaries: this.server.binaries,
      log: line => this.log.push(line),
      fenceWaitMs: 3_000,
      ...changes,
    };
  }

  #shared() {
    this.attempt += 1;
    return {
      contract: 1 as const,
      resource: 'shop/truledgr',
      owner: OWNER,
      resourceUid: 'a-uid',
      attempt: this.attempt,
      runId: this.runId,
      job: `job-${this.attempt}`,
      ledgerSchema: 'migrate',
    };
  }

  async plan({ environment, ...changes }: Settings<'plan'> = {}): Promise<JobResultOf<'PlanResult'>> {
    const input: JobInputOf<'plan'> = {
      step: 'plan',
      ...this.#shared(),
      target: 'latest',
      strategy: 'Recreate',
      execution: EXECUTION,
      appRoles: ['app'],
      backups: 'NotMounted',
      ...changes,
    };
    return (await runStep(input, this.environment(environment))) as JobResultOf<'PlanResult'>;
  }

  /** A plan that must succeed. */
  async planned(target = 'latest'): Promise<Plan> {
    const result = await this.plan({ target });
    if (result.plan === undefined) throw new Error(`the plan failed: ${result.error?.message}`);
    return result.plan;
  }

  /** Plans (unless given a plan) and migrates to what was planned. */
  async migrate({
    environment,
    planned,
    ...changes
  }: Settings<'migrate'> & { readonly planned?: Plan } = {}): Promise<JobResultOf<'MigrateResult'>> {
    const plan = planned ?? (await this.planned(changes.to));
    const input: JobInputOf<'migrate'> = {
      step: 'migrate',
      ...this.#shared(),
      strategy: 'Recreate',
      execution: EXECUTION,
      appRoles: ['app'],
      from: plan.version,
      to: plan.target,
      sourceDigest: plan.sourceDigest,
      ledgerDigest: plan.ledgerDigest,
      ...changes,
    };
    return (await runStep(input, this.environment(environment))) as JobResultOf<'MigrateResult'>;
  }

  async settle({ environment, ...changes }: Settings<'settle'> = {}): Promise<JobResultOf<'SettleResult'>> {
    const input: JobInputOf<'settle'> = { step: 'settle', ...this.#shared(), appRoles: ['app'], ...changes };
    return (await runStep(input, this.environment(environment))) as JobResultOf<'SettleResult'>;
  }

  async backup({ environment, ...changes }: Settings<'backup'> = {}): Promise<JobResultOf<'BackupResult'>> {
    const input: JobInputOf<'backup'> = { step: 'backup', ...this.#shared(), directory: 'one', ...changes };
    return (await runStep(input, this.environment(environment))) as JobResultOf<'BackupResult'>;
  }

  async validate({ environment, ...changes }: Settings<'validate'> = {}): Promise<JobResultOf<'ValidateResult'>> {
    const input: JobInputOf<'validate'> = {
      step: 'validate',
      ...this.#shared(),
      http: [],
      timeoutSeconds: 1,
      ...changes,
    };
    return (await runStep(input, this.environment(environment))) as JobResultOf<'ValidateResult'>;
  }

  /** Versions in the ledger, in order. */
  get applied(): readonly string[] {
    return lines(this.sql('SELECT version FROM migrate.ledger ORDER BY number'));
  }

  /** Versions in the audit that were applied, once a time. */
  get audited(): readonly string[] {
    return lines(this.sql("SELECT version FROM migrate.audit WHERE event = 'applied' ORDER BY id"));
  }

  /** Our own sessions that are still connected. */
  get sessions(): readonly string[] {
    return lines(
      this.sql(
        `SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'migrate/%' AND datname = '${this.name}'`,
      ),
    );
  }

  hasTable(name: string): boolean {
    return this.sql(`SELECT to_regclass('public.${name}') IS NOT NULL`) === 't';
  }
}

function lines(text: string): readonly string[] {
  return text === '' ? [] : text.split('\n');
}

/** Waits until something is true, and says what was waited for when it never is. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`waited ${limitMs} ms in vain until ${what}`);
    await new Promise(resolve => setTimeout(resolve, 60));
  }
}

/** A transaction of somebody's on the table `users`, for which CREATE INDEX CONCURRENTLY and ALTER TABLE have to wait. */
export async function oldTransaction(site: Site): Promise<Connection> {
  const session = await site.session('owner', 'a long report');
  await session.query('BEGIN');
  await session.query('SELECT count(*) FROM users; SELECT txid_current(); LOCK TABLE users IN ROW EXCLUSIVE MODE');
  return session;
}

/** What a migration says to wait at a closed gate. */
export const AT_GATE = 'SELECT pg_advisory_xact_lock(42)';

/** Holds up every migration of the site that comes to AT_GATE, so that a test needs no sleep of a certain length. */
export async function closedGate(site: Site): Promise<{ reached(): Promise<void>; open(): Promise<void> }> {
  const session = await site.session('postgres', 'the gate');
  await session.query('SELECT pg_advisory_lock(42)');
  const waiting = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted`;
  return {
    reached: () => until('the gate is reached', async () => (await session.query(waiting)).length > 0, 60_000),
    open: () => session.close(),
  };
}
