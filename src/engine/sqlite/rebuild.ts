// A table that is rebuilt on SQLite: a new one is made, rows are copied, the old one is dropped, the copy gets its name. What
// of the old one is not in the copy is lost with it. Pure: reads the statements of one file. Called by losses.ts.
import { copied, droppedTable, madeTable, type Names, renamed } from './names.ts';
import { spelled } from './snapshot.ts';
import type { SqliteFile, SqliteStatement } from './statements.ts';
import { keyword, nameOf, type Token } from './tokens.ts';

export interface Rebuild {
  readonly copy: SqliteStatement;
  /** The new table, by its name when rows are copied, and those by which they come. */
  readonly holders: readonly string[];
  /** The old table's columns that are copied as they are; `Unknown`: rows are picked or values made. */
  readonly columns: readonly string[] | 'All' | 'Unknown';
  /** In the same order, the types that they are copied to; undefined where a value stays what it is. */
  readonly types: readonly (string | undefined)[];
  /** Columns and constraints of the new table that pass over rows, or change them, in silence: `UNIQUE ON CONFLICT IGNORE`. */
  readonly clauses: readonly string[];
}

/** The rebuild that a DROP TABLE belongs to; `before` is how the database calls the table now. */
export function rebuildOf(
  file: SqliteFile,
  dropping: SqliteStatement,
  table: string,
  before: string,
): Rebuild | undefined {
  const earlier = file.statements.filter(one => one.number < dropping.number);
  // The last time that the name was given to a table, or taken from one: what came before was another table.
  const since = earlier.findLast(one => same(renamed(one)?.to, table) || same(droppedTable(one), table))?.number ?? 0;
  const ofThis = earlier.filter(one => one.number > since);
  const isReplaced = before !== table && ofThis.some(one => same(madeTable(one), before));
  const wholes = wholesOf(ofThis, table);
  const copy = ofThis.findLast(one => {
    const { source, target } = copied(one) ?? {};
    if (target === undefined || !wholes.some(whole => same(source, whole))) return false;
    return (isReplaced && same(target, before)) || getsName(file, { copy: one, dropping, table });
  });
  if (copy === undefined) return undefined;
  const target = copied(copy)?.target ?? '';
  const making = earlier.findLast(one => same(madeTable(one), target));
  // Of one that this file does not make nothing is known.
  if (making === undefined || isTemporary(making)) return undefined;
  const holders = same(copied(copy)?.source, table) ? [target] : [target, ...wholes.slice(1)];
  return { copy, holders, columns: columnsOf(copy), types: typesOf(copy, making), clauses: clausesOf(making) };
}

const same = (one: string | undefined, other: string) => one?.toLowerCase() === other.toLowerCase();

/** The table, and those that are made of all that it has. */
function wholesOf(statements: readonly SqliteStatement[], table: string): readonly string[] {
  const wholes = [table];
  for (const one of statements) {
    const { source, target } = copied(one) ?? {};
    const isWhole = keyword(one.tokens[0]) === 'CREATE' && columnsOf(one) === 'All';
    if (target !== undefined && isWhole && wholes.some(whole => same(source, whole))) wholes.push(target);
  }
  return wholes;
}

/** Whether a table that rows are copied to stays, and gets the name of the dropped one, by one new name after another. */
function getsName(
  file: SqliteFile,
  {
    copy,
    dropping,
    table,
  }: { readonly copy: SqliteStatement; readonly dropping: SqliteStatement; readonly table: string },
): boolean {
  let name = copied(copy)?.target ?? '';
  for (const one of file.statements.filter(({ number }) => number > copy.number)) {
    if (same(droppedTable(one), name)) return false;
    const made = renamed(one);
    if (made === undefined || made.column !== undefined || !same(made.table, name)) continue;
    name = made.to;
    if (one.number > dropping.number && same(name, table)) return true;
  }
  return false;
}

/** Gone with the connection, whatever name it has. */
function isTemporary({ tokens }: SqliteStatement): boolean {
  const isOfSchema = tokens
    .slice(0, 8)
    .some((token, at) => tokens[at + 1]?.text === '.' && same(nameOf(token), 'temp'));
  return isOfSchema || /^TEMP(ORARY)?$/.test(keyword(tokens[1]));
}

/** What makes of a copy less than the whole. */
const PARTIAL = new Set([
  ...[
    'WHERE',
    'LIMIT',
    'OFFSET',
    'GROUP',
    'DISTINCT',
    'HAVING',
    'JOIN',
    'OR',
    'CONFLICT',
    'UNION',
    'EXCEPT',
    'INTERSECT',
  ],
]);

function columnsOf({ tokens }: SqliteStatement): Rebuild['columns'] {
  const words = tokens.map(keyword);
  const select = words.indexOf('SELECT');
  const from = words.indexOf('FROM', select);
  if (words.some(word => PARTIAL.has(word)) || words.includes(',', from)) return 'Unknown';
  const items = splitAtCommas(tokens.slice(select + 1, from));
  if (items.length === 1 && items[0]?.at(-1)?.text === '*') return 'All';
  const columns = items.map(plainColumn);
  return columns.every(column => column !== undefined) ? columns : 'Unknown';
}

/** `name`, `t.name`, either with an alias; empty for a literal, which takes nothing from the row; undefined for all else. */
function plainColumn(item: readonly Token[]): string | undefined {
  const as = item.findIndex(token => keyword(token) === 'AS');
  const parts = as < 0 ? item : item.slice(0, as);
  const [first, point, second] = parts;
  const isLiteral = first?.kind === 'number' || first?.kind === 'string' || keyword(first) === 'NULL';
  if (parts.length === 1) return isLiteral ? '' : nameOf(first);
  return parts.length === 3 && point?.text === '.' ? nameOf(second) : undefined;
}

/** All words of what a copy selects; what only names a value is none. */
export function namesTaken({ tokens }: SqliteStatement): readonly string[] {
  const select = tokens.findIndex(token => keyword(token) === 'SELECT');
  return tokens.slice(select).flatMap((token, at, all) => (keyword(all[at - 1]) === 'AS' ? [] : [nameOf(token)]));
}

/** What makes a type end and a constraint begin. */
const CONSTRAINTS = new Set([
  ...['CONSTRAINT', 'PRIMARY', 'NOT', 'NULL', 'UNIQUE', 'CHECK', 'DEFAULT', 'COLLATE', 'REFERENCES', 'GENERATED', 'AS'],
]);

function typesOf({ tokens }: SqliteStatement, making: SqliteStatement): Rebuild['types'] {
  if (keyword(tokens[0]) === 'CREATE') return [];
  const isStrict = making.tokens.slice(endOf(making.tokens)).some(token => keyword(token) === 'STRICT');
  const made = definitionsOf(making.tokens).map(([name, ...rest]) => {
    const end = rest.findIndex(token => CONSTRAINTS.has(keyword(token)));
    const type = (end < 0 ? rest : rest.slice(0, end)).map(token => token.text).join(' ');
    return { name: nameOf(name).toLowerCase(), type: isStrict && same(type, 'ANY') ? '' : type };
  });
  const into = tokens.slice(
    0,
    tokens.findIndex(token => keyword(token) === 'SELECT'),
  );
  const list = into.findIndex(token => token.text === '(');
  if (list < 0) return made.map(({ type }) => type);
  const names = splitAtCommas(into.slice(list + 1, -1)).map(([name]) => nameOf(name).toLowerCase());
  return names.map(name => made.find(one => one.name === name)?.type);
}

function clausesOf(making: SqliteStatement): Rebuild['clauses'] {
  const passes = (tokens: readonly Token[]) =>
    tokens.some((token, at) => keyword(token) === 'CONFLICT' && /^(IGNORE|REPLACE)$/.test(keyword(tokens[at + 1])));
  return definitionsOf(making.tokens).filter(passes).map(spelled);
}

/** The columns and constraints of a CREATE TABLE; nothing of use where it is made of a SELECT. */
export function definitionsOf(tokens: readonly Token[]): readonly (readonly Token[])[] {
  return splitAtCommas(tokens.slice(tokens.findIndex(token => token.text === '(') + 1, endOf(tokens)));
}

const endOf = (tokens: readonly Token[]) => tokens.findLastIndex(token => token.text === ')');

function splitAtCommas(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token.text === '(') depth += 1;
    if (token.text === ')') depth -= 1;
    if (token.text === ',' && token.kind === 'symbol' && depth === 0) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

/** The tables that a file makes to hold what a table has that it drops: with one of them its rows would go. */
export function holdersIn(file: SqliteFile, names: Names): readonly string[] {
  if (file.statements.every(one => droppedTable(one) === undefined)) return [];
  const then = names.fork();
  return file.statements.flatMap(one => {
    const table = droppedTable(one);
    const rebuild = table === undefined ? undefined : rebuildOf(file, one, table, then.table(table));
    const holders = rebuild?.holders.map(name => then.table(name)) ?? [];
    then.follow(one);
    return holders;
  });
}
