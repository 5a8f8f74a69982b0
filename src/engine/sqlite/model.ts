// Reads a SQLite schema as a diagram shows it. Reads only.
import { type ModelColumn, type ModelReference, type SchemaModel, sortedModel } from '../../schema/erd/model.ts';
import { quotedName, type SqliteConnection, type SqliteRow } from './connection.ts';
import { userTables } from './snapshot.ts';

export function readSqliteModel(connection: SqliteConnection): SchemaModel {
  const names = userTables(connection);
  const parts = names.map(name => readTable(connection, name));
  return sortedModel({ tables: parts.map(part => part.table), references: parts.flatMap(part => part.references) });
}

function readTable(connection: SqliteConnection, name: string) {
  const table = quotedName(name);
  const rows = connection.query(`PRAGMA table_xinfo(${table})`).filter(row => row.hidden !== 1);
  const keys = [...Map.groupBy(connection.query(`PRAGMA foreign_key_list(${table})`), row => Number(row.id)).values()];
  const unique = uniqueKeys(connection, table, rows);
  const referring = new Set(keys.flat().map(row => String(row.from)));
  const columns: readonly ModelColumn[] = rows.map(row => ({
    name: String(row.name),
    type: String(row.type).toLowerCase() || 'any',
    notNull: row.notnull === 1 || Number(row.pk) > 0,
    keys: [
      ...(Number(row.pk) > 0 ? (['PK'] as const) : []),
      ...(referring.has(String(row.name)) ? (['FK'] as const) : []),
      ...(unique.includes(String(row.name)) && Number(row.pk) === 0 ? (['UK'] as const) : []),
    ],
  }));
  const notNull = new Set(columns.filter(column => column.notNull).map(column => column.name));
  const references: readonly ModelReference[] = keys.map(parts => {
    const names = parts.toSorted((a, b) => Number(a.seq) - Number(b.seq)).map(part => String(part.from));
    return {
      from: name,
      columns: names,
      to: String(parts[0]?.table),
      many: unique.includes(names.join('\0')) ? 'One' : 'Many',
      need: names.every(column => notNull.has(column)) ? 'Needed' : 'Optional',
    };
  });
  return { table: { name, columns }, references };
}

/** The primary key and every unique index without a condition, each as its column names joined by NUL. */
function uniqueKeys(connection: SqliteConnection, table: string, rows: readonly SqliteRow[]): readonly string[] {
  const primary = rows.filter(row => Number(row.pk) > 0).toSorted((a, b) => Number(a.pk) - Number(b.pk));
  const indexes = connection.query(`PRAGMA index_list(${table})`).filter(row => row.unique === 1 && row.partial === 0);
  return [
    primary.map(row => String(row.name)).join('\0'),
    ...indexes.map(index =>
      connection
        .query(`PRAGMA index_info(${quotedName(String(index.name))})`)
        .map(row => String(row.name))
        .join('\0'),
    ),
  ];
}
