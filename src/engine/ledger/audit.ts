// The audit: append-only, each row's hash covers the row before it, so that a change or a gap shows. Written inside the
// transaction of what it tells of, so that there is never one without the other. Checked by verify-audit.ts.
import type { Attempt } from '../attempt.ts';
import { runKey } from '../attempt.ts';
import { type Connection, literal, quoted, textOf } from '../connection.ts';
import { failure } from '../errors.ts';
import type { Migration } from '../sql/script.ts';

export const AUDIT_EVENTS = [
  'began',
  'applied',
  'repeated',
  'failed',
  'settled',
  'cleared',
  'adopted',
  'reverted',
  'baseline',
  'upgraded',
  'restored',
] as const;
export type AuditEvent = (typeof AUDIT_EVENTS)[number];

/** What the audit says of a migration's texts; verify-audit.ts compares the ledger's row with it. */
export function checksumsOf({ up, down }: Pick<Migration, 'up' | 'down'>) {
  return { upChecksum: up.checksum, downChecksum: down?.checksum ?? null };
}

/** Hash of what stands before the first row. */
export const GENESIS = '0'.repeat(64);
const HASHED = ['id', 'at', 'event', 'version', 'owner', 'attempt', 'run', 'job', 'detail', 'previous'] as const;
type Column = (typeof HASHED)[number];

function hashOf(content: readonly string[]): string {
  const text = `pg_catalog.jsonb_build_array(${content.join(', ')})::text`;
  return `pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(${text}, 'UTF8')), 'hex')`;
}

/** SQL of the hash that a row's content has. */
export const COMPUTED_HASH = hashOf(HASHED);

/** Appends a row within the caller's transaction (or as its own statement). Only under the migration lock. */
export async function appendAudit(
  connection: Connection,
  attempt: Attempt,
  event: AuditEvent,
  version: string | null,
  detail: Readonly<Record<string, unknown>>,
): Promise<void> {
  const written = await connection.query(`${auditSql(attempt, event, version, detail)} RETURNING id`);
  if (written.length !== 1) {
    const reason = `something on its table keeps the row of "${event}" out`;
    throw failure('LedgerDamaged', { schema: attempt.ledgerSchema, reason });
  }
}

/** The statement that appends a row, for one of several. */
export function auditSql(
  attempt: Attempt,
  event: AuditEvent,
  version: string | null,
  detail: Readonly<Record<string, unknown>>,
): string {
  const table = `${quoted(attempt.ledgerSchema)}.audit`;
  const content = {
    id: 'coalesce(last.id, 0) + 1',
    at: 'at',
    event: `${literal(event)}::text`,
    version: `${literal(version)}::text`,
    owner: `${literal(attempt.owner)}::text`,
    attempt: `${literal(String(attempt.number))}::bigint`,
    run: `${literal(runKey(attempt.run))}::text`,
    job: `${literal(attempt.job)}::text`,
    detail: `${literal(JSON.stringify(detail))}::jsonb`,
    previous: `coalesce(last.hash, '${GENESIS}')`,
  } satisfies Record<Column, string>;
  const values = HASHED.map(column => content[column]);
  return `INSERT INTO ${table} (${HASHED.join(', ')}, hash)
      SELECT ${values.join(', ')}, ${hashOf(values)}
      FROM pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
        LEFT JOIN (SELECT id, hash FROM ${table} ORDER BY id DESC LIMIT 1) AS last ON true`;
}

/** The last row: what is noted outside the database, so that a cut-off tail shows. */
export interface AuditHead {
  readonly id: number;
  /** SHA-256, hexadecimal. */
  readonly hash: string;
}

/** Null: nothing was written yet, or there is no audit. */
export async function readAuditHead(connection: Connection, schema: string): Promise<AuditHead | null> {
  const table = `${quoted(schema)}.audit`;
  const [found] = await connection.query('SELECT pg_catalog.to_regclass($1) AS oid', [table]);
  if (found?.oid == null) return null;
  const [row] = await connection.query(`SELECT id, hash FROM ${table} ORDER BY id DESC LIMIT 1`);
  return row === undefined ? null : Object.freeze({ id: Number(row.id), hash: textOf(row, 'hash') });
}
