// What statements for SQLite would lose: rows of tables that they drop or empty, values of columns that they drop, and what
// they do to rows that nobody can count. A table that is rebuilt (copied, dropped, and the copy renamed to its name) loses
// the columns that were not copied. Counts against the database as it is now, under the names that things have there.
// Reads only. Called before an upgrade or a downgrade, to be shown and asked.
import type { Loss } from '../losses.ts';
import { quotedName, type SqliteConnection, SqliteFailure } from './connection.ts';
import type { SqliteFile, SqliteStatement } from './statements.ts';
import { keyword, nameOf } from './tokens.ts';

type Lost = Omit<Loss, 'version' | 'where'>;

/** Everything that the files lose, in order; on the way up without what only changes rows, which is what was wanted. */
export function sqliteLosses(
  connection: SqliteConnection,
  files: readonly { readonly version: string; readonly file: SqliteFile }[],
  direction: 'Up' | 'Down',
): readonly Loss[] {
  const names = new Names();
  return files.flatMap(({ version, file }) =>
    file.statements
      .flatMap(statement => {
        const lost = lossesOf(connection, file, statement, names);
        names.follow(statement);
        return lost.map(one => ({ version, ...one, where: whereOf(file, statement) }));
      })
      .filter(lost => lost.rows !== 0 && (direction === 'Down' || lost.kind !== 'Statement')),
  );
}

/** How things that are renamed on the way are called in the database now. */
class Names {
  readonly #before = new Map<string, string>();

  /** `people` → `users`; a name that was not given on the way stands for itself. */
  table(name: string): string {
    return this.#before.get(name.toLowerCase()) ?? name;
  }

  column(table: string, name: string): string {
    return this.#before.get(`${this.table(table)}.${name}`.toLowerCase()) ?? name;
  }

  follow(statement: SqliteStatement): void {
    const { table, to, column } = renamed(statement) ?? {};
    if (table === undefined || to === undefined) return;
    const before = this.table(table);
    if (column === undefined) this.#before.set(to.toLowerCase(), before);
    else this.#before.set(`${before}.${to}`.toLowerCase(), this.column(table, column));
  }
}

/** `ALTER TABLE a RENAME TO b`, `ALTER TABLE a RENAME COLUMN b TO c`. */
function renamed({ tokens }: SqliteStatement): { table: string; to: string; column?: string } | undefined {
  const words = tokens.map(keyword);
  const rename = words.indexOf('RENAME');
  const to = words.indexOf('TO', rename);
  if (words[0] !== 'ALTER' || words[1] !== 'TABLE' || rename < 0 || to < 0) return undefined;
  const table = nameAt(tokens, 2);
  const given = nameOf(tokens[to + 1]);
  return to === rename + 1 ? { table, to: given } : { table, to: given, column: nameOf(tokens[to - 1]) };
}

function lossesOf(
  connection: SqliteConnection,
  file: SqliteFile,
  statement: SqliteStatement,
  names: Names,
): readonly Lost[] {
  const { tokens } = statement;
  const words = tokens.map(keyword);
  const uncounted = { kind: 'Statement', name: whereOf(file, statement), rows: null } as const;
  if (words[0] === 'DROP' && words[1] === 'TABLE')
    return dropped(connection, file, statement, nameAt(tokens, words[2] === 'IF' ? 4 : 2), names);
  if (words[0] === 'DELETE' && words[1] === 'FROM' && !words.includes('WHERE')) {
    const table = nameAt(tokens, 2);
    return [{ kind: 'Table', name: table, rows: rowsOf(connection, names.table(table)) }];
  }
  if (changesRows(words)) return [uncounted];
  const drop = words.indexOf('DROP');
  if (words[0] !== 'ALTER' || words[1] !== 'TABLE' || drop < 0) return [];
  const table = nameAt(tokens, 2);
  const column = nameOf(tokens[words[drop + 1] === 'COLUMN' ? drop + 2 : drop + 1]);
  return [columnLoss(connection, names.table(table), names.column(table, column))];
}

const CHANGING = new Set(['DELETE', 'UPDATE', 'REPLACE']);

/** Triggers and foreign keys name the same words, but only in CREATE statements. */
function changesRows(words: readonly string[]): boolean {
  const [first = ''] = words;
  return CHANGING.has(first) || ((first === 'WITH' || first === 'INSERT') && words.some(word => CHANGING.has(word)));
}

/** Of a table that is rebuilt only what its copy has not. */
function dropped(
  connection: SqliteConnection,
  file: SqliteFile,
  statement: SqliteStatement,
  table: string,
  names: Names,
): readonly Lost[] {
  const before = names.table(table);
  const whole = [{ kind: 'Table', name: before, rows: rowsOf(connection, before) } as const];
  const isRebuilt = file.statements.some(one => {
    const made = one.number > statement.number ? renamed(one) : undefined;
    return made?.column === undefined && made?.to.toLowerCase() === table.toLowerCase();
  });
  const isReplaced =
    before !== table && file.statements.some(one => one.number < statement.number && makes(one, before));
  const copy = file.statements.findLast(one => one.number < statement.number && copies(one, table));
  if (!(isRebuilt || isReplaced) || copy === undefined || whole[0]?.rows === 0) return whole;
  const words = copy.tokens.map(keyword);
  if (words.some(word => PARTIAL.has(word))) return [{ kind: 'Statement', name: whereOf(file, copy), rows: null }];
  const selected = copy.tokens.slice(words.indexOf('SELECT') + 1);
  // Elsewhere a star multiplies.
  if (words.some((word, at) => word === '*' && ['SELECT', ',', '.'].includes(words[at - 1] ?? ''))) return [];
  const mentioned = new Set(selected.map(token => nameOf(token).toLowerCase()));
  return columnsOf(connection, before)
    .filter(column => !mentioned.has(column.toLowerCase()))
    .map(column => columnLoss(connection, before, column));
}

/** What makes of a copy less than the whole. */
const PARTIAL = new Set(['WHERE', 'LIMIT', 'GROUP', 'DISTINCT', 'HAVING', 'JOIN', 'OR', 'CONFLICT']);

/** `INSERT INTO … SELECT … FROM table`. */
function copies({ tokens }: SqliteStatement, table: string): boolean {
  const words = tokens.map(keyword);
  const from = words.indexOf('FROM', words.indexOf('SELECT'));
  return (
    words[0] === 'INSERT' && words.includes('SELECT') && nameAt(tokens, from + 1).toLowerCase() === table.toLowerCase()
  );
}

function makes({ tokens }: SqliteStatement, table: string): boolean {
  const words = tokens.map(keyword);
  const at = words.indexOf('TABLE');
  if (words[0] !== 'CREATE' || at < 0) return false;
  return nameAt(tokens, words[at + 1] === 'IF' ? at + 4 : at + 1).toLowerCase() === table.toLowerCase();
}

const whereOf = (file: SqliteFile, { number, line }: SqliteStatement) =>
  `${file.file}, statement ${number} (line ${line})`;

/** A name, behind its schema if there is one. */
function nameAt(tokens: SqliteStatement['tokens'], index: number): string {
  return nameOf(tokens[index + 1]?.text === '.' ? tokens[index + 2] : tokens[index]);
}

/** A table that is not there yet is made by the same run: nothing of it is lost. */
function rowsOf(connection: SqliteConnection, table: string): number {
  return counted(connection, `SELECT count(*) AS rows FROM ${quotedName(table)}`);
}

function columnsOf(connection: SqliteConnection, table: string): readonly string[] {
  return connection.query('SELECT name FROM pragma_table_info(?)', [table]).map(row => String(row.name));
}

function columnLoss(connection: SqliteConnection, table: string, column: string): Lost {
  // A quoted name that is no column would be read as a string: asked for by the table's own name it is an error.
  const [t, c] = [quotedName(table), quotedName(column)];
  const rows = counted(connection, `SELECT count(*) AS rows FROM ${t} WHERE ${t}.${c} IS NOT NULL`);
  return { kind: 'Column', name: `${table}.${column}`, rows };
}

function counted(connection: SqliteConnection, sql: string): number {
  try {
    return Number(connection.query(sql)[0]?.rows ?? 0);
  } catch (error) {
    if (error instanceof SqliteFailure && error.code === 1) return 0;
    throw error;
  }
}
