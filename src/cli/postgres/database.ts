// A PostgreSQL database as the commands see it: the same engine, fence and ledger as in the cluster. A session is opened
// for each thing that is asked, and closed before a person is asked anything. What only some commands need is imported late.
import type { LockLimits } from '../../engine/bounded-reads.ts';
import { QueryError, quoted } from '../../engine/connection.ts';
import { failure } from '../../engine/errors.ts';
import type { ToolName } from '../../engine/histories/tools.ts';
import { grantRoles, grantsOf } from '../../engine/ledger/app-grants.ts';
import { hasLedger } from '../../engine/ledger/ledger.ts';
import { assertOnlyLedger, otherLedgers } from '../../engine/ledger/other-ledgers.ts';
import type { Source } from '../../engine/source/files.ts';
import type { Trial } from '../../engine/sql/reach.ts';
import type { SnapshotEntry } from '../../schema/snapshot.ts';
import type {
  Consent,
  Database,
  Grounds,
  OtherHistory,
  Outcome,
  Plan,
  RestoreConsent,
  Scratch,
  State,
  StoredSchema,
  Surroundings,
} from '../database.ts';
import type { Settings } from '../settings.ts';
import { readPostgresHistory } from './history.ts';
import { type PostgresPlan, planPostgres } from './plan.ts';
import { READER, Sessions } from './sessions.ts';

const OWN_SESSIONS_WAIT_MS = 30_000;
/** Somebody who alters a table and forgets to commit: named after the first, given up on after the second. */
const READ_LIMITS: LockLimits = { lockTimeoutMs: 2_000, retryMs: 30_000 };
const EXECUTION = { transaction: 'PerMigration', lockTimeoutMilliseconds: 5_000, lockRetrySeconds: 60 } as const;

export function openPostgresDatabase(settings: Settings, surroundings: Surroundings): Database {
  return new PostgresDatabase(settings, surroundings, undefined);
}

class PostgresDatabase implements Database {
  readonly dialect = 'PostgreSQL';
  readonly place: string;
  readonly ledgerSchema: string;
  readonly #settings: Settings;
  readonly #surroundings: Surroundings;
  readonly #sessions: Sessions;
  /** Of a scratch database: whose it is. */
  readonly #trial: Trial | undefined;

  constructor(settings: Settings, surroundings: Surroundings, trial: Trial | undefined) {
    this.#trial = trial;
    this.#settings = settings;
    this.#surroundings = surroundings;
    this.#sessions = new Sessions(settings, surroundings);
    this.ledgerSchema = settings.ledgerSchema;
    const { database, hosts } = this.#sessions.settings;
    this.place = `database ${database} on ${hosts.map(({ host, port }) => `${host}:${port}`).join(',')}`;
  }

  state(): Promise<State> {
    return this.#sessions.reading(async reading => {
      const ledger = await this.#sessions.ledger(reading);
      const history = await readPostgresHistory(reading.connection, ledger, this.ledgerSchema);
      const others = ledger.epoch === undefined ? await otherLedgers(reading.connection, this.ledgerSchema) : [];
      return { ledger, ...history, otherLedgers: others };
    });
  }

  plan(source: Source, target: string): Promise<PostgresPlan> {
    return this.#sessions.reading(async reading => {
      const ledger = await this.#sessions.ledger(reading);
      const { appRoles } = this.#settings;
      const place = { ...reading, ledger, ledgerSchema: this.ledgerSchema, appRoles, trial: this.#trial };
      return planPostgres(place, source, target);
    });
  }

  async migrate(source: Source, plan: Plan, consent: Consent): Promise<Outcome> {
    const { target, ledgerDigest, lossDigest, parsed } = plan as PostgresPlan;
    const attempt = await this.#nextAttempt(consent);
    const { migrateDatabase } = await import('../../engine/migrate.ts');
    const outcome = await migrateDatabase(
      {
        attempt,
        source,
        from: plan.from,
        to: target,
        ledgerDigest,
        parsed,
        execution: EXECUTION,
        strategy: 'None',
        appRoles: this.#settings.appRoles,
        applicationSessions: undefined,
        direction: plan.direction === 'Down' ? 'Down' : 'Up',
        ...(lossDigest === undefined ? {} : { confirmedLoss: lossDigest }),
        ...(this.#trial === undefined ? {} : { trial: this.#trial }),
      },
      this.#sessions.engineFor(attempt),
    );
    const versions = plan.versions.slice(0, outcome.appliedNow + outcome.revertedNow);
    for (const version of versions) consent.done?.(version);
    if (outcome.error !== undefined) throw outcome.error;
    return { version: outcome.ledger?.version ?? null, versions, notes: outcome.notes };
  }

  grantApplication(roles: Plan['ungranted']): Promise<void> {
    return this.#sessions.reading(({ connection }) => grantRoles(connection, this.ledgerSchema, roles));
  }

  async #nextAttempt({ adopts }: Consent) {
    const { waitForOwnSessions } = await import('./own-sessions.ts');
    return this.#sessions.reading(async reading => {
      const waiting = { ...this.#sessions.engine(READER), fenceWaitMs: OWN_SESSIONS_WAIT_MS };
      await waitForOwnSessions(reading.connection, this.#sessions.owner, waiting);
      return this.#sessions.attempt(await this.#sessions.ledger(reading), adopts);
    });
  }

  adoptable(): Promise<'Something' | 'Nothing'> {
    return this.#sessions.reading(async reading => {
      const isMade = await hasLedger(reading.connection, this.ledgerSchema);
      if (!isMade) await assertOnlyLedger(reading.connection, this.ledgerSchema);
      const entries = await this.#sessions.snapshot(reading, READ_LIMITS);
      return entries.some(isMadeByMigrations) ? 'Something' : 'Nothing';
    });
  }

  async baseline(source: Source, version: string, { history, onTopOf }: Grounds, consent: Consent): Promise<Outcome> {
    const attempt = await this.#nextAttempt(consent);
    const { appRoles } = this.#settings;
    const [{ baselineDatabase }, { snapshotDigest }] = await Promise.all([
      import('../../engine/baseline.ts'),
      import('../../schema/snapshot.ts'),
    ]);
    const proven =
      onTopOf === undefined ? undefined : { version: onTopOf.version, snapshotDigest: snapshotDigest(onTopOf.entries) };
    await baselineDatabase(
      { attempt, source, version, imported: history, appRoles, onTopOf: proven },
      this.#sessions.engineFor(attempt),
    );
    const index = source.migrations.findIndex(migration => migration.version === version);
    return { version, versions: source.migrations.slice(0, index + 1).map(one => one.version), notes: [] };
  }

  async otherHistory(source: Source, tool: ToolName | 'auto', version: string | undefined): Promise<OtherHistory> {
    const [{ readHistory }, { postgresHistories }] = await Promise.all([
      import('../../engine/histories/history.ts'),
      import('../../engine/histories/postgres.ts'),
    ]);
    return this.#sessions.reading(({ connection }) =>
      readHistory(postgresHistories(connection), source, tool, version),
    );
  }

  async historyTables() {
    const [{ historyTables }, { postgresHistories }] = await Promise.all([
      import('../../engine/histories/history.ts'),
      import('../../engine/histories/postgres.ts'),
    ]);
    return this.#sessions.reading(({ connection }) => historyTables(postgresHistories(connection)));
  }

  currentVersion(): Promise<string | null> {
    return this.#sessions.plain(async connection => {
      try {
        const [row] = await connection.query(`SELECT ${quoted(this.ledgerSchema)}.current_version() AS version`);
        return row?.version ?? null;
      } catch (error) {
        // No ledger yet: its first migration makes it, and grants this function.
        if (error instanceof QueryError && ['42883', '3F000'].includes(error.sqlstate)) return null;
        if (error instanceof QueryError && error.sqlstate === '42501') throw this.#mayNotAsk(error);
        throw error;
      }
    });
  }

  /** For who migrates from elsewhere than this folder: the statements, too. */
  #mayNotAsk({ message, sqlstate }: QueryError) {
    const grants = grantsOf(this.ledgerSchema, this.#sessions.settings.user).join('; ');
    return failure(
      'RightMissing',
      {
        role: this.#sessions.settings.user,
        right: `to call current_version() of the ledger in schema ${this.ledgerSchema} (${message})`,
        remedy: `Name it under appRoles in migrate.yaml, which the next upgrade grants it by, or grant it now as the ledger's owner: ${grants}.`,
      },
      { sqlstate },
    );
  }

  schema(): Promise<StoredSchema> {
    return this.#sessions.reading(async reading => {
      const { version } = await this.#sessions.ledger(reading);
      const entries = await this.#sessions.snapshot(reading, READ_LIMITS);
      return { version, entries, serverVersionNumber: reading.server.versionNumber };
    });
  }

  async storedSchema(): Promise<StoredSchema | undefined> {
    const { readStoredSnapshot } = await import('../../engine/ledger/stored-snapshot.ts');
    return this.#sessions.reading(({ connection }) => readStoredSnapshot(connection, this.ledgerSchema));
  }

  async compare(before: StoredSchema, after: StoredSchema) {
    const { compareSnapshots } = await import('../../schema/difference.ts');
    return compareSnapshots(before, after).differences;
  }

  async writeDifference(before: StoredSchema) {
    const { postgresDifference } = await import('./difference.ts');
    return postgresDifference(this.#sessions, before, this.ledgerSchema, READ_LIMITS);
  }

  async verifyAudit() {
    const { verifyAudit } = await import('../../engine/ledger/verify-audit.ts');
    return this.#sessions.reading(async ({ connection }) => verifyAudit(connection, this.ledgerSchema));
  }

  async model() {
    const { readPostgresModel } = await import('../../schema/erd/postgres.ts');
    return this.#sessions.reading(({ connection }) => readPostgresModel(connection, this.ledgerSchema));
  }

  async scratch(content: 'Empty' | 'Copy', server: 'Shared' | 'Disposable'): Promise<Scratch> {
    const { makeScratch } = await import('./scratch.ts');
    const made = await makeScratch(this.#sessions, content, this.#surroundings);
    const url = withDatabase(this.#settings.url ?? '', made.name);
    const trial = { of: this.#sessions.settings.database, server };
    return {
      database: new PostgresDatabase({ ...this.#settings, url }, this.#surroundings, trial),
      remove: made.remove,
    };
  }

  async backup(directory: string) {
    const { backupPostgres } = await import('./backup.ts');
    return backupPostgres(this.#sessions, directory, this.#surroundings);
  }

  async inspectBackup(directory: string) {
    const { inspectPostgresBackup } = await import('./backup.ts');
    return inspectPostgresBackup(directory, this.ledgerSchema);
  }

  async restore(directory: string, consent: RestoreConsent) {
    const { restorePostgres } = await import('./restore.ts');
    return restorePostgres(this.#sessions, directory, consent, this.#surroundings);
  }

  async close(): Promise<void> {}
}

/** What a database has from its making is no sign of a migration; roles are the server's, and not seen here. */
function isMadeByMigrations({ kind, name }: SnapshotEntry): boolean {
  return (
    !['default privileges', 'comment'].includes(kind) &&
    !['schema public', 'extension plpgsql'].includes(`${kind} ${name}`)
  );
}

/** The same URL for another database of the server. */
function withDatabase(url: string, database: string): string {
  const [, head = '', query = ''] = /^([^?]*)(\?.*)?$/.exec(url) ?? [];
  const root = /^[a-z]+:\/\/[^/]*/i.exec(head)?.[0] ?? head;
  const rest = query.replace(/([?&])dbname=[^&]*/g, '$1').replace(/[?&]+$/, '');
  return `${root}/${encodeURIComponent(database)}${rest}`;
}
