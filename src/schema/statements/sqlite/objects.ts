// The objects of a SQLite schema with the text that made them, which SQLite keeps: what statements are written from. Reads
// only. The ledger's own and SQLite's own are left out, as in the snapshot.
import type { SqliteConnection } from '../../../engine/sqlite/connection.ts';
import { normalized } from '../../../engine/sqlite/snapshot.ts';

export interface SqliteObject {
  readonly kind: 'table' | 'index' | 'view' | 'trigger';
  readonly name: string;
  /** The table or view that an index or trigger is on; the object's own name otherwise. */
  readonly on: string;
  readonly sql: string;
  readonly meaning: string;
  /** `Shadow`: a virtual table has made it and takes it away. */
  readonly made: 'Written' | 'Shadow';
}

export function readSqliteObjects(connection: SqliteConnection): readonly SqliteObject[] {
  const rows = connection.query(
    `SELECT s.type AS kind, s.name, s.tbl_name, s.sql, coalesce(l.type, '') AS made
      FROM sqlite_schema s LEFT JOIN pragma_table_list l ON l.schema = 'main' AND l.name = s.name
      WHERE s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND s.sql IS NOT NULL
        AND s.tbl_name NOT IN ('migrate_ledger', 'migrate_state', 'migrate_audit', 'migrate_repeatable') ORDER BY s.rowid`,
  );
  return rows.map(row => ({
    kind: String(row.kind) as SqliteObject['kind'],
    name: String(row.name),
    on: String(row.tbl_name),
    sql: String(row.sql),
    meaning: normalized(String(row.sql)),
    made: row.made === 'shadow' ? 'Shadow' : 'Written',
  }));
}
