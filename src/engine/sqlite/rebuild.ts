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

/** What a statement does to tables as a whole, by their names in lower case. */
export interface Step {
  readonly statement: SqliteStatement;
  readonly made: string | undefined;
  readonly dropped: string | undefined;
  readonly named: { readonly from: string; readonly to: string } | undefined;
  readonly copied: { readonly source: string; readonly target: string } | undefined;
  /** `Whole`: the table that is made has all of the one that it is made of. */
  readonly copies: 'Whole' | 'Part';
}

/** Of one file, read once: each table that goes is looked for in all of them. */
export function stepsOf(file: SqliteFile): readonly Step[] {
  return file.statements.flatMap(statement => {
    const [made, dropped] = [madeTable(statement)?.toLowerCase(), droppedTable(statement)?.toLowerCase()];
    const { table, to, column } = renamed(statement) ?? {};
    const isNamed = table !== undefined && to !== undefined && column === undefined;
    const named = isNamed ? { from: table.toLowerCase(), to: to.toLowerCase() } : undefined;
    const { source, target } = copied(statement) ?? {};
    const isCopy = source !== undefined && target !== undefined;
    const copy = isCopy ? { source: source.toLowerCase(), target: target.toLowerCase() } : undefined;
    if ((made ?? dropped ?? named ?? copy) === undefined) return [];
    const copies = isCopy && made !== undefined && columnsOf(statement) === 'All' ? 'Whole' : 'Part';
    return [{ statement, made, dropped, named, copied: copy, copies }];
  });
}

/** The rebuild that a DROP TABLE belongs to; `before` is how the database calls the table now. */
export function rebuildOf(
  steps: readonly Step[],
  dropping: SqliteStatement,
  table: string,
  before: string,
): Rebuild | undefined {
  const held = { table: table.toLowerCase(), until: dropping.number, before: before.toLowerCase() };
  const given = lastGiven(steps, held);
  const old = given?.named?.from;
  // Where two tables change names, the old one is copied by the one that it had, and dropped by another.
  const found =
    copyOf(steps, held) ??
    (given === undefined || old === undefined
      ? undefined
      : copyOf(steps, { table: old, until: given.statement.number, before: old }));
  if (found === undefined) return undefined;
  const { copy, target, carriers } = found;
  const making = steps.findLast(one => one.statement.number <= copy.number && one.made === target)?.statement;
  // Of one that this file does not make nothing is known.
  if (making === undefined || isTemporary(making)) return undefined;
  const holders = [target, ...carriers];
  return { copy, holders, columns: columnsOf(copy), types: typesOf(copy, making), clauses: clausesOf(making) };
}

/** A name of a table, the number of the statement that takes it away, and how the database calls the table now. */
interface Held {
  readonly table: string;
  readonly until: number;
  readonly before: string;
}

/** The last time that a name was given to a table, or taken from one: what came before was another table. */
function lastGiven(steps: readonly Step[], { table, until }: Held): Step | undefined {
  return steps.findLast(
    ({ statement, named, dropped }) => statement.number < until && (named?.to === table || dropped === table),
  );
}

/** What is copied of a table while it has a name, into the table that has its name later on. */
function copyOf(
  steps: readonly Step[],
  held: Held,
): { readonly copy: SqliteStatement; readonly target: string; readonly carriers: readonly string[] } | undefined {
  const { table, until, before } = held;
  const since = lastGiven(steps, held)?.statement.number ?? 0;
  const between = steps.filter(({ statement }) => statement.number > since && statement.number < until);
  const isReplaced = before !== table && between.some(({ made }) => made === before);
  const wholes = wholesOf(between, table);
  const copy = between.findLast(one => {
    if (one.copied === undefined || !wholes.includes(one.copied.source)) return false;
    return (isReplaced && one.copied.target === before) || getsName(steps, one, held);
  });
  if (copy?.copied === undefined) return undefined;
  const { source, target } = copy.copied;
  return { copy: copy.statement, target, carriers: source === table ? [] : wholes.slice(1) };
}

/** The table, and those that are made of all that it has. */
function wholesOf(steps: readonly Step[], table: string): readonly string[] {
  const wholes = [table];
  for (const { copied, copies } of steps) {
    if (copies === 'Whole' && copied !== undefined && wholes.includes(copied.source)) wholes.push(copied.target);
  }
  return wholes;
}

/** Whether a table that rows are copied to stays, and gets the name of the dropped one, by one new name after another. */
function getsName(steps: readonly Step[], copy: Step, { table, until }: Held): boolean {
  let name = copy.copied?.target;
  for (const { dropped, named, statement } of steps.slice(steps.indexOf(copy) + 1)) {
    if (dropped === name) return false;
    if (named === undefined || named.from !== name) continue;
    name = named.to;
    if (statement.number > until && name === table) return true;
  }
  return false;
}

/** Gone with the connection, whatever name it has. */
function isTemporary({ tokens }: SqliteStatement): boolean {
  const isOfSchema = tokens
    .slice(0, 8)
    .some((token, at) => tokens[at + 1]?.text === '.' && nameOf(token).toLowerCase() === 'temp');
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
    return { name: nameOf(name).toLowerCase(), type: isStrict && type.toUpperCase() === 'ANY' ? '' : type };
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
export function holdersIn(steps: readonly Step[], names: Names): readonly string[] {
  const then = names.fork();
  return steps.flatMap(({ statement, dropped }) => {
    const rebuild = dropped === undefined ? undefined : rebuildOf(steps, statement, dropped, then.table(dropped));
    const holders = rebuild?.holders.map(name => then.table(name)) ?? [];
    then.follow(statement);
    return holders;
  });
}
