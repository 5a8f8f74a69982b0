// Which values of a column of SQLite are lost, as SQL conditions. Compared by their bytes, whatever collation the column has.
// Pure. Called by losses.ts.

/** A literal; what is computed is another value for each row. */
const CONSTANT = /^(?:NULL|TRUE|FALSE|[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?|'(?:[^']|'')*'|x'[0-9a-f]*')$/i;

/** Values that going up again would not bring back: it gives the default, or NULL. All of them, where the default is computed. */
export function isOtherThanDefault(column: string, fallback: string | null): string {
  if (fallback === null) return `${column} IS NOT NULL`;
  return CONSTANT.test(fallback) ? `${column} COLLATE BINARY IS NOT (${fallback})` : 'true';
}

/**
 * Values that another type stores differently. The type of a column decides by its letters how a value is converted:
 * https://www.sqlite.org/datatype3.html#determination_of_column_affinity
 */
export function changedByType(column: string, before: string, after: string | undefined): string {
  if (after === undefined || affinityOf(before) === affinityOf(after) || affinityOf(after) === 'BLOB') return 'false';
  const back = `CAST(CAST(${column} AS ${affinityOf(after)}) AS ${affinityOf(before)})`;
  return `${back} IS NOT ${column} COLLATE BINARY`;
}

function affinityOf(type: string): 'INTEGER' | 'TEXT' | 'BLOB' | 'REAL' | 'NUMERIC' {
  if (/INT/i.test(type)) return 'INTEGER';
  if (/CHAR|CLOB|TEXT/i.test(type)) return 'TEXT';
  if (type === '' || /BLOB|ANY/i.test(type)) return 'BLOB';
  return /REAL|FLOA|DOUB/i.test(type) ? 'REAL' : 'NUMERIC';
}
