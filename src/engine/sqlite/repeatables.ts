// What the ledger of a SQLite file knows of repeatable migrations: one table, added by format 2, a row for each with the text
// that ran last. Written in the transaction of the migration itself. Called by ledger.ts and migrate.ts beside this.
import type { ImportedRepeatable } from '../baseline.ts';
import type { AppliedRepeatable } from '../ledger/ledger.ts';
import type { Repeatable } from '../sql/script.ts';
import type { SqliteConnection } from './connection.ts';

export const REPEATABLE_TABLE = `
  CREATE TABLE migrate_repeatable (
    name TEXT PRIMARY KEY, checksum TEXT NOT NULL, origin TEXT NOT NULL, applied_by TEXT NOT NULL, started_at TEXT NOT NULL,
    finished_at TEXT NOT NULL) STRICT;`;

/** One repeatable migration with what only history shows. */
export interface RepeatableRow extends AppliedRepeatable {
  readonly appliedBy: string;
  readonly startedAt: string;
  readonly finishedAt: string;
}

/** In order of their names. The ledger is there, of whatever format. */
export function readSqliteRepeatables(connection: SqliteConnection, format: number): readonly RepeatableRow[] {
  if (format < 2) return [];
  const rows = connection.query(
    'SELECT name, checksum, origin, applied_by, started_at, finished_at FROM migrate_repeatable ORDER BY name',
  );
  return rows.map(row =>
    Object.freeze({
      version: String(row.name),
      checksum: String(row.checksum),
      attempt: 0,
      run: '',
      origin: row.origin === 'imported' ? 'imported' : 'applied',
      appliedBy: String(row.applied_by),
      startedAt: String(row.started_at),
      finishedAt: String(row.finished_at),
    }),
  );
}

export interface RepeatableArrival {
  readonly by: string;
  readonly startedAt: string;
  readonly imported: ImportedRepeatable | undefined;
}

/** The row that says with which text it ran, in the caller's transaction; its audit row is the caller's. */
export function writeSqliteRepeatable(
  connection: SqliteConnection,
  { version, up }: Repeatable,
  { by, startedAt, imported }: RepeatableArrival,
): void {
  const finishedAt = new Date().toISOString();
  connection.query(
    `INSERT INTO migrate_repeatable (name, checksum, origin, applied_by, started_at, finished_at) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, origin = excluded.origin, applied_by = excluded.applied_by,
        started_at = excluded.started_at, finished_at = excluded.finished_at`,
    [
      ...[version, up.checksum, imported === undefined ? 'applied' : 'imported', imported?.appliedBy ?? by],
      ...[imported?.appliedAt ?? startedAt, imported?.appliedAt ?? finishedAt],
    ],
  );
}
