// A SQLite file as the commands see it. A connection is opened for each thing that is asked, so that nothing is locked
// while a person reads a question.
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { failure } from '../../engine/errors.ts';
import type { HistoryPlace } from '../../engine/histories/place.ts';
import type { ToolName } from '../../engine/histories/tools.ts';
import { EMPTY_LEDGER } from '../../engine/ledger/ledger.ts';
import type { Source } from '../../engine/source/files.ts';
import { baselineSqlite } from '../../engine/sqlite/baseline.ts';
import { readSqliteLedger, readSqliteStoredSnapshot, type SqliteLedger } from '../../engine/sqlite/ledger.ts';
import { applySqlite, repeatSqlite, revertSqlite, type SqliteWork } from '../../engine/sqlite/migrate.ts';
import { readSqliteModel } from '../../engine/sqlite/model.ts';
import { readSqliteSnapshot } from '../../engine/sqlite/snapshot.ts';
import { verifySqliteAudit } from '../../engine/sqlite/verify-audit.ts';
import { compareSnapshots } from '../../schema/difference.ts';
import { proveBackupPlace } from '../backup-place.ts';
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
import { backupSqlite, inspectSqliteBackup } from './backup.ts';
import { assertNotWithin, lookAtFile, restoredPlace } from './file.ts';
import { shown } from './history.ts';
import { planSqlite, type SqlitePlace, sqliteReversals } from './plan.ts';
import { progressTo } from './progress.ts';
import { makeScratchDirectory, removeLeftovers } from './scratch.ts';
import { SqliteSessions } from './sessions.ts';

/** Of `wait`, which asks again. */
const LOOK_WAIT_MS = 500;

export function openSqliteDatabase(path: string, settings: Settings, surroundings: Surroundings): Database {
  return new SqliteDatabase(path, settings, surroundings);
}

class SqliteDatabase implements Database {
  readonly dialect = 'SQLite';
  readonly ledgerSchema = 'main';
  readonly place: string;
  readonly #sessions: SqliteSessions;
  readonly #settings: Settings;
  readonly #surroundings: Surroundings;

  constructor(path: string, settings: Settings, surroundings: Surroundings) {
    this.#settings = settings;
    this.#surroundings = surroundings;
    const near = relative(settings.directory, path);
    this.place = near === '' || near.startsWith('..') ? path : near;
    this.#sessions = new SqliteSessions({ path, place: this.place, urlVariable: settings.urlVariable }, surroundings);
  }

  #ledger(waitMs?: number): Promise<SqliteLedger> {
    return this.#sessions.read<SqliteLedger>(
      { ...EMPTY_LEDGER, applied: [], repeatables: [] },
      readSqliteLedger,
      waitMs,
    );
  }

  async state(): Promise<State> {
    const ledger = await this.#ledger();
    return { ledger, applied: ledger.applied.map(shown), repeatables: ledger.repeatables.map(shown), otherLedgers: [] };
  }

  async plan(source: Source, target: string): Promise<Plan> {
    return planSqlite(await this.#place(), source, target);
  }

  async #place(): Promise<SqlitePlace> {
    return { ledger: await this.#ledger(), read: (whenMissing, read) => this.#sessions.read(whenMissing, read) };
  }

  async migrate(source: Source, plan: Plan, { done: told }: Consent): Promise<Outcome> {
    const done: string[] = [];
    const work = this.#work(version => {
      done.push(version);
      told?.(version);
    }, this.#fileOf(plan));
    this.#surroundings.letSignalsEnd();
    const wanted = new Set(plan.versions);
    const repeatables = source.repeatables.filter(one => wanted.has(one.version));
    if (plan.direction === 'Up') {
      await applySqlite(
        work,
        source.migrations.filter(migration => wanted.has(migration.version)),
        plan,
      );
    } else if (plan.direction === 'Down') {
      const place = await this.#place();
      const reversals = await sqliteReversals(place, source, plan.to);
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
    return { version: (await this.#ledger()).version, versions: done, notes: [] };
  }

  /** A file has no roles. */
  async grantApplication(): Promise<void> {}

  async adoptable() {
    return (await this.#sessions.reading(readSqliteSnapshot)).length === 0 ? 'Nothing' : 'Something';
  }

  async baseline(source: Source, version: string, { history, onTopOf }: Grounds, _consent: Consent): Promise<Outcome> {
    const index = source.migrations.findIndex(migration => migration.version === version);
    const upTo = source.migrations.slice(0, index + 1);
    const noted = new Set((await this.#ledger()).applied.map(row => row.version));
    const above = upTo.filter(migration => !noted.has(migration.version));
    await baselineSqlite(
      this.#work(() => {}, 'Create'),
      above,
      { imported: history, onTopOf },
    );
    return { version, versions: upTo.map(migration => migration.version), notes: [] };
  }

  async otherHistory(source: Source, tool: ToolName | 'auto', version: string | undefined): Promise<OtherHistory> {
    this.#sessions.assertThere();
    const { readHistory } = await import('../../engine/histories/history.ts');
    return this.#histories(place => readHistory(place, source, tool, version));
  }

  async historyTables() {
    if (lookAtFile(this.#sessions.file) === 'NotYet') return [];
    const { historyTables } = await import('../../engine/histories/history.ts');
    return this.#histories(historyTables);
  }

  async #histories<T>(read: (place: HistoryPlace) => Promise<T>): Promise<T> {
    const { sqliteHistories } = await import('../../engine/histories/sqlite.ts');
    return this.#sessions.reading(connection => read(sqliteHistories(connection)));
  }

  /** A file that has gone since is not made anew. */
  #fileOf({ from }: Plan): 'Create' | 'Existing' {
    if (from !== null) this.#sessions.assertThere();
    return from === null ? 'Create' : 'Existing';
  }

  #work(done: (version: string) => void, mode: 'Create' | 'Existing'): SqliteWork {
    return {
      ...this.#sessions.patience(),
      connect: () => this.#sessions.open(mode),
      by: this.#sessions.by,
      progress: progressTo(this.#surroundings.terminal, done),
    };
  }

  async currentVersion(): Promise<string | null> {
    return (await this.#ledger(LOOK_WAIT_MS)).version;
  }

  async schema(): Promise<StoredSchema> {
    const entries = await this.#sessions.reading(readSqliteSnapshot);
    return { version: (await this.#ledger()).version, entries, serverVersionNumber: 0 };
  }

  async storedSchema(): Promise<StoredSchema | undefined> {
    const stored = await this.#sessions.read(undefined, readSqliteStoredSnapshot);
    return stored === undefined ? undefined : { ...stored, serverVersionNumber: 0 };
  }

  async compare(before: StoredSchema, after: StoredSchema) {
    return compareSnapshots({ entries: before.entries }, { entries: after.entries }).differences;
  }

  async writeDifference(before: StoredSchema, source: Source | undefined) {
    this.#sessions.assertThere();
    const { sqliteDifference } = await import('./difference.ts');
    return sqliteDifference(() => this.#sessions.open('ReadOnly'), before, source, this.#surroundings.signal);
  }

  async verifyAudit() {
    return this.#sessions.read({ rows: 0, head: null, problems: [] }, verifySqliteAudit);
  }

  async model() {
    return this.#sessions.reading(readSqliteModel);
  }

  /** A file shares nothing with any server. */
  async scratch(content: 'Empty' | 'Copy', _server: 'Shared' | 'Disposable'): Promise<Scratch> {
    removeLeftovers(this.#surroundings.terminal);
    const directory = makeScratchDirectory();
    const path = join(directory.path, 'scratch.db');
    try {
      if (content === 'Copy') await this.#copyTo(path);
      // An empty file is an empty database, one that is not there a mistake.
      else writeFileSync(path, '', { flag: 'wx' });
    } catch (error) {
      directory.release();
      throw error;
    }
    // Here a signal is heard between statements, so that the scratch file is removed.
    const surroundings = { ...this.#surroundings, letSignalsEnd: () => {} };
    const database = new SqliteDatabase(path, this.#settings, surroundings);
    return { database, remove: async () => directory.release() };
  }

  #copyTo(path: string): Promise<void> {
    return this.#sessions.reading(connection => connection.copyTo(path, this.#surroundings.signal));
  }

  async backup(directory: string) {
    this.#sessions.assertThere();
    const { terminal, signal } = this.#surroundings;
    await proveBackupPlace(directory, terminal);
    try {
      return await backupSqlite(
        { path: this.#sessions.file.path, copyTo: copy => this.#copyTo(copy) },
        directory,
        signal,
      );
    } catch (error) {
      throw this.#sessions.told(error, 'Reading');
    }
  }

  async inspectBackup(directory: string) {
    restoredPlace(this.#sessions.file);
    const found = await inspectSqliteBackup(directory);
    assertNotWithin(directory, this.#sessions.file);
    return found;
  }

  async restore(directory: string, { digest }: RestoreConsent) {
    const { restoreSqlite } = await import('./restore.ts');
    const who = { by: this.#sessions.by, patience: this.#sessions.patience(), terminal: this.#surroundings.terminal };
    try {
      return await restoreSqlite(this.#sessions.file, { directory, shown: digest }, who);
    } catch (error) {
      throw this.#sessions.told(error, 'Writing');
    }
  }

  async close(): Promise<void> {}
}
