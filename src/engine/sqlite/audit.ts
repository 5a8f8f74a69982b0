// The audit of a SQLite file: a table of the file itself, append-only by its triggers, in which each row names the hash of the
// one before. Rows are appended in the transaction of what they tell. Called by ledger.ts and migrate.ts.
import { createHash } from 'node:crypto';
import { GENESIS } from '../ledger/audit.ts';
import type { SqliteConnection } from './connection.ts';

export const AUDIT_TABLE = `
  CREATE TABLE migrate_audit (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, event TEXT NOT NULL, version TEXT, by TEXT NOT NULL, detail TEXT NOT NULL,
    previous TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
  CREATE TRIGGER migrate_audit_update BEFORE UPDATE ON migrate_audit
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
  CREATE TRIGGER migrate_audit_delete BEFORE DELETE ON migrate_audit
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;`;

export type SqliteEvent = 'applied' | 'reverted' | 'repeated' | 'baseline' | 'failed' | 'restored' | 'upgraded';

/** The row of the audit that was written last. */
export interface AuditHead {
  readonly id: number;
  readonly hash: string;
}

/** Appends to the chain, in the caller's transaction. */
export function appendSqliteAudit(
  connection: SqliteConnection,
  event: SqliteEvent,
  version: string | null,
  by: string,
  detail: Readonly<Record<string, unknown>>,
): AuditHead {
  const [last] = connection.query('SELECT id, hash FROM migrate_audit ORDER BY id DESC LIMIT 1');
  const entry = [
    Number(last?.id ?? 0) + 1,
    new Date().toISOString(),
    event,
    version,
    by,
    JSON.stringify(detail),
    String(last?.hash ?? GENESIS),
  ] as const;
  const hash = auditHash(entry);
  connection.query(
    'INSERT INTO migrate_audit (id, at, event, version, by, detail, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    [...entry, hash],
  );
  return { id: entry[0], hash };
}

/** Of a row without it, in the order of its columns. */
export function auditHash(entry: readonly (string | number | null)[]): string {
  return createHash('sha256').update(JSON.stringify(entry)).digest('hex');
}
