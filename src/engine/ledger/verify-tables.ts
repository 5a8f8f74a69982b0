// Whether the ledger's own objects are as they were made: what is put on its tables could keep rows out, and another
// current_version() would let an application start on a schema that is not there. Drift does not look into this schema.
// Reads only. Called by verify-audit.ts.
import { type Connection, quoted, textOf } from '../connection.ts';
import { currentVersionBody } from './ledger-schema.ts';

/** A sentence for each thing that is not ours or no longer ours, in order of their names. */
export async function strangeObjects(connection: Connection, schema: string): Promise<readonly string[]> {
  const rows = await connection.query(
    `WITH tables AS (
        SELECT oid, relname, relrowsecurity FROM pg_catalog.pg_class
        WHERE relnamespace = pg_catalog.to_regnamespace($1) AND relkind IN ('r', 'p')
      ), guard AS (
        SELECT t.oid FROM pg_catalog.pg_trigger t JOIN tables r ON r.oid = t.tgrelid
        WHERE r.relname = 'audit' AND t.tgname = 'append_only' AND t.tgenabled IN ('O', 'A')
      )
      SELECT pg_catalog.format('the trigger %I stands on %I', t.tgname, r.relname) AS what
        FROM pg_catalog.pg_trigger t JOIN tables r ON r.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND NOT (r.relname = 'audit' AND t.tgname = 'append_only')
      UNION ALL SELECT pg_catalog.format('the rule %I stands on %I', w.rulename, r.relname)
        FROM pg_catalog.pg_rewrite w JOIN tables r ON r.oid = w.ev_class
      UNION ALL SELECT pg_catalog.format('row level security is on for %I', relname) FROM tables WHERE relrowsecurity
      UNION ALL SELECT 'the trigger append_only of audit is gone or disabled' WHERE NOT EXISTS (SELECT FROM guard)
      UNION ALL SELECT 'the function current_version() is another one' WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_proc WHERE pronamespace = pg_catalog.to_regnamespace($1) AND proname = 'current_version'
          AND pronargs = 0 AND prosecdef AND prosrc = $2)
      ORDER BY 1`,
    [quoted(schema), currentVersionBody(schema)],
  );
  return rows.map(row => textOf(row, 'what'));
}
