// Reads a PostgreSQL schema as a diagram shows it: tables, partitioned ones at their root. Reads only.
import { type Connection, type Row, textOf } from '../../engine/connection.ts';
import { type ModelColumn, type ModelReference, type SchemaModel, sortedModel } from './model.ts';

const TABLES = `SELECT c.oid, CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname <> $1 AND n.nspname <> 'information_schema'
    AND NOT pg_catalog.starts_with(n.nspname, 'pg_')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')`;

const COLUMNS = `SELECT t.name AS table_name, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull,
    EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = t.oid AND k.contype = 'p' AND a.attnum = ANY (k.conkey)) AS pk,
    EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = t.oid AND k.contype = 'f' AND a.attnum = ANY (k.conkey)) AS fk,
    EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = t.oid AND i.indisunique AND NOT i.indisprimary
      AND i.indnkeyatts = 1 AND i.indpred IS NULL AND i.indkey[0] = a.attnum) AS uk
  FROM (${TABLES}) t LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY t.name, a.attnum`;

const REFERENCES = `SELECT t.name AS from_name, r.name AS to_name,
    (SELECT pg_catalog.json_agg(a.attname ORDER BY key.place) FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS key (attnum, place)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = key.attnum)::text AS columns,
    (SELECT pg_catalog.bool_and(a.attnotnull) FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) AS needed,
    EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = k.conrelid AND i.indisunique AND i.indpred IS NULL
      AND k.conkey @> i.indkey::int2[] AND i.indnkeyatts <= pg_catalog.cardinality(k.conkey)) AS single
  FROM pg_catalog.pg_constraint k JOIN (${TABLES}) t ON t.oid = k.conrelid JOIN (${TABLES}) r ON r.oid = k.confrelid
  WHERE k.contype = 'f' AND k.conparentid = 0`;

export async function readPostgresModel(connection: Connection, ledgerSchema: string): Promise<SchemaModel> {
  const columns = await connection.query(COLUMNS, [ledgerSchema]);
  const references = await connection.query(REFERENCES, [ledgerSchema]);
  const tables = [...Map.groupBy(columns, row => textOf(row, 'table_name'))].map(([name, rows]) => ({
    name,
    columns: rows.filter(row => row.attname !== null).map(columnOf),
  }));
  return sortedModel({ tables, references: references.map(referenceOf) });
}

function columnOf(row: Row): ModelColumn {
  const keys = [
    ...(row.pk === 't' ? (['PK'] as const) : []),
    ...(row.fk === 't' ? (['FK'] as const) : []),
    ...(row.uk === 't' ? (['UK'] as const) : []),
  ];
  return { name: textOf(row, 'attname'), type: textOf(row, 'type'), notNull: row.attnotnull === 't', keys };
}

function referenceOf(row: Row): ModelReference {
  return {
    from: textOf(row, 'from_name'),
    columns: JSON.parse(textOf(row, 'columns')) as string[],
    to: textOf(row, 'to_name'),
    many: row.single === 't' ? 'One' : 'Many',
    need: row.needed === 't' ? 'Needed' : 'Optional',
  };
}
