// A row of a SQLite file's ledger as history shows it. Called by database.ts.
import type { SqliteLedger } from '../../engine/sqlite/ledger.ts';
import type { AppliedVersion } from '../database.ts';

export function shown(row: SqliteLedger['applied' | 'repeatables'][number]): AppliedVersion {
  return {
    version: row.version,
    origin: row.origin,
    appliedBy: row.appliedBy,
    appliedAt: row.finishedAt,
    milliseconds: Date.parse(row.finishedAt) - Date.parse(row.startedAt),
  };
}
