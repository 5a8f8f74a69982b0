// What was applied, as history shows it: the ledger's rows with their times and people. Reads only.
import { type Connection, quoted, textOf } from '../../engine/connection.ts';
import type { Ledger } from '../../engine/ledger.ts';
import type { AppliedVersion } from '../database.ts';

/** In order of their numbers. The ledger was read before, so the tables are there when it has rows. */
export async function readPostgresHistory(
  connection: Connection,
  ledger: Ledger,
  schema: string,
): Promise<readonly AppliedVersion[]> {
  if (ledger.applied.length === 0) return [];
  const rows = await connection.query(
    `SELECT version, applied_by, pg_catalog.round(EXTRACT(epoch FROM finished_at - started_at) * 1000)::text AS milliseconds,
        pg_catalog.to_char(finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS finished
      FROM ${quoted(schema)}.ledger`,
  );
  const byVersion = new Map(rows.map(row => [textOf(row, 'version'), row]));
  return ledger.applied.map(({ version, origin }) => {
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
