// Finds ledgers of ours in other schemas of the database. A name mistyped in `ledgerSchema` would else begin a second ledger
// that knows nothing of what was applied, beside the first. Reads only. Called wherever a ledger would be made
// (assertBaseline, adoption.ts, baseline.ts), and by the command line's `current`.
import { type Connection, textOf } from '../connection.ts';
import { failure } from '../errors.ts';

/** A table of ours and a column that it has had since format 1. */
const MARKS = "('ledger', 'up_checksum'), ('epoch', 'run_ledger_digest'), ('audit', 'previous')";

/** A schema (an expression for its oid) holds a ledger of ours: for statements that look at all schemas. */
export function holdsLedger(schemaOid: string): string {
  return `(SELECT count(*) = 3 FROM (VALUES ${MARKS}) AS mark (tab, col)
      JOIN pg_catalog.pg_class t ON t.relnamespace = ${schemaOid} AND t.relname = mark.tab AND t.relkind = 'r'
      JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attname = mark.col AND NOT a.attisdropped)`;
}

/** The schemas that hold one, but for this. */
export async function otherLedgers(connection: Connection, schema: string): Promise<readonly string[]> {
  const rows = await connection.query(
    `SELECT o.nspname FROM pg_catalog.pg_namespace o WHERE o.nspname <> $1 AND ${holdsLedger('o.oid')} ORDER BY 1`,
    [schema],
  );
  return rows.map(row => textOf(row, 'nspname'));
}

/**
 * Before a ledger is made in this schema: there is no other, or somebody has made the schema for a second one, empty.
 * Throws LedgerElsewhere.
 */
export async function assertOnlyLedger(connection: Connection, schema: string): Promise<void> {
  const others = await otherLedgers(connection, schema);
  if (others.length === 0) return;
  const rows = await connection.query(
    `SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = $1 AND (${holdsLedger('n.oid')}
        OR NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid))`,
    [schema],
  );
  if (rows.length === 0) throw failure('LedgerElsewhere', { schema, others });
}
