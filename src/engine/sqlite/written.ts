// Proves, as the last thing before COMMIT, that the ledger of a SQLite file has what was written to it. A trigger on its tables
// may have kept a row out or taken it away again, by the audit's row or the snapshot too: the migration would run twice. Reads
// only. Called by migrate.ts and baseline.ts.
import { type EngineError, failure } from '../errors.ts';
import type { AuditHead } from './audit.ts';
import type { SqliteConnection, SqliteValue } from './connection.ts';

/** What was written of one migration. */
export interface Written {
  readonly version: string;
  /** The script that ran, for messages. */
  readonly file: string;
  /** A condition that holds when the row is as it should be. Names the schema: a temporary table may have the same name. */
  readonly condition: string;
  readonly values: readonly SqliteValue[];
  readonly audit: AuditHead;
}

/** Throws MigrationFailed. */
export function assertWritten(connection: SqliteConnection, written: Written): void {
  const { version, file, condition, values, audit } = written;
  const sql = `SELECT 1 FROM main.migrate_audit WHERE id = ? AND hash = ? AND ${condition}`;
  if (connection.query(sql, [audit.id, audit.hash, ...values]).length === 0) throw notWritten(version, file);
}

function notWritten(version: string, file: string): EngineError {
  const reason =
    'its row in the ledger was not written or is gone: a trigger on a table whose name begins with migrate_ keeps rows out, or a table of the file hides it. To find a trigger: migrate history --verify';
  return failure('MigrationFailed', { where: file, reason }, { migration: version });
}
