// What statements for SQLite would lose: rows of tables that they drop or empty, values of columns that they drop. A table
// that is rebuilt (dropped, and another renamed to its name in the same file) loses nothing. Counts against the database
// as it is now. Reads only. Called before an upgrade or a downgrade, to be shown and asked.
import type { Loss } from '../losses.ts';
import { quotedName, type SqliteConnection, SqliteFailure } from './connection.ts';
import type { SqliteFile, SqliteStatement } from './statements.ts';
import { keyword, nameOf } from './tokens.ts';

/** Everything that the files lose, in order. */
export function sqliteLosses(
  connection: SqliteConnection,
  files: readonly { readonly version: string; readonly file: SqliteFile }[],
): readonly Loss[] {
  return files.flatMap(({ version, file }) => {
    const rebuilt = new Set(file.statements.map(renamedTo).filter(name => name !== undefined));
    return file.statements.flatMap(statement => {
      const lost = lossOf(connection, statement, rebuilt);
      return lost === undefined || lost.rows === 0 ? [] : [{ version, ...lost }];
    });
  });
}

/** `ALTER TABLE a RENAME TO b` → b. */
function renamedTo({ tokens }: SqliteStatement): string | undefined {
  const words = tokens.map(keyword);
  const at = words.indexOf('TO');
  if (words[0] !== 'ALTER' || words[1] !== 'TABLE' || words[at - 1] !== 'RENAME') return undefined;
  return nameOf(tokens[at + 1]).toLowerCase();
}

function lossOf(
  connection: SqliteConnection,
  { tokens }: SqliteStatement,
  rebuilt: ReadonlySet<string>,
): Omit<Loss, 'version'> | undefined {
  const words = tokens.map(keyword);
  if (words[0] === 'DROP' && words[1] === 'TABLE') {
    const table = nameAt(words[2] === 'IF' ? 4 : 2);
    return rebuilt.has(table.toLowerCase())
      ? undefined
      : { kind: 'Table', name: table, rows: rowsOf(connection, table) };
  }
  if (words[0] === 'DELETE' && words[1] === 'FROM' && !words.includes('WHERE')) {
    const table = nameAt(2);
    return { kind: 'Table', name: table, rows: rowsOf(connection, table) };
  }
  const drop = words.indexOf('DROP');
  if (words[0] === 'ALTER' && words[1] === 'TABLE' && drop > 0) {
    const table = nameAt(2);
    const column = nameOf(tokens[words[drop + 1] === 'COLUMN' ? drop + 2 : drop + 1]);
    return { kind: 'Column', name: `${table}.${column}`, rows: valuesOf(connection, table, column) };
  }
  return undefined;

  function nameAt(index: number): string {
    return nameOf(tokens[index + 1]?.text === '.' ? tokens[index + 2] : tokens[index]);
  }
}

/** A table that is not there yet is made by the same run: nothing of it is lost. */
function rowsOf(connection: SqliteConnection, table: string): number {
  return counted(connection, `SELECT count(*) AS rows FROM ${quotedName(table)}`);
}

function valuesOf(connection: SqliteConnection, table: string, column: string): number {
  // A quoted name that is no column would be read as a string: asked for by the table's own name it is an error.
  const [t, c] = [quotedName(table), quotedName(column)];
  return counted(connection, `SELECT count(*) AS rows FROM ${t} WHERE ${t}.${c} IS NOT NULL`);
}

function counted(connection: SqliteConnection, sql: string): number {
  try {
    return Number(connection.query(sql)[0]?.rows ?? 0);
  } catch (error) {
    if (error instanceof SqliteFailure && error.code === 1) return 0;
    throw error;
  }
}
