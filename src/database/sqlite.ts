// The only importer of node:sqlite: opens a file and turns its failures into the engine's one (SqliteFailure). A waiting
// writer is waited for; how long the lock of a migration is waited for is the engine's own business.
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { backup, DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { assertNotInterrupted } from '../engine/pace.ts';
import {
  RESULT,
  type SqliteConnect,
  type SqliteConnection,
  SqliteFailure,
  type SqliteRow,
  type SqliteValue,
} from '../engine/sqlite/connection.ts';
import { realPathOf } from '../engine/sqlite/real-path.ts';

/** A copy is made in steps of so many pages; between them the file is free, and a signal is heard. */
const PAGES_PER_STEP = 500;
/** After how long without a page a lock in the middle of a copy is told, as one at its beginning is at once. */
const STALLED_MS = 1_000;

export interface SqliteOptions {
  /**
   * `Create`: a file that is not there is made. `Existing`: it must be there. `ReadOnly`: and is never written, but that what
   * a killed process left half done is rolled back first: SQLite cannot read the file before. `Immutable`: nobody writes it;
   * no journal or log beside it is read or made, so that it may be in WAL mode in a directory that cannot be written.
   */
  readonly mode: 'Create' | 'Existing' | 'ReadOnly' | 'Immutable';
  /** How long a statement waits for somebody else's lock. */
  readonly busyTimeoutMs: number;
}

/** Opens a database file. Throws SqliteFailure. */
export function openSqlite(path: string, options: SqliteOptions): SqliteConnection {
  return guarded(path, () => {
    if (options.mode === 'ReadOnly') rollBackLeftovers(path, options);
    return new NodeSqliteConnection(connect(path, options), path);
  });
}

/**
 * One more connection each time to the same new database in memory, which is gone with the last of them. By a name that begins
 * with a slash they share nothing else, no cache and no setting: https://www.sqlite.org/releaselog/3_36_0.html
 */
export function sqliteInMemory(): SqliteConnect {
  const url = new URL(`file:///${randomUUID()}?vfs=memdb`);
  return () =>
    guarded(MEMORY, () => new NodeSqliteConnection(connect(url, { mode: 'Create', busyTimeoutMs: 0 }), MEMORY));
}

const MEMORY = ':memory:';

function connect(path: string | URL, { mode, busyTimeoutMs }: SqliteOptions): DatabaseSync {
  return new DatabaseSync(mode === 'Immutable' ? immutable(String(path)) : path, {
    readOnly: mode === 'ReadOnly' || mode === 'Immutable',
    timeout: busyTimeoutMs,
    enableForeignKeyConstraints: true,
    enableDoubleQuotedStringLiterals: true,
  });
}

/** https://www.sqlite.org/uri.html#uriimmutable */
function immutable(path: string): URL {
  const url = pathToFileURL(path);
  url.searchParams.set('immutable', '1');
  return url;
}

/** A journal beside the file is "hot" when its writer is gone. Whoever opens to write rolls it back: https://sqlite.org/lockingv3.html */
function rollBackLeftovers(path: string, options: SqliteOptions): void {
  if (!hasJournal(path)) return;
  const database = connect(path, { ...options, mode: 'Existing' });
  try {
    // Any read looks for a hot journal; one whose writer lives is left alone.
    database.prepare('PRAGMA schema_version').get();
  } finally {
    database.close();
  }
}

/** Whether a journal stands beside the file, hot or not: beside what a link leads to, where SQLite makes it. */
export function hasJournal(path: string): boolean {
  return existsSync(`${realPathOf(path)}-journal`);
}

class NodeSqliteConnection implements SqliteConnection {
  readonly #database: DatabaseSync;
  readonly path: string;

  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.path = path;
  }

  get isInTransaction(): boolean {
    return this.#database.isTransaction;
  }

  execute(sql: string): void {
    guarded(this.path, () => this.#database.exec(sql));
  }

  query(sql: string, values: readonly SqliteValue[] = []): readonly SqliteRow[] {
    return guarded(
      this.path,
      () => this.#database.prepare(sql).all(...(values as SQLInputValue[])) as unknown as SqliteRow[],
    );
  }

  async copyTo(path: string, signal: AbortSignal | undefined): Promise<void> {
    assertNotInterrupted(signal, COPYING);
    let [left, since] = [-1, performance.now()];
    const progress = ({ remainingPages }: { readonly remainingPages: number }) => {
      assertNotInterrupted(signal, COPYING);
      if (remainingPages !== left) [left, since] = [remainingPages, performance.now()];
      // Node asks again without end while somebody holds a lock.
      else if (performance.now() - since > STALLED_MS) throw new SqliteFailure(RESULT.busy, LOCKED, this.path);
    };
    try {
      await backup(this.#database, path, { rate: PAGES_PER_STEP, progress });
    } catch (error) {
      throw copyFailure(error, this.path, path);
    }
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

const COPYING = 'while the database was copied';
const LOCKED = 'database is locked';

function guarded<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw translated(error, path);
  }
}

function translated(error: unknown, path: string): unknown {
  const { code, errcode, message } = error as { code?: string; errcode?: number; message: string };
  if (code !== 'ERR_SQLITE_ERROR') return error;
  return new SqliteFailure(errcode ?? 1, message, path, { cause: error });
}

/** Extended codes of what only reads: https://www.sqlite.org/rescode.html#ioerr_read and the next */
const READING: readonly number[] = [266, 522];

/** Which of the two files it is about: only the one is written. */
function copyFailure(error: unknown, from: string, to: string): unknown {
  const failed = translated(error, to);
  if (!(failed instanceof SqliteFailure) || failed === error) return failed;
  // How Node tells of a lock that somebody else holds, on either.
  if (failed.code === 0) return new SqliteFailure(RESULT.busy, LOCKED, from, { cause: error });
  const isOfSource =
    READING.includes(failed.extendedCode) || [RESULT.corrupt, RESULT.notADatabase].some(c => c === failed.code);
  return isOfSource ? new SqliteFailure(failed.extendedCode, failed.message, from, { cause: error }) : failed;
}
