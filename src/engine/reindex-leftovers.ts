// What a REINDEX CONCURRENTLY that was interrupted leaves: indexes named `…_ccnew` or `…_ccold` that are invalid, cost every
// write, and stay, in TOAST too (https://www.postgresql.org/docs/current/sql-reindex.html). Only those are dropped that came
// since the statement was begun. Runs outside transactions, on the connection that holds the lock. Called by effects.ts.
import { type Connection, quoted, type Row, textOf } from './connection.ts';
import type { Effect } from './sql/classify.ts';

/** What a REINDEX names. */
export type Reindexed = Extract<Effect, { kind: 'Reindexed' }>['of'];

const SCOPES: readonly string[] = ['index', 'table', 'schema', 'database'] satisfies readonly Reindexed[];

/** Of a stored effect; an older release stored no other than these two. */
export function scopeOf(stored: unknown): Reindexed {
  return SCOPES.includes(String(stored)) ? (stored as Reindexed) : 'table';
}

/** Condition of a table `t` of the scope, whose oid is $1; of an index, the tables that it and its partitions are of. */
const TABLES: Readonly<Record<Reindexed, string>> = {
  index: `t.oid IN (SELECT i.indrelid FROM pg_catalog.pg_index i WHERE i.indexrelid = $1::oid
    OR i.indexrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree($1::oid::regclass)))`,
  table: 't.oid = $1::oid OR t.oid IN (SELECT relid FROM pg_catalog.pg_partition_tree($1::oid::regclass))',
  schema: 't.relnamespace = $1::oid',
  database: '$1::oid IS NOT NULL',
};

/** Condition of an original `o` of the scope: a leftover bears its name, which may have been cut short. */
const ORIGINALS: Readonly<Record<Reindexed, string>> = {
  index: 'o.oid = $1::oid OR o.oid IN (SELECT relid FROM pg_catalog.pg_partition_tree($1::oid::regclass))',
  table: 'true',
  schema: 'true',
  database: 'true',
};

function leftoversSql(of: Reindexed): string {
  return `WITH tables AS (SELECT t.oid, t.reltoastrelid FROM pg_catalog.pg_class t WHERE ${TABLES[of]})
    SELECT DISTINCT c.oid, n.nspname, c.relname, pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS mine
      FROM pg_catalog.pg_index x
      JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_index y ON y.indrelid = x.indrelid JOIN pg_catalog.pg_class o ON o.oid = y.indexrelid
      WHERE x.indrelid IN (SELECT oid FROM tables UNION ALL SELECT reltoastrelid FROM tables)
        AND NOT x.indisvalid AND c.relkind = 'i' AND c.oid <> o.oid AND (${ORIGINALS[of]})
        AND c.relname ~ '_cc(new|old)[0-9]*$'
        AND pg_catalog.starts_with(o.relname::text, pg_catalog.regexp_replace(c.relname, '_cc(new|old)[0-9]*$', ''))
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = c.oid)
      ORDER BY 1`;
}

async function leftovers(connection: Connection, oid: string, of: Reindexed): Promise<readonly Row[]> {
  const [server] = await connection.query(`SELECT pg_catalog.to_regproc('pg_catalog.pg_partition_tree') AS since`);
  // Version 11 knows no REINDEX CONCURRENTLY, and says so itself.
  if (server?.since === null) return [];
  const name = of === 'index' || of === 'table' ? await connection.query(EXISTS, [oid]) : [{}];
  return name.length === 0 ? [] : connection.query(leftoversSql(of), [oid]);
}

const EXISTS = 'SELECT FROM pg_catalog.pg_class WHERE oid = $1::oid';

/** Oids of what lies there before we begin: not ours to drop. */
export async function leftoversBefore(connection: Connection, oid: string, of: Reindexed): Promise<readonly string[]> {
  return (await leftovers(connection, oid, of)).map(row => textOf(row, 'oid'));
}

/** Drops them, all but those of before; answers the names, in SQL, of those that only a superuser may drop. */
export async function dropReindexLeftovers(
  connection: Connection,
  { oid, of, before }: { readonly oid: string; readonly of: Reindexed; readonly before: readonly string[] },
): Promise<readonly string[]> {
  const kept: string[] = [];
  for (const row of await leftovers(connection, oid, of)) {
    const name = `${quoted(textOf(row, 'nspname'))}.${quoted(textOf(row, 'relname'))}`;
    if (before.includes(textOf(row, 'oid'))) continue;
    // Nobody but a superuser has a right to the schema pg_toast, by which alone the index can be named.
    if (row.mine === 't') await connection.query(`DROP INDEX CONCURRENTLY ${name}`);
    else kept.push(name);
  }
  return kept;
}
