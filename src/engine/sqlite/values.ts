// Which values of a column of SQLite are lost, as SQL conditions. Compared by their bytes, whatever collation the column has.
// Pure. Called by losses.ts.
import type { Given } from './way-back.ts';

/**
 * Values that going the other way again would not bring back. Every row, where that cannot be told; where not even the column is
 * known to come again, values that are not NULL, and every row beside a default, which may be what they were given.
 */
export function isOtherThanGiven(column: string, given: Given, fallback: 'HasDefault' | 'HasNone'): string {
  switch (given.kind) {
    case 'Constant':
      return `${column} COLLATE BINARY IS NOT (${given.sql})`;
    case 'Null':
      return `${column} IS NOT NULL`;
    case 'Anything':
      return 'true';
    case 'Unproven':
      return fallback === 'HasDefault' ? 'true' : `${column} IS NOT NULL`;
  }
}

/**
 * Values that another type stores differently. The type of a column decides by its letters how a value is converted (ANY of a STRICT
 * table is to be given as none): https://www.sqlite.org/datatype3.html#determination_of_column_affinity
 */
export function changedByType(column: string, before: string, after: string | undefined): string {
  if (after === undefined || affinityOf(before) === affinityOf(after) || affinityOf(after) === 'BLOB') return 'false';
  const stored = `CAST(${column} AS ${affinityOf(after)})`;
  // What no type converts comes back as it is stored; without the sign the comparison itself would convert.
  const back = affinityOf(before) === 'BLOB' ? `+${stored}` : `CAST(${stored} AS ${affinityOf(before)})`;
  return `${back} IS NOT ${column} COLLATE BINARY`;
}

function affinityOf(type: string): 'INTEGER' | 'TEXT' | 'BLOB' | 'REAL' | 'NUMERIC' {
  if (/INT/i.test(type)) return 'INTEGER';
  if (/CHAR|CLOB|TEXT/i.test(type)) return 'TEXT';
  if (type === '' || /BLOB/i.test(type)) return 'BLOB';
  return /REAL|FLOA|DOUB/i.test(type) ? 'REAL' : 'NUMERIC';
}
