// The texts of views as the server prints them. A snapshot holds a form that is the same for every major, made for comparing;
// what is to be run must be the server's own. Reads only. Called by `create --from-diff`.
import { type Connection, textOf } from '../engine/connection.ts';

/** By the view's name with its schema. The session's search_path must be pg_catalog, as readServer leaves it. */
export async function readPrintedViews(
  connection: Connection,
  ledgerSchema: string,
): Promise<ReadonlyMap<string, string>> {
  const rows = await connection.query(
    `SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name, pg_get_viewdef(c.oid) AS definition
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('v', 'm') AND n.nspname NOT IN ('information_schema', $1) AND NOT starts_with(n.nspname, 'pg_')`,
    [ledgerSchema],
  );
  return new Map(rows.map(row => [textOf(row, 'name'), textOf(row, 'definition')]));
}
