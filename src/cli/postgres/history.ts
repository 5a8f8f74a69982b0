// What was applied, as history shows it: the ledger's rows with their times and people. Reads only.
import { type Connection, quoted, textOf } from '../../engine/connection.ts';
import type { Ledger } from '../../engine/ledger/ledger.ts';
import type { AppliedVersion } from '../database.ts';

/** In their order. The ledger was read before, so a table is there when it has rows. */
export async function readPostgresHistory(connection: Connection, ledger: Ledger, schema: string) {
  const s = quoted(schema);
  return {
    applied: await rowsOf(connection, ledger.applied, `${s}.ledger`),
    repeatables: await rowsOf(
      connection,
      ledger.repeatables,
      `(SELECT name AS version, * FROM ${s}.repeatable) AS repeatables`,
    ),
  };
}

async function rowsOf(
  connection: Connection,
  known: readonly Pick<AppliedVersion, 'version' | 'origin'>[],
  source: string,
): Promise<readonly AppliedVersion[]> {
  if (known.length === 0) return [];
  const rows = await connection.query(
    `SELECT version, applied_by, pg_catalog.round(EXTRACT(epoch FROM finished_at - started_at) * 1000)::text AS milliseconds,
        pg_catalog.to_char(finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS finished
      FROM ${source}`,
  );
  const byVersion = new Map(rows.map(row => [textOf(row, 'version'), row]));
  return known.map(({ version, origin }) => {
    const row = byVersion.get(version);
    return {
      version,
      origin,
      appliedBy: row?.applied_by ?? '',
      appliedAt: row?.finished ?? '',
      milliseconds: Number(row?.milliseconds ?? 0),
    };
  });
}
