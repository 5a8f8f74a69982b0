// What going the other way again gives to a column of a SQLite file that goes: read from the one ALTER TABLE … ADD COLUMN of
// those scripts, never from the column as it is. Its default of today may be younger than the rows' values. Pure, and on the safe
// side: names are looked for as words, so that whatever may write to the rows takes the proof away. Called by losses.ts.
import type { Script } from '../sql/script.ts';
import { columnAt, droppedTable, madeTable, nameAt, renamed } from './names.ts';
import { parseSqliteFile, type SqliteStatement } from './statements.ts';
import { keyword, nameOf, type Token, tokensOf } from './tokens.ts';

/** `Anything`: some value, which cannot be told. `Unproven`: it is not known that the column is added at all. */
export type Given =
  | { readonly kind: 'Constant'; readonly sql: string }
  | { readonly kind: 'Null' | 'Anything' | 'Unproven' };

/** What of the database may write to a table when something else is written to. */
export interface Surroundings {
  /** The texts of all triggers that are there now. */
  readonly triggers: readonly string[];
  /** Whether a reference of the table changes its rows with others: ON DELETE CASCADE, ON UPDATE SET NULL. */
  readonly follows: 'References' | 'Nothing';
}

const ANYTHING: Given = { kind: 'Anything' };
const UNPROVEN: Given = { kind: 'Unproven' };

const WRITING = new Set(['INSERT', 'UPDATE', 'REPLACE', 'DELETE', 'WITH']);
const HARMLESS = new Set([
  ...['CREATE', 'ALTER', 'DROP', 'SELECT', 'VALUES', 'EXPLAIN', 'ANALYZE', 'REINDEX', 'VACUUM', 'PRAGMA'],
  ...['SAVEPOINT', 'RELEASE'],
]);

export class SqliteWayBack {
  readonly #scripts: readonly (Script | undefined)[];
  #parsed: readonly SqliteStatement[] | 'Unknown' | undefined;

  /** Undefined where a version has no script for that way, or nobody has it any more. */
  constructor(scripts: readonly (Script | undefined)[]) {
    this.#scripts = scripts;
  }

  /** Of a column that is there now, of a table by its name of now. */
  givenTo(table: string, column: string, around: Surroundings): Given {
    this.#parsed ??= parsed(this.#scripts);
    if (this.#parsed === 'Unknown') return UNPROVEN;
    const statements = this.#parsed;
    if (mayWrite(statements, table, around)) return ANYTHING;
    if (statements.some(statement => isOf(renamed(statement), table, column))) return UNPROVEN;
    const altering = statements.filter(statement => alters(statement, table));
    const adding = altering.flatMap(({ tokens }) => definitionOf(tokens, 'ADD', column));
    const [definition] = adding;
    if (definition === undefined) return UNPROVEN;
    const isDropped = altering.some(({ tokens }) => definitionOf(tokens, 'DROP', column).length > 0);
    return adding.length > 1 || isDropped ? ANYTHING : givenBy(definition);
  }
}

/** One that nobody can read is as unknown as one that is not there. */
function parsed(scripts: readonly (Script | undefined)[]): readonly SqliteStatement[] | 'Unknown' {
  const statements: SqliteStatement[] = [];
  for (const script of scripts) {
    if (script === undefined) return 'Unknown';
    try {
      statements.push(...parseSqliteFile(script).statements);
    } catch {
      return 'Unknown';
    }
  }
  return statements;
}

/** Whether the rows of a table may get other values than the statements show that add its columns. */
function mayWrite(statements: readonly SqliteStatement[], table: string, { triggers, follows }: Surroundings): boolean {
  const firsts = statements.map(({ tokens }) => keyword(tokens[0]));
  if (firsts.some(first => !WRITING.has(first) && !HARMLESS.has(first))) return true;
  const isReplaced = statements.some(one => same(madeTable(one), table) || same(droppedTable(one), table));
  if (isReplaced) return true;
  const writing = statements.filter((_, at) => WRITING.has(firsts[at] ?? ''));
  const changesHands = statements.some(one => isOf(renamed(one), table, undefined));
  if (changesHands && (writing.length > 0 || statements.some(one => madeTable(one) !== undefined))) return true;
  if (writing.length === 0) return false;
  if (follows === 'References' || writing.some(({ tokens }) => mentions(tokens, table))) return true;
  if (mayHaveLostTrigger(statements)) return true;
  const made = statements.filter(({ tokens }) => keyword(tokens[0]) === 'CREATE' && isTrigger(tokens));
  // Whatever sets it off, a trigger that writes to the table has its name in its text.
  return [...made.map(one => one.tokens), ...triggers.map(tokensOf)].some(one => mentions(one, table));
}

/** Whether one was there that is not any more: it was dropped, or later on what is written to was, by its name or a new one. */
function mayHaveLostTrigger(statements: readonly SqliteStatement[]): boolean {
  const drops = (from: number, name: string | undefined) =>
    name !== undefined && statements.slice(from).some(one => same(droppedName(one), name));
  return statements.some((statement, at) => {
    if (keyword(statement.tokens[0]) === 'DROP' && isTrigger(statement.tokens)) return true;
    const targets = WRITING.has(keyword(statement.tokens[0])) ? targetsOf(statement.tokens) : [];
    return targets.some(
      name =>
        drops(at, name) ||
        statements.some(
          (one, later) => later > at && same(renamed(one)?.table, name) && drops(later, renamed(one)?.to),
        ),
    );
  });
}

/** `DROP TABLE t`, `DROP VIEW IF EXISTS v`. */
function droppedName({ tokens }: SqliteStatement): string | undefined {
  if (keyword(tokens[0]) !== 'DROP') return undefined;
  return nameAt(tokens, keyword(tokens[2]) === 'IF' ? 4 : 2);
}

/** What a statement writes to: `INSERT INTO t`, `UPDATE OR IGNORE t`, `DELETE FROM t`, also behind WITH. */
function targetsOf(tokens: readonly Token[]): readonly string[] {
  const words = tokens.map(keyword);
  return words.flatMap((word, at) => {
    if (word === 'INTO') return [nameAt(tokens, at + 1)];
    if (word === 'UPDATE') return [nameAt(tokens, words[at + 1] === 'OR' ? at + 3 : at + 1)];
    return word === 'DELETE' && words[at + 1] === 'FROM' ? [nameAt(tokens, at + 2)] : [];
  });
}

const isTrigger = (tokens: readonly Token[]) => tokens.slice(1, 3).some(token => keyword(token) === 'TRIGGER');

const same = (one: string | undefined, other: string) => one?.toLowerCase() === other.toLowerCase();

const mentions = (tokens: readonly Token[], name: string) => tokens.some(token => same(nameOf(token), name));

/** A new name for the table, or for its column; without `column` of the table alone. */
function isOf(given: ReturnType<typeof renamed>, table: string, column: string | undefined): boolean {
  if (given === undefined) return false;
  if (given.column === undefined) return same(given.table, table) || same(given.to, table);
  return column !== undefined && same(given.table, table) && (same(given.column, column) || same(given.to, column));
}

function alters({ tokens }: SqliteStatement, table: string): boolean {
  return keyword(tokens[0]) === 'ALTER' && keyword(tokens[1]) === 'TABLE' && same(nameAt(tokens, 2), table);
}

/** `ALTER TABLE t ADD COLUMN name …`: what stands behind the name, once; of another column, or of none, nothing. */
function definitionOf(tokens: readonly Token[], word: 'ADD' | 'DROP', column: string): readonly (readonly Token[])[] {
  const name = columnAt(tokens, word);
  return name !== undefined && same(nameOf(tokens[name]), column) ? [tokens.slice(name + 1)] : [];
}

function givenBy(definition: readonly Token[]): Given {
  const words = definition.map(keyword);
  // `ON DELETE SET DEFAULT` gives nothing.
  const defaults = words.flatMap((word, at) => (word === 'DEFAULT' && words[at - 1] !== 'SET' ? [at] : []));
  const [at] = defaults;
  if (at === undefined) return words.includes('AS') ? ANYTHING : { kind: 'Null' };
  return defaults.length > 1 ? ANYTHING : literalOf(definition.slice(at + 1));
}

/** A literal, with a sign or in parentheses; what is computed is another value for each row. */
function literalOf(tokens: readonly Token[]): Given {
  const [first, second] = tokens;
  if (first?.text === '(') {
    const inner = tokens.slice(1, tokens.map(token => token.text).indexOf(')'));
    const isWhole = inner.length === 1 || (inner.length === 2 && /^[+-]$/.test(inner[0]?.text ?? ''));
    return isWhole ? literalOf(inner) : ANYTHING;
  }
  if (first?.text === '-' || first?.text === '+') {
    return second?.kind === 'number' ? { kind: 'Constant', sql: `${first.text}${second.text}` } : ANYTHING;
  }
  if (first?.kind === 'number' || first?.kind === 'string') return { kind: 'Constant', sql: first.text };
  // A name in quotes is the text of its letters here.
  if (first?.kind === 'quoted') return { kind: 'Constant', sql: `'${nameOf(first).replaceAll("'", "''")}'` };
  const word = keyword(first);
  if (word === 'NULL') return { kind: 'Null' };
  // As words they would ask for truth: 5 is no other value than TRUE.
  if (word === 'TRUE' || word === 'FALSE') return { kind: 'Constant', sql: word === 'TRUE' ? '1' : '0' };
  return ANYTHING;
}
