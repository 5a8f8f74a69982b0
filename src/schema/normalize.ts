// Makes what servers print differently the same text, though it means the same. Up to 15 a view over one relation reads
// `SELECT t.id FROM t`, from 16 on `SELECT id FROM t`: the parse tree shows where such a prefix stands; it is cut out of the
// text. A dump that is restored is printed with its casts elsewhere: array-casts.ts. Doing it twice is the same as once. A
// view's text is for comparison only and never run. Pure; the grammar must be loaded. Called by snapshot.ts, revisions.ts.
import { parseNodes } from '../engine/sql/parse-trees.ts';
import { childOf, childrenOf, isTree, type Node, stringOf } from '../engine/sql/tree.ts';
import { isPrinted, withCastsInside } from './array-casts.ts';

/** A definition (JSON) with its printed expressions made the same on every major, and after a restore. */
export function normalizedDefinition(kind: string, definition: string): string {
  return sameOnEveryMajor(kind, isPrinted(kind) ? sameOnceRestored(definition) : definition);
}

/** Never for a sequence, in which there are numbers that JavaScript cannot hold. */
function sameOnceRestored(definition: string): string {
  // Also where there is nothing to mend: the two spellings must become the same JSON, to the space.
  if (!definition.includes('ARRAY[')) return definition;
  const mended: unknown = JSON.parse(definition, (_, value: unknown) =>
    typeof value === 'string' ? withCastsInside(value) : value,
  );
  return JSON.stringify(mended);
}

function sameOnEveryMajor(kind: string, definition: string): string {
  if (kind === 'view' || kind === 'materialized view') return withText(definition, normalizedView);
  if (kind === 'trigger') {
    return withText(definition, text => text.replace(' EXECUTE PROCEDURE ', ' EXECUTE FUNCTION '));
  }
  return definition;
}

function withText(definition: string, normalize: (text: string) => string): string {
  const named: unknown = JSON.parse(definition);
  if (!isTree(named)) return definition;
  return JSON.stringify({ ...named, definition: normalize(stringOf(named, 'definition')) });
}

/** A view's SELECT without the prefix that its only relation does not need. */
export function normalizedView(sql: string): string {
  const [statement] = parseNodes(sql);
  const relation = statement === undefined ? undefined : onlyRelation(statement);
  if (statement === undefined || relation === undefined) return sql;
  const places: number[] = [];
  collect(statement.fields, relation, places);
  const bytes = Buffer.from(sql, 'utf8');
  const pieces: string[] = [];
  let from = 0;
  for (const place of places.sort((a, b) => a - b)) {
    const prefix = PREFIX.exec(bytes.toString('utf8', place, place + LONGEST_PREFIX))?.[0] ?? '';
    pieces.push(bytes.toString('utf8', from, place));
    from = place + Buffer.byteLength(prefix);
  }
  return [...pieces, bytes.toString('utf8', from)].join('');
}

/** In bytes: a name, each letter of which may be a quote, which is written twice; servers can be built for longer names than usual. */
const LONGEST_PREFIX = 2_000;

const PREFIX = /^(?:"(?:[^"]|"")*"|[^\s."(),]+)\./;

/** The name under which a query without set operation sees its one relation. */
function onlyRelation({ type, fields }: Node): string | undefined {
  if (type !== 'SelectStmt' || (stringOf(fields, 'op') || 'SETOP_NONE') !== 'SETOP_NONE') return undefined;
  const from = childrenOf(fields, 'fromClause');
  const [only] = from;
  if (only === undefined || from.length > 1 || only.type === 'JoinExpr') return undefined;
  return stringOf(childOf(only.fields, 'alias'), 'aliasname') || stringOf(only.fields, 'relname') || undefined;
}

/** Inner queries keep their prefixes: every major prints those. */
const INNER = new Set(['subselect', 'subquery', 'ctequery', 'fromClause']);

function collect(value: unknown, relation: string, places: number[]): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, relation, places);
    return;
  }
  if (!isTree(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'ColumnRef' && isTree(inner) && isColumnOf(relation, inner)) places.push(Number(inner.location ?? 0));
    else if (!INNER.has(key)) collect(inner, relation, places);
  }
}

function isColumnOf(relation: string, reference: Readonly<Record<string, unknown>>): boolean {
  const [table, column, ...more] = childrenOf(reference, 'fields');
  return (
    more.length === 0 &&
    column?.type === 'String' &&
    table?.type === 'String' &&
    stringOf(table.fields, 'sval') === relation
  );
}
