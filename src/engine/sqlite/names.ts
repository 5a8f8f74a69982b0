// How the tables of a SQLite file that statements rename and rebuild on the way are called in the database now. Pure; fed
// with one statement after another, of all files of a run. Called by losses.ts and rebuild.ts.
import type { SqliteStatement } from './statements.ts';
import { keyword, nameOf } from './tokens.ts';

export class Names {
  readonly #before = new Map<string, string>();
  /** By the name of a table that is made on the way: from which table its rows are. */
  readonly #filledFrom = new Map<string, string>();

  /** To look ahead with. */
  fork(): Names {
    const fork = new Names();
    for (const [name, before] of this.#before) fork.#before.set(name, before);
    for (const [name, source] of this.#filledFrom) fork.#filledFrom.set(name, source);
    return fork;
  }

  /** `people` → `users`; a name that was not given on the way stands for itself. */
  table(name: string): string {
    return this.#before.get(name.toLowerCase()) ?? name;
  }

  column(table: string, name: string): string {
    return this.#before.get(`${this.table(table)}.${name}`.toLowerCase()) ?? name;
  }

  /** Of a table that is made on the way, the one whose rows were copied into it. */
  origin(name: string): string | undefined {
    return this.#filledFrom.get(name.toLowerCase());
  }

  follow(statement: SqliteStatement): void {
    const copy = copied(statement);
    if (copy !== undefined) {
      const source = this.table(copy.source);
      this.#filledFrom.set(this.table(copy.target).toLowerCase(), this.origin(source) ?? source);
    }
    const { table, to, column } = renamed(statement) ?? {};
    if (table === undefined || to === undefined) return;
    const before = this.table(table);
    if (column === undefined) this.#before.set(to.toLowerCase(), before);
    else this.#before.set(`${before}.${to}`.toLowerCase(), this.column(table, column));
  }
}

/** `ALTER TABLE a RENAME TO b`, `ALTER TABLE a RENAME COLUMN b TO c`. */
export function renamed({
  tokens,
}: SqliteStatement): { readonly table: string; readonly to: string; readonly column?: string } | undefined {
  const words = tokens.map(keyword);
  const rename = words.indexOf('RENAME');
  const to = words.indexOf('TO', rename);
  if (words[0] !== 'ALTER' || words[1] !== 'TABLE' || rename < 0 || to < 0) return undefined;
  const table = nameAt(tokens, 2);
  const given = nameOf(tokens[to + 1]);
  return to === rename + 1 ? { table, to: given } : { table, to: given, column: nameOf(tokens[to - 1]) };
}

/** `INSERT INTO target … SELECT … FROM source`, `CREATE TABLE target AS SELECT … FROM source`: of one table, the first. */
export function copied(statement: SqliteStatement): { readonly target: string; readonly source: string } | undefined {
  const { tokens } = statement;
  const words = tokens.map(keyword);
  const select = words.indexOf('SELECT');
  const from = words.indexOf('FROM', select);
  const into = words[0] === 'INSERT' ? nameAt(tokens, words.indexOf('INTO') + 1) : madeTable(statement);
  if (into === undefined || select < 0 || from < 0) return undefined;
  return { target: into, source: nameAt(tokens, from + 1) };
}

/** `CREATE TABLE name …`. */
export function madeTable({ tokens }: SqliteStatement): string | undefined {
  const words = tokens.slice(0, 7).map(keyword);
  const at = words.indexOf('TABLE');
  if (words[0] !== 'CREATE' || at < 0 || at > 2) return undefined;
  return nameAt(tokens, words[at + 1] === 'IF' ? at + 4 : at + 1);
}

/** `DROP TABLE name`. */
export function droppedTable({ tokens }: SqliteStatement): string | undefined {
  const words = tokens.slice(0, 3).map(keyword);
  return words[0] === 'DROP' && words[1] === 'TABLE' ? nameAt(tokens, words[2] === 'IF' ? 4 : 2) : undefined;
}

/** Index of the column's name in `ALTER TABLE t ADD COLUMN c …` or `… DROP c`; undefined for any other statement. */
export function columnAt(tokens: SqliteStatement['tokens'], word: 'ADD' | 'DROP'): number | undefined {
  if (keyword(tokens[0]) !== 'ALTER' || keyword(tokens[1]) !== 'TABLE') return undefined;
  const at = tokens[3]?.text === '.' ? 5 : 3;
  if (keyword(tokens[at]) !== word) return undefined;
  return keyword(tokens[at + 1]) === 'COLUMN' ? at + 2 : at + 1;
}

/** A name, behind its schema if there is one. */
export function nameAt(tokens: SqliteStatement['tokens'], index: number): string {
  return nameOf(tokens[index + 1]?.text === '.' ? tokens[index + 2] : tokens[index]);
}
