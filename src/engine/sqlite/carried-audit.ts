// Lets the audit of a SQLite file go on through a restore: what the replaced file's audit has and the restored one's has not
// is copied, hashes and all, and a row `restored` follows, in one transaction. Called by the restore before the file takes
// its place, so that none is ever there without that row. What is replaced may be damaged, which is why it is: then nothing is
// copied, and the row says so.
import { EngineError } from '../errors.ts';
import { appendSqliteAudit } from './audit.ts';
import { type SqliteConnection, SqliteFailure, type SqliteRow } from './connection.ts';
import { hasSqliteLedger, readSqliteLedger } from './ledger.ts';

const COLUMNS = 'id, at, event, version, by, detail, previous, hash';

export interface CarriedAudit {
  /** Of the restored ledger; null without one. */
  readonly version: string | null;
  /** Why the audit of what is replaced could not be read; undefined: it was, or there was none. */
  readonly unread: string | undefined;
}

/** `replaced`: nothing was there, or a file that SQLite cannot read. */
export function carrySqliteAudit(
  into: SqliteConnection,
  replaced: SqliteConnection | 'Nothing' | 'Unreadable',
  by: string,
  detail: Readonly<Record<string, unknown>>,
): CarriedAudit {
  if (!hasSqliteLedger(into)) return { version: null, unread: undefined };
  const { version } = readSqliteLedger(into);
  const [head] = into.query('SELECT id, hash FROM migrate_audit ORDER BY id DESC LIMIT 1');
  const upTo = Number(head?.id ?? 0);
  const { rows, unread } = readNewer(replaced, upTo, head?.hash ?? null);
  into.execute('BEGIN IMMEDIATE');
  for (const row of rows) {
    into.query(
      `INSERT INTO migrate_audit (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      [row.id, row.at, row.event, row.version, row.by, row.detail, row.previous, row.hash].map(value => value ?? null),
    );
  }
  const told = unread === undefined ? {} : { unread };
  appendSqliteAudit(into, 'restored', version, by, { ...detail, upTo, copied: rows.length, ...told });
  into.execute('COMMIT');
  return { version, unread };
}

function readNewer(replaced: SqliteConnection | 'Nothing' | 'Unreadable', upTo: number, hash: unknown) {
  if (replaced === 'Nothing') return { rows: [], unread: undefined };
  if (replaced === 'Unreadable') return { rows: [], unread: 'SQLite cannot read the file' };
  try {
    const rows = hasSqliteLedger(replaced) ? newerRows(replaced, upTo, hash) : [];
    return { rows, unread: undefined };
  } catch (error) {
    return { rows: [], unread: reasonOf(error) };
  }
}

/** Names no file: the one that is read is a copy, which has another name before long. */
function reasonOf(error: unknown): string {
  if (error instanceof SqliteFailure) return `SQLite says: ${error.message}`;
  if (!(error instanceof EngineError)) throw error;
  const { reason, format } = error.facts as { readonly reason?: string; readonly format?: string };
  return reason ?? `its ledger has format ${format}`;
}

/** None where the two chains are not one. */
function newerRows(replaced: SqliteConnection, upTo: number, hash: unknown): readonly SqliteRow[] {
  const [same] = replaced.query('SELECT hash FROM migrate_audit WHERE id = ?', [upTo]);
  if (upTo > 0 && same?.hash !== hash) return [];
  return replaced.query(`SELECT ${COLUMNS} FROM migrate_audit WHERE id > ? ORDER BY id`, [upTo]);
}
