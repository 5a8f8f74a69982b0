// The audit: append-only, each row's hash covers the row before it, so that a change or a gap shows. Written inside the
// transaction of what it tells of, so that there is never one without the other. Checked by `auditProblem`.
import type { Attempt } from './attempt.ts';
import { runKey } from './attempt.ts';
import { type Connection, quoted } from './connection.ts';

export const AUDIT_EVENTS = ['began', 'applied', 'failed', 'settled', 'cleared', 'adopted'] as const;
export type AuditEvent = (typeof AUDIT_EVENTS)[number];

/** Hash of what stands before the first row. */
const GENESIS = '0'.repeat(64);
const HASHED = 'pg_catalog.jsonb_build_array(id, at, event, version, owner, attempt, run, job, detail, previous)::text';

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
      SELECT *, pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(${HASHED}, 'UTF8')), 'hex')
      FROM (SELECT coalesce(last.id, 0) + 1 AS id,
          pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
          $1::text AS event, $2::text AS version, $3::text AS owner, $4::bigint AS attempt, $5::text AS run,
          $6::text AS job, $7::jsonb AS detail, coalesce(last.hash, '${GENESIS}') AS previous
        FROM (SELECT 1) AS one LEFT JOIN (SELECT id, hash FROM ${table} ORDER BY id DESC LIMIT 1) AS last ON true) AS entry`,
    [event, version, attempt.owner, String(attempt.number), runKey(attempt.run), attempt.job, JSON.stringify(detail)],
  );
}

/** Walks the chain; answers the id of the first row that does not fit, null when all do. */
export async function auditProblem(connection: Connection, schema: string): Promise<string | null> {
  const [row] = await connection.query(
    `SELECT id FROM (SELECT id, hash, previous,
        pg_catalog.row_number() OVER (ORDER BY id) AS place,
        coalesce(pg_catalog.lag(hash) OVER (ORDER BY id), '${GENESIS}') AS expected,
        pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(${HASHED}, 'UTF8')), 'hex') AS computed
      FROM ${quoted(schema)}.audit) AS chain
      WHERE hash <> computed OR previous <> expected OR id <> place ORDER BY id LIMIT 1`,
  );
  return row?.id ?? null;
}
