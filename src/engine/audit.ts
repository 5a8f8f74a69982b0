// The audit: append-only, each row's hash covers the row before it, so that a change or a gap shows. Written inside the
// transaction of what it tells of, so that there is never one without the other. Checked by verify-audit.ts.
import type { Attempt } from './attempt.ts';
import { runKey } from './attempt.ts';
import { type Connection, quoted, textOf } from './connection.ts';

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

/** Hash of what stands before the first row. */
export const GENESIS = '0'.repeat(64);
const HASHED = 'pg_catalog.jsonb_build_array(id, at, event, version, owner, attempt, run, job, detail, previous)::text';
/** SQL of the hash that a row's content has. */
export const COMPUTED_HASH = `pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(${HASHED}, 'UTF8')), 'hex')`;

/** Appends a row within the caller's transaction (or as its own statement). Only under the migration lock. */
export async function appendAudit(
  connection: Connection,
  attempt: Attempt,
  event: AuditEvent,
  version: string | null,
  detail: Readonly<Record<string, unknown>>,
): Promise<void> {
  const table = `${quoted(attempt.ledgerSchema)}.audit`;
  await connection.query(
    `INSERT INTO ${table} (id, at, event, version, owner, attempt, run, job, detail, previous, hash)
      SELECT *, ${COMPUTED_HASH}
      FROM (SELECT coalesce(last.id, 0) + 1 AS id,
          pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
          $1::text AS event, $2::text AS version, $3::text AS owner, $4::bigint AS attempt, $5::text AS run,
          $6::text AS job, $7::jsonb AS detail, coalesce(last.hash, '${GENESIS}') AS previous
        FROM (SELECT 1) AS one LEFT JOIN (SELECT id, hash FROM ${table} ORDER BY id DESC LIMIT 1) AS last ON true) AS entry`,
    [event, version, attempt.owner, String(attempt.number), runKey(attempt.run), attempt.job, JSON.stringify(detail)],
  );
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
