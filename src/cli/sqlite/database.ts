// A SQLite file as the commands see it. A connection is opened for each thing that is asked, so that nothing is locked
// while a person reads a question. Reading never makes a file.
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join, relative } from 'node:path';
import { openSqlite, type SqliteOptions } from '../../database/sqlite.ts';
import { failure } from '../../engine/errors.ts';
import type { HistoryPlace } from '../../engine/histories/place.ts';
import type { ToolName } from '../../engine/histories/tools.ts';
import { EMPTY_LEDGER } from '../../engine/ledger/ledger.ts';
import type { Source } from '../../engine/source/files.ts';
import { baselineSqlite } from '../../engine/sqlite/baseline.ts';
import type { SqliteConnection } from '../../engine/sqlite/connection.ts';
import {
  readSqliteLedger,
  readSqliteStoredSnapshot,
  type SqliteLedger,
  verifySqliteAudit,
} from '../../engine/sqlite/ledger.ts';
import { foreseen } from '../../engine/sqlite/lock.ts';
import { applySqlite, repeatSqlite, revertSqlite, type SqliteWork } from '../../engine/sqlite/migrate.ts';
import { readSqliteModel } from '../../engine/sqlite/model.ts';
import { readSqliteSnapshot } from '../../engine/sqlite/snapshot.ts';
import { compareSnapshots } from '../../schema/difference.ts';
import { proveBackupPlace } from '../backup-place.ts';
import type {
  AppliedVersion,
  Consent,
  Database,
  Grounds,
  OtherHistory,
  Outcome,
  Plan,
  Scratch,
  State,
  StoredSchema,
  Surroundings,
} from '../database.ts';
import { UsageError } from '../failure.ts';
import type { Settings } from '../settings.ts';
import { duration } from '../terminal.ts';
import { backupSqlite, inspectSqliteBackup } from './backup.ts';
import { type FilePlace, lookAtFile, openingMistake } from './file.ts';
import { planSqlite, type SqlitePlace, sqliteReversals } from './plan.ts';

const LOCK_WAIT_MS = 30_000;
const STATEMENT_WAIT_MS = 5_000;

export function openSqliteDatabase(path: string, settings: Settings, surroundings: Surroundings): Database {
  return new SqliteDatabase(path, settings, surroundings);
}

class SqliteDatabase implements Database {
  readonly dialect = 'SQLite';
  readonly ledgerSchema = 'main';
  readonly place: string;
  readonly #path: string;
  readonly #settings: Settings;
  readonly #surroundings: Surroundings;

  constructor(path: string, settings: Settings, surroundings: Surroundings) {
    this.#path = path;
    this.#settings = settings;
    this.#surroundings = surroundings;
    const near = relative(settings.directory, path);
    this.place = near.startsWith('..') ? path : near;
  }

  #open(mode: SqliteOptions['mode'] = 'Create'): SqliteConnection {
    this.#lookAtFile();
    try {
      return openSqlite(this.#path, { mode, busyTimeoutMs: STATEMENT_WAIT_MS });
    } catch (error) {
      throw openingMistake(error, mode, this.#file()) ?? foreseen(error, this.#path);
    }
  }

  #file(): FilePlace {
    return { path: this.#path, place: this.place, urlVariable: this.#settings.urlVariable };
  }

  #lookAtFile() {
    return lookAtFile(this.#file());
  }

  /** Reads; where there is no file yet, answers what an empty one would. */
  #read<T>(whenMissing: T, read: (connection: SqliteConnection) => T): T {
    if (this.#lookAtFile() === 'NotYet') return whenMissing;
    const connection = this.#open('ReadOnly');
    try {
      return read(connection);
    } catch (error) {
      throw foreseen(error, this.#path);
    } finally {
      connection.close();
    }
  }

  #ledger(): SqliteLedger {
    return this.#read<SqliteLedger>({ ...EMPTY_LEDGER, applied: [], repeatables: [] }, readSqliteLedger);
  }

  async state(): Promise<State> {
    const ledger = this.#ledger();
    return { ledger, applied: ledger.applied.map(shown), repeatables: ledger.repeatables.map(shown), otherLedgers: [] };
  }

  async plan(source: Source, target: string): Promise<Plan> {
    return planSqlite(this.#place(), source, target);
  }

  #place(): SqlitePlace {
    return { ledger: this.#ledger(), read: (whenMissing, read) => this.#read(whenMissing, read) };
  }

  async migrate(source: Source, plan: Plan, _consent: Consent): Promise<Outcome> {
    const done: string[] = [];
    const work = this.#work(done);
    this.#surroundings.letSignalsEnd();
    const wanted = new Set(plan.versions);
    const repeatables = source.repeatables.filter(one => wanted.has(one.version));
    if (plan.direction === 'Up') {
      await applySqlite(
        work,
        source.migrations.filter(migration => wanted.has(migration.version)),
      );
    } else if (plan.direction === 'Down') {
      const place = this.#place();
      const reversals = sqliteReversals(place, source, plan.to);
      // What was not shown is not taken back, although it may have been applied since.
      const names = [...reversals, ...repeatables].map(one => one.version);
      if (names.join() !== plan.versions.join()) {
        throw failure('PlanOutdated', {
          what: 'the version of the database',
          planned: plan.from ?? 'empty',
          found: place.ledger.version ?? 'empty',
        });
      }
      await revertSqlite(work, reversals, plan.losses);
    }
    await repeatSqlite(work, repeatables, plan.to);
    return { version: this.#ledger().version, versions: done, notes: [] };
  }

  async adoptable() {
    this.#assertThere();
    return this.#read([], readSqliteSnapshot).length === 0 ? 'Nothing' : 'Something';
  }

  async baseline(source: Source, version: string, { history, onTopOf }: Grounds, _consent: Consent): Promise<Outcome> {
    const index = source.migrations.findIndex(migration => migration.version === version);
    const upTo = source.migrations.slice(0, index + 1);
    const noted = new Set(this.#ledger().applied.map(row => row.version));
    const above = upTo.filter(migration => !noted.has(migration.version));
    await baselineSqlite(this.#work([]), above, { imported: history, onTopOf });
    return { version, versions: upTo.map(migration => migration.version), notes: [] };
  }

  async otherHistory(source: Source, tool: ToolName | 'auto', version: string | undefined): Promise<OtherHistory> {
    this.#assertThere();
    const { readHistory } = await import('../../engine/histories/history.ts');
    return this.#histories(place => readHistory(place, source, tool, version));
  }

  async historyTables() {
    if (this.#lookAtFile() === 'NotYet') return [];
    const { historyTables } = await import('../../engine/histories/history.ts');
    return this.#histories(historyTables);
  }

  async #histories<T>(read: (place: HistoryPlace) => Promise<T>): Promise<T> {
    const { sqliteHistories } = await import('../../engine/histories/sqlite.ts');
    const connection = this.#open('ReadOnly');
    try {
      return await read(sqliteHistories(connection));
    } catch (error) {
      throw foreseen(error, this.#path);
    } finally {
      connection.close();
    }
  }

  #work(done: string[]): SqliteWork {
    const { terminal, signal } = this.#surroundings;
    return {
      connect: () => this.#open(),
      by: `${userInfo().username}@${hostname()}`,
      signal,
      lockWaitMs: LOCK_WAIT_MS,
      log: line => terminal.say(terminal.noted('dim', `  ${line}`)),
      progress: ({ version, state, ms }) => {
        if (state === 'Begun') return;
        if (state === 'Done') done.push(version);
        terminal.say(
          state === 'Done' ? `  ${version}  ${duration(ms)}` : `  ${version}  was applied by another process meanwhile`,
        );
      },
    };
  }

  async currentVersion(): Promise<string | null> {
    return this.#ledger().version;
  }

  async schema(): Promise<StoredSchema> {
    const entries = this.#read([], readSqliteSnapshot);
    return { version: this.#ledger().version, entries, serverVersionNumber: 0 };
  }

  async storedSchema(): Promise<StoredSchema | undefined> {
    const stored = this.#read(undefined, readSqliteStoredSnapshot);
    return stored === undefined ? undefined : { ...stored, serverVersionNumber: 0 };
  }

  async compare(before: StoredSchema, after: StoredSchema) {
    return compareSnapshots({ entries: before.entries }, { entries: after.entries }).differences;
  }

  async writeDifference(before: StoredSchema, source: Source | undefined) {
    this.#assertThere();
    const { sqliteDifference } = await import('./difference.ts');
    return sqliteDifference(() => this.#open('ReadOnly'), before, source, this.#surroundings.signal);
  }

  async verifyAudit() {
    return this.#read({ rows: 0, head: null, problems: [] }, verifySqliteAudit);
  }

  async model() {
    return this.#read({ tables: [], references: [] }, readSqliteModel);
  }

  /** A file shares nothing with any server. */
  async scratch(content: 'Empty' | 'Copy', _server: 'Shared' | 'Disposable'): Promise<Scratch> {
    const directory = mkdtempSync(join(tmpdir(), 'migrate-scratch-'));
    const path = join(directory, 'scratch.db');
    const remove = async () => rmSync(directory, { recursive: true, force: true });
    try {
      if (content === 'Copy') await this.#copyTo(path);
    } catch (error) {
      await remove();
      throw error;
    }
    // Here a signal is heard between statements, so that the scratch file is removed.
    const surroundings = { ...this.#surroundings, letSignalsEnd: () => {} };
    return { database: new SqliteDatabase(path, this.#settings, surroundings), remove };
  }

  async #copyTo(path: string): Promise<void> {
    this.#assertThere();
    const connection = this.#open('ReadOnly');
    try {
      await connection.copyTo(path);
    } catch (error) {
      throw foreseen(error, this.#path);
    } finally {
      connection.close();
    }
  }

  #assertThere(): void {
    if (this.#lookAtFile() === 'There') return;
    throw new UsageError(
      `${this.place} is not there. Make it with migrate upgrade, or correct ${this.#settings.urlVariable}.`,
    );
  }

  async backup(directory: string) {
    this.#assertThere();
    await proveBackupPlace(directory);
    try {
      return await backupSqlite(this.#open('ReadOnly'), directory);
    } catch (error) {
      throw foreseen(error, this.#path);
    }
  }

  async inspectBackup(directory: string) {
    return inspectSqliteBackup(directory);
  }

  async restore(directory: string) {
    const { restoreSqlite } = await import('./restore.ts');
    try {
      return await restoreSqlite(this.#path, directory, `${userInfo().username}@${hostname()}`);
    } catch (error) {
      throw foreseen(error, this.#path);
    }
  }

  async close(): Promise<void> {}
}

function shown(row: SqliteLedger['applied' | 'repeatables'][number]): AppliedVersion {
  return {
    version: row.version,
    origin: row.origin,
    appliedBy: row.appliedBy,
    appliedAt: row.finishedAt,
    milliseconds: Date.parse(row.finishedAt) - Date.parse(row.startedAt),
  };
}
