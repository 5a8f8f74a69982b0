// Brings the ledger of a restored database forward, in one transaction: the audit rows that the replaced database has and
// the backup has not are copied, so that nobody's history ends with a restore; the epoch becomes the higher of both, and one
// more, so that no attempt of before goes on in what was restored; a row `restored` says what happened. Called by restore.ts.
import type { Attempt } from '../engine/attempt.ts';
import { type Connection, only, quoted, textOf } from '../engine/connection.ts';
import { type AuditHead, appendAudit, readAuditHead } from '../engine/ledger/audit.ts';
import { hasLedger, type Ledger, readLedger } from '../engine/ledger/ledger.ts';

export interface Carried {
  /** Undefined: the backup is of before the first migration, and has no ledger. */
  readonly ledger: Ledger | undefined;
  readonly auditRows: number;
  readonly notes: readonly string[];
}

export interface Carrying {
  readonly attempt: Attempt;
  /** The replaced database, under the migration lock. */
  readonly from: Connection;
  readonly fromLedger: Ledger;
  readonly into: Connection;
  readonly role: string;
  /** For the row `restored`. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Rows in one statement. */
const BATCH = 500;

export async function carryLedger(carrying: Carrying): Promise<Carried> {
  const { attempt, from, fromLedger, into, role, detail } = carrying;
  const schema = attempt.ledgerSchema;
  if (!(await hasLedger(into, schema))) {
    const had =
      fromLedger.epoch === undefined ? [] : ['the backup is older than the ledger: its next migration makes a new one'];
    return { ledger: undefined, auditRows: 0, notes: had };
  }
  const before = await readLedger(into, schema, role);
  const number = Math.max(before.epoch?.attempt ?? 0, fromLedger.epoch?.attempt ?? 0) + 1;
  const head = await readAuditHead(into, schema);
  const { rows, isContinued } = await newerRows(from, into, schema, head);
  await into.query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE');
  for (let at = 0; at < rows.length; at += BATCH) await copyRows(into, schema, rows.slice(at, at + BATCH));
  await into.query(
    `INSERT INTO ${quoted(schema)}.epoch (format, owner, resource, attempt) VALUES ($1, $2, $3, $4)
      ON CONFLICT (singleton) DO UPDATE SET (owner, resource, attempt) = (EXCLUDED.owner, EXCLUDED.resource, EXCLUDED.attempt)`,
    [String(before.format), attempt.owner, attempt.resource, String(number)],
  );
  await appendAudit(into, { ...attempt, number }, 'restored', before.version, {
    ...detail,
    upTo: head?.id ?? 0,
    copied: rows.length,
  });
  await into.query('COMMIT');
  const notes = isContinued
    ? []
    : [
        'the audit of the replaced database does not continue that of the backup; its rows stay there, and were not copied',
      ];
  return { ledger: await readLedger(into, schema, role), auditRows: rows.length, notes };
}

/** The rows of the replaced database that follow the backup's last one; none where the two chains are not one. */
async function newerRows(
  from: Connection,
  into: Connection,
  schema: string,
  head: AuditHead | null,
): Promise<{ readonly rows: readonly string[]; readonly isContinued: boolean }> {
  const table = `${quoted(schema)}.audit`;
  const theirs = await readAuditHead(from, schema);
  if (theirs === null) return { rows: [], isContinued: true };
  if (head !== null) {
    const [place, last] = theirs.id < head.id ? [into, theirs] : [from, head];
    const [same] = await place.query(`SELECT hash FROM ${table} WHERE id = $1`, [String(last.id)]);
    if (same?.hash !== last.hash) return { rows: [], isContinued: false };
  }
  const rows = await from.query(
    `SELECT pg_catalog.json_build_object('id', id, 'at', at, 'event', event, 'version', version, 'owner', owner, 'attempt', attempt,
        'run', run, 'job', job, 'detail', detail::text, 'previous', previous, 'hash', hash)::text AS row
      FROM ${table} WHERE id > $1 ORDER BY id`,
    [String(head?.id ?? 0)],
  );
  return { rows: rows.map(row => textOf(row, 'row')), isContinued: true };
}

/** As they are, hashes and all: the chain goes on from the backup's last row. */
async function copyRows(into: Connection, schema: string, rows: readonly string[]): Promise<void> {
  const found = only(
    await into.query(
      `WITH copied AS (INSERT INTO ${quoted(schema)}.audit (id, at, event, version, owner, attempt, run, job, detail, previous, hash)
          SELECT id, at, event, version, owner, attempt, run, job, detail::jsonb, previous, hash
          FROM pg_catalog.json_to_recordset($1::json) AS r(id bigint, at text, event text, version text, owner text,
            attempt bigint, run text, job text, detail text, previous text, hash text) RETURNING id)
        SELECT count(*) AS rows FROM copied`,
      [`[${rows.join(',')}]`],
    ),
  );
  if (Number(found.rows) !== rows.length) throw new Error('not every row of the audit was copied');
}
