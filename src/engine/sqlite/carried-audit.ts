// Lets the audit of a SQLite file go on through a restore: what the replaced file's audit has and the restored one's has not
// is copied, hashes and all, and a row `restored` follows, in one transaction. Called by the restore before the file takes
// its place, so that none is ever there without that row.

import { appendSqliteAudit } from './audit.ts';
import type { SqliteConnection } from './connection.ts';
import { hasSqliteLedger, readSqliteLedger } from './ledger.ts';

/** `replaced`: undefined where there was no file that could be read. Answers the restored version, null without a ledger. */
export function carrySqliteAudit(
  into: SqliteConnection,
  replaced: SqliteConnection | undefined,
  by: string,
  detail: Readonly<Record<string, unknown>>,
): string | null {
  if (!hasSqliteLedger(into)) return null;
  const { version } = readSqliteLedger(into);
  const [head] = into.query('SELECT id, hash FROM migrate_audit ORDER BY id DESC LIMIT 1');
  const upTo = Number(head?.id ?? 0);
  const rows =
    replaced === undefined || !hasSqliteLedger(replaced) ? [] : newerRows(replaced, upTo, head?.hash ?? null);
  into.execute('BEGIN IMMEDIATE');
  for (const row of rows) {
    into.query(
      'INSERT INTO migrate_audit (id, at, event, version, by, detail, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      [row.id, row.at, row.event, row.version, row.by, row.detail, row.previous, row.hash].map(value => value ?? null),
    );
  }
  appendSqliteAudit(into, 'restored', version, by, { ...detail, upTo, copied: rows.length });
  into.execute('COMMIT');
  return version;
}

/** None where the two chains are not one. */
function newerRows(replaced: SqliteConnection, upTo: number, hash: unknown) {
  const [same] = replaced.query('SELECT hash FROM migrate_audit WHERE id = ?', [upTo]);
  if (upTo > 0 && same?.hash !== hash) return [];
  return replaced.query('SELECT * FROM migrate_audit WHERE id > ? ORDER BY id', [upTo]);
}
