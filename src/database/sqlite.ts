// The only importer of node:sqlite: opens a file and turns its failures into the engine's one (SqliteFailure). A waiting
// writer is waited for; how long the lock of a migration is waited for is the engine's own business.
import { existsSync } from 'node:fs';
import { backup, DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { type SqliteConnection, SqliteFailure, type SqliteRow, type SqliteValue } from '../engine/sqlite/connection.ts';

export interface SqliteOptions {
  /**
   * `Create`: a file that is not there is made. `Existing`: it must be there. `ReadOnly`: and is never written, but that what
   * a killed process left half done is rolled back first: SQLite cannot read the file before.
   */
  readonly mode: 'Create' | 'Existing' | 'ReadOnly';
  /** How long a statement waits for somebody else's lock. */
  readonly busyTimeoutMs: number;
}

/** Opens a database file. Throws SqliteFailure. */
export function openSqlite(path: string, options: SqliteOptions): SqliteConnection {
  return guarded(() => {
    if (options.mode === 'ReadOnly') rollBackLeftovers(path, options);
    return new NodeSqliteConnection(connect(path, options), path);
  });
}

function connect(path: string, { mode, busyTimeoutMs }: SqliteOptions): DatabaseSync {
  return new DatabaseSync(path, {
    readOnly: mode === 'ReadOnly',
    timeout: busyTimeoutMs,
    enableForeignKeyConstraints: true,
    enableDoubleQuotedStringLiterals: true,
  });
}

/** A journal beside the file is "hot" when its writer is gone. Whoever opens to write rolls it back: https://sqlite.org/lockingv3.html */
function rollBackLeftovers(path: string, options: SqliteOptions): void {
  if (!existsSync(`${path}-journal`)) return;
  const database = connect(path, { ...options, mode: 'Existing' });
  try {
    // Any read looks for a hot journal; one whose writer lives is left alone.
    database.prepare('PRAGMA schema_version').get();
  } finally {
    database.close();
  }
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
    guarded(() => this.#database.exec(sql));
  }

  query(sql: string, values: readonly SqliteValue[] = []): readonly SqliteRow[] {
    return guarded(() => this.#database.prepare(sql).all(...(values as SQLInputValue[])) as unknown as SqliteRow[]);
  }

  async copyTo(path: string): Promise<void> {
    try {
      await backup(this.#database, path);
    } catch (error) {
      throw translated(error);
    }
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

function guarded<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw translated(error);
  }
}

function translated(error: unknown): unknown {
  const { code, errcode, message } = error as { code?: string; errcode?: number; message: string };
  if (code !== 'ERR_SQLITE_ERROR') return error;
  // The extended code holds the primary one in its lowest byte.
  return new SqliteFailure((errcode ?? 1) & 0xff, message, { cause: error });
}
