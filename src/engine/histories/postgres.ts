// The tables of other tools in a PostgreSQL database, whatever their schema. Reads only. Called by the CLI for history.ts.
import { type Connection, quoted, textOf } from '../connection.ts';
import type { FoundTable, HistoryPlace } from './place.ts';
import type { Field } from './tools.ts';

export function postgresHistories(connection: Connection): HistoryPlace {
  return {
    tables: names => tablesOf(connection, names),
    rows: (table, { fields, order }) => {
      const columns = Object.entries(fields).map(([name, field]) => `${expression(field)} AS ${quoted(name)}`);
      const sorted = order === undefined ? '' : ` ORDER BY ${quoted(order)}`;
      return connection.query(`SELECT ${columns.join(', ')} FROM ${table.quoted}${sorted}`);
    },
  };
}

/** These tools keep times without a zone, and mean UTC. */
function expression({ column, kind }: Field): string {
  const name = quoted(column);
  return kind === 'Moment' ? `pg_catalog.to_char(${name}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')` : `${name}::text`;
}

async function tablesOf(connection: Connection, names: readonly string[]): Promise<readonly FoundTable[]> {
  const rows = await connection.query(
    `SELECT n.nspname, c.relname, json_agg(a.attname)::text AS columns
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relkind IN ('r', 'p') AND c.relname = ANY (SELECT pg_catalog.json_array_elements_text($1::json))
      GROUP BY 1, 2 ORDER BY 1, 2`,
    [JSON.stringify(names)],
  );
  return rows.map(row => {
    const [schema, name] = [textOf(row, 'nspname'), textOf(row, 'relname')];
    return {
      name,
      shown: `${schema}.${name}`,
      quoted: `${quoted(schema)}.${quoted(name)}`,
      columns: new Set(JSON.parse(textOf(row, 'columns')) as readonly string[]),
    };
  });
}
