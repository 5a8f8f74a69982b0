// A table that is rebuilt on SQLite: a new one is made, rows are copied, the old one is dropped, the copy gets its name. What
// of the old one is not in the copy is lost with it. Pure: reads the statements of one file. Called by losses.ts.
import { copied, droppedTable, madeTable, renamed } from './names.ts';
import type { SqliteFile, SqliteStatement } from './statements.ts';
import { keyword, nameOf, type Token } from './tokens.ts';

export interface Rebuild {
  readonly copy: SqliteStatement;
  /** The old table's columns that are copied as they are; `Unknown`: rows are picked or values made. */
  readonly columns: readonly string[] | 'All' | 'Unknown';
  /** In the same order, the types that they are copied to; undefined where a value stays what it is. */
  readonly types: readonly (string | undefined)[];
}

/** The rebuild that a DROP TABLE belongs to; `before` is how the database calls the table now. */
export function rebuildOf(
  file: SqliteFile,
  dropping: SqliteStatement,
  table: string,
  before: string,
): Rebuild | undefined {
  const same = (one: string | undefined, other: string) => one?.toLowerCase() === other.toLowerCase();
  const earlier = file.statements.filter(one => one.number < dropping.number);
  const isRebuilt = file.statements.some(one => {
    const made = one.number > dropping.number ? renamed(one) : undefined;
    return made?.column === undefined && same(made?.to, table);
  });
  // The last time that the name was given to a table, or taken from one: what came before was another table.
  const since = earlier.findLast(one => same(renamed(one)?.to, table) || same(droppedTable(one), table))?.number ?? 0;
  const isReplaced = before !== table && earlier.some(one => one.number > since && same(madeTable(one), before));
  const copy = earlier.findLast(one => one.number > since && same(copied(one)?.source, table));
  if (!(isRebuilt || isReplaced) || copy === undefined) return undefined;
  const target = copied(copy)?.target ?? '';
  const making = earlier.findLast(one => same(madeTable(one), target));
  return { copy, columns: columnsOf(copy), types: typesOf(copy, making) };
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

/** What makes a type end and a constraint begin. */
const CONSTRAINTS = new Set([
  ...['CONSTRAINT', 'PRIMARY', 'NOT', 'NULL', 'UNIQUE', 'CHECK', 'DEFAULT', 'COLLATE', 'REFERENCES', 'GENERATED', 'AS'],
]);

function typesOf({ tokens }: SqliteStatement, making: SqliteStatement | undefined): Rebuild['types'] {
  if (making === undefined || keyword(tokens[0]) === 'CREATE') return [];
  const words = making.tokens.map(token => token.text);
  const [open, close] = [words.indexOf('('), words.lastIndexOf(')')];
  const made = splitAtCommas(making.tokens.slice(open + 1, close)).map(([name, ...rest]) => {
    const end = rest.findIndex(token => CONSTRAINTS.has(keyword(token)));
    const type = (end < 0 ? rest : rest.slice(0, end)).map(token => token.text).join(' ');
    return { name: nameOf(name).toLowerCase(), type };
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
