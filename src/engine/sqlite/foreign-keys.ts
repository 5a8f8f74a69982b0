// What refers to nothing in a SQLite file, before and after a migration that ran with foreign keys off: only what has come anew
// fails it. Compared by the value that is referred to: the numbers of rows are others once a table is rebuilt. SQLite takes a
// foreign key that fits no key of its target (a "mismatch") when it is made, and checks no table that has one, so that each table
// is asked for by itself. Values are counted, never told. Called by migrate.ts.
import { failure } from '../errors.ts';
import { quotedName, type SqliteConnection, SqliteFailure } from './connection.ts';
import { Names } from './names.ts';
import type { SqliteFile } from './statements.ts';
import { isTrouble } from './trouble.ts';

interface Reference {
  readonly table: string;
  readonly target: string;
  /** How many rows refer to what is not there; Infinity where that cannot be told. */
  readonly total: number;
  /** The same by the value, as text; undefined where there are too many to be kept in mind. */
  readonly rows: ReadonlyMap<string, number> | undefined;
}

export interface DanglingReferences {
  /** All tables, in lower case. */
  readonly tables: ReadonlySet<string>;
  readonly references: readonly Reference[];
  /** What SQLite says of the tables that it cannot check, by table. */
  readonly mismatches: ReadonlyMap<string, string>;
}

export const NONE_DANGLING: DanglingReferences = { tables: new Set(), references: [], mismatches: new Map() };

/** Reads only. https://www.sqlite.org/foreignkeys.html#fk_indexes tells what does not fit. */
export function danglingReferences(connection: SqliteConnection): DanglingReferences {
  const tables = connection
    .query("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .map(({ name }) => String(name));
  const references: Reference[] = [];
  const mismatches = new Map<string, string>();
  for (const table of tables) {
    const keys = keysOf(connection, table);
    const checked = keys.length === 0 ? [] : check(connection, table);
    if (typeof checked === 'string') mismatches.set(table, checked);
    const dangling = typeof checked === 'string' ? keys : keys.filter(({ id }) => checked.includes(id));
    for (const ofTarget of Map.groupBy(dangling, key => key.target.toLowerCase()).values()) {
      const sql = ofTarget.map(key => (typeof checked === 'string' ? comparedSql : checkedSql)(connection, key));
      references.push({ table, target: ofTarget[0]?.target ?? '', ...measured(connection, sql) });
    }
  }
  return { tables: new Set(tables.map(name => name.toLowerCase())), references, mismatches };
}

/** Of how many values the rows are told apart; of more only their number. */
const MOST_VALUES = 100_000;

function measured(connection: SqliteConnection, selects: readonly (string | undefined)[]): Rows {
  if (selects.includes(undefined)) return { total: Number.POSITIVE_INFINITY, rows: undefined };
  const all = `SELECT value, sum(many) AS many FROM (${selects.join(' UNION ALL ')}) GROUP BY 1`;
  const found = connection.query(`${all} LIMIT ${MOST_VALUES + 1}`);
  if (found.length > MOST_VALUES) {
    const [row] = connection.query(`SELECT sum(many) AS total FROM (${all})`);
    return { total: Number(row?.total), rows: undefined };
  }
  const rows = new Map(found.map(({ value, many }) => [String(value), Number(many)]));
  return { total: [...rows.values()].reduce((sum, many) => sum + many, 0), rows };
}

/** Throws MigrationFailed. */
export function assertNoneNew(
  version: string,
  file: SqliteFile,
  before: DanglingReferences,
  after: DanglingReferences,
): void {
  const failed = (reason: string) => failure('MigrationFailed', { where: file.file, reason }, { migration: version });
  const names = new Names();
  for (const statement of file.statements) names.follow(statement);
  const nameBefore = (table: string) => {
    const name = names.table(table);
    return (before.tables.has(name.toLowerCase()) ? name : (names.origin(name) ?? name)).toLowerCase();
  };
  const mismatched = new Set([...before.mismatches.keys()].map(table => table.toLowerCase()));
  for (const [table, reason] of after.mismatches) if (!mismatched.has(nameBefore(table))) throw failed(reason);
  const known = new Map(before.references.map(one => [keyOf(one.table, one.target), one]));
  for (const found of after.references) {
    const { table, target } = found;
    // Nobody can say of it what a migration has done.
    if (after.mismatches.has(table)) continue;
    const more = moreThan(known.get(keyOf(nameBefore(table), nameBefore(target))) ?? NO_ROWS, found);
    if (more === 0) continue;
    const what = more === 1 ? '1 row that refers' : `${more} rows that refer`;
    throw failed(`it leaves ${what} from ${table} to ${target}, where nothing is`);
  }
}

type Rows = Pick<Reference, 'total' | 'rows'>;

const NO_ROWS: Rows = { total: 0, rows: new Map() };

function moreThan(before: Rows, after: Rows): number {
  const { rows } = before;
  if (rows === undefined || after.rows === undefined) return Math.max(0, after.total - before.total);
  return [...after.rows].reduce((sum, [value, many]) => sum + Math.max(0, many - (rows.get(value) ?? 0)), 0);
}

interface Key {
  readonly id: number;
  readonly table: string;
  readonly target: string;
  readonly columns: readonly string[];
  /** Of the target; none where it is left to be its primary key. */
  readonly to: readonly string[];
}

function keysOf(connection: SqliteConnection, table: string): readonly Key[] {
  const rows = connection.query(`SELECT * FROM pragma_foreign_key_list(?, 'main') ORDER BY id, seq`, [table]);
  return [...Map.groupBy(rows, row => Number(row.id))].map(([id, parts]) => ({
    id,
    table,
    target: String(parts[0]?.table),
    columns: parts.map(part => String(part.from)),
    to: parts.flatMap(part => (part.to === null ? [] : [String(part.to)])),
  }));
}

/** The keys by which rows refer to nothing; what SQLite says, where it cannot check the table. */
function check(connection: SqliteConnection, table: string): readonly number[] | string {
  try {
    const found = connection.query("SELECT DISTINCT fkid FROM pragma_foreign_key_check(?, 'main')", [table]);
    return found.map(({ fkid }) => Number(fkid));
  } catch (error) {
    if (!(error instanceof SqliteFailure) || isTrouble(error)) throw error;
    return error.message;
  }
}

/** By SQLite's own check, where rows have numbers by which they are found. */
function checkedSql(connection: SqliteConnection, key: Key): string | undefined {
  const columns = connection.query("SELECT lower(name) AS name FROM pragma_table_xinfo(?, 'main')", [key.table]);
  const number = ['rowid', '_rowid_', 'oid'].find(one => columns.every(({ name }) => name !== one));
  const [listed] = connection.query("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?", [key.table]);
  if (number === undefined || listed?.wr === 1) return comparedSql(connection, key);
  return `SELECT ${valueSql(key)} AS value, count(*) AS many
    FROM pragma_foreign_key_check(${literal(key.table)}, 'main') AS found CROSS JOIN main.${quotedName(key.table)} AS "from"
      ON "from".${number} = found.rowid WHERE found.fkid = ${key.id} GROUP BY 1`;
}

/**
 * By a comparison of ours, which SQLite's may differ from where the two columns are of different types. Undefined where the target
 * has no such column.
 */
function comparedSql(connection: SqliteConnection, key: Key): string | undefined {
  const there = connection.query("SELECT name, pk FROM pragma_table_xinfo(?, 'main') ORDER BY pk", [key.target]);
  const primary = there.filter(({ pk }) => pk !== 0).map(({ name }) => String(name));
  const to = key.to.length === 0 ? primary : key.to;
  const isThere = (column: string) => there.some(({ name }) => String(name).toLowerCase() === column.toLowerCase());
  const given = key.columns.map(column => `"from".${quotedName(column)}`);
  const select = `SELECT ${valueSql(key)} AS value, count(*) AS many FROM main.${quotedName(key.table)} AS "from"`;
  const where = `WHERE ${given.map(column => `${column} IS NOT NULL`).join(' AND ')}`;
  if (there.length === 0) return `${select} ${where} GROUP BY 1`;
  if (to.length !== given.length || !to.every(isThere)) return undefined;
  const same = to.map((column, at) => `"to".${quotedName(column)} = ${given[at]}`);
  return `${select} LEFT JOIN main.${quotedName(key.target)} AS "to" ON ${same.join(' AND ')}
    ${where} AND "to".${quotedName(to[0] ?? '')} IS NULL GROUP BY 1`;
}

/** As text, which a column's type does not change: of a whole number also where it is a REAL. */
function valueSql({ columns }: Key): string {
  const texts = columns.map(name => {
    const column = `"from".${quotedName(name)}`;
    const isWhole = `typeof(${column}) = 'real' AND ${column} = CAST(${column} AS INTEGER)`;
    return `CAST(CASE WHEN ${isWhole} THEN CAST(${column} AS INTEGER) ELSE ${column} END AS TEXT)`;
  });
  return `json_array(${texts.join(', ')})`;
}

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

const keyOf = (table: string, target: string) => `${table}\0${target}`.toLowerCase();
