// What refers to nothing in a SQLite file, before and after a migration that ran with foreign keys off: only what has come anew
// fails it. SQLite takes a foreign key that fits no key of its target (a "mismatch") when it is made, and checks no table that has
// one, so that each table is asked for by itself. Counts, never rows. Called by migrate.ts.
import { failure } from '../errors.ts';
import { type SqliteConnection, SqliteFailure } from './connection.ts';
import type { SqliteFile } from './statements.ts';
import { isTrouble } from './trouble.ts';

export interface DanglingReferences {
  /** Rows by table and target; none of a table that cannot be checked. */
  readonly rows: ReadonlyMap<string, number>;
  /** What SQLite says of the tables that it cannot check, by table. */
  readonly mismatches: ReadonlyMap<string, string>;
}

export const NONE_DANGLING: DanglingReferences = { rows: new Map(), mismatches: new Map() };

/** https://www.sqlite.org/foreignkeys.html#fk_indexes tells what does not fit. */
export function danglingReferences(connection: SqliteConnection): DanglingReferences {
  const referring = connection.query(
    "SELECT name FROM sqlite_schema t WHERE type = 'table' AND EXISTS (SELECT 1 FROM pragma_foreign_key_list(t.name))",
  );
  const rows = new Map<string, number>();
  const mismatches = new Map<string, string>();
  for (const { name } of referring) {
    const table = String(name);
    try {
      const found = connection.query('SELECT parent, count(*) AS rows FROM pragma_foreign_key_check(?) GROUP BY 1', [
        table,
      ]);
      for (const row of found) rows.set(`${table} to ${row.parent}`, Number(row.rows));
    } catch (error) {
      if (!(error instanceof SqliteFailure) || isTrouble(error)) throw error;
      mismatches.set(table, error.message);
    }
  }
  return { rows, mismatches };
}

/** Throws MigrationFailed. */
export function assertNoneNew(
  version: string,
  file: SqliteFile,
  before: DanglingReferences,
  after: DanglingReferences,
): void {
  const failed = (reason: string) => failure('MigrationFailed', { where: file.file, reason }, { migration: version });
  for (const [table, reason] of after.mismatches) if (!before.mismatches.has(table)) throw failed(reason);
  for (const [reference, rows] of after.rows) {
    if (rows <= (before.rows.get(reference) ?? 0)) continue;
    throw failed(`it leaves ${rows} ${rows === 1 ? 'row' : 'rows'} that refer from ${reference}, where nothing is`);
  }
}
