// What the SQLite engine needs of a connection, and the one way in which it fails. `src/database/sqlite.ts` implements it
// with Node's own SQLite. Calls are synchronous, as SQLite is. Never import a driver here.

/** A value of a column; integers beyond 2^53 do not occur in what we read. */
export type SqliteValue = string | number | null;
export type SqliteRow = Readonly<Record<string, SqliteValue>>;

export interface SqliteConnection {
  /** Path of the file. */
  readonly path: string;
  /** Whether a transaction is open. */
  readonly isInTransaction: boolean;
  /** Runs one or more statements and drops their rows. */
  execute(sql: string): void;
  /** Runs one statement and answers its rows. */
  query(sql: string, values?: readonly SqliteValue[]): readonly SqliteRow[];
  /**
   * Copies the whole database, as of one moment, to another file, replacing what is in it under its locks and in one
   * transaction of its own. Does not wait for a lock: that is the caller's to do. Throws SqliteFailure and Interrupted.
   */
  copyTo(path: string, signal: AbortSignal | undefined): Promise<void>;
  close(): void;
}

/** Opens one more connection to the same file. */
export type SqliteConnect = () => SqliteConnection;

/** SQLite answered with an error. */
export class SqliteFailure extends Error {
  override readonly name = 'SqliteFailure';
  /** The primary result code: https://www.sqlite.org/rescode.html */
  readonly code: number;
  /** As SQLite gave it; the primary one is its lowest byte. */
  readonly extendedCode: number;
  /** Of the file that it is about; of a copy, the one of the two that could not be read or written. */
  readonly path: string;
  constructor(extendedCode: number, message: string, path: string, options?: ErrorOptions) {
    super(message, options);
    this.code = extendedCode & 0xff;
    this.extendedCode = extendedCode;
    this.path = path;
  }
}

export const RESULT = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
} as const;

/** Whether somebody else's transaction stood in the way. */
export function isBusy(error: unknown): boolean {
  return error instanceof SqliteFailure && (error.code === RESULT.busy || error.code === RESULT.locked);
}

/** Quotes an identifier as SQLite reads it back. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
