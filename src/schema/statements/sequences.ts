// Sequences that stand for themselves or serve a column's default. Those of an identity are written by their column. From 15 on
// a table that becomes unlogged, or logged, takes along every sequence that it owns by then: one that it no longer owns must
// have left before, and one that is to differ from it is altered after.
import type { Change } from './change.ts';
import type { Draft } from './draft.ts';
import { has, type Item, keyOf, ownName, tableOf, text } from './items.ts';

const BOUNDS: Readonly<Record<string, readonly [string, string]>> = {
  smallint: ['-32768', '32767'],
  integer: ['-2147483648', '2147483647'],
  bigint: ['-9223372036854775808', '9223372036854775807'],
};

const numberOf = (sequence: Item, property: string): string => String(sequence.properties[property] ?? '');

/** What is not as usual: `START WITH 5 INCREMENT BY 2`. */
export function sequenceOptions(sequence: Item): string[] {
  const [least = '', most = ''] = BOUNDS[text(sequence, 'type')] ?? [];
  const isDown = numberOf(sequence, 'increment').startsWith('-');
  const [minimum, maximum] = isDown ? [least, '-1'] : ['1', most];
  const start = isDown ? numberOf(sequence, 'maximum') : numberOf(sequence, 'minimum');
  const options = [
    ['increment', '1', 'INCREMENT BY'],
    ['minimum', minimum, 'MINVALUE'],
    ['maximum', maximum, 'MAXVALUE'],
    ['start', start, 'START WITH'],
    ['cache', '1', 'CACHE'],
  ] as const;
  const written = options
    .filter(([property, usual]) => numberOf(sequence, property) !== usual)
    .map(([property, , words]) => `${words} ${numberOf(sequence, property)}`);
  return has(sequence, 'cycles') ? [...written, 'CYCLE'] : written;
}

const CLAIMED = ['type', 'start', 'increment', 'maximum', 'minimum', 'cache', 'cycles', 'unlogged', 'ownedBy'];

export function writeSequences(draft: Draft, serverMajor: number): void {
  const { before, after, dropped, added, changed } = draft.change;
  for (const sequence of dropped.filter(item => item.kind === 'sequence')) dropSequence(draft, sequence);
  for (const sequence of added.filter(item => item.kind === 'sequence')) {
    if (after.identityOf(sequence) === undefined) createSequence(draft, sequence);
  }
  for (const { from, to } of changed.filter(one => one.to.kind === 'sequence')) {
    const column = after.identityOf(to);
    alterSequence(draft, from, to, column !== undefined && before.has(column) ? 'Identity' : 'Own');
  }
  for (const from of before.of('sequence').filter(item => !draft.change.isGone(item))) {
    const to = after.get(keyOf(from));
    if (to !== undefined) keepLogging(draft, from, to, serverMajor);
  }
}

/** The table that takes a sequence along when it becomes unlogged or logged; undefined where none does. */
function takenAlongBy({ change }: Draft, from: Item, serverMajor: number): Item | undefined {
  if (serverMajor < 15) return undefined;
  const table = tableOf(change.before.get(`column ${text(from, 'ownedBy')}`) ?? from);
  const both = change.changed.find(one => one.to.kind === 'table' && one.to.name === table);
  return both !== undefined && has(both.from, 'unlogged') !== has(both.to, 'unlogged') ? both.to : undefined;
}

function keepLogging(draft: Draft, from: Item, to: Item, serverMajor: number): void {
  const [old, now] = [text(from, 'ownedBy'), text(to, 'ownedBy')];
  const table = takenAlongBy(draft, from, serverMajor);
  const leaves = old !== '' && old !== now && draft.change.before.identityOf(from) === undefined;
  if (leaves && (table !== undefined || now === ''))
    draft.write('sequences', `ALTER SEQUENCE ${to.name} OWNED BY NONE`);
  const before = leaves ? from : (table ?? from);
  if (has(before, 'unlogged') === has(to, 'unlogged')) return;
  draft.write('constraints', `ALTER SEQUENCE ${to.name} SET ${has(to, 'unlogged') ? 'UNLOGGED' : 'LOGGED'}`);
}

function dropSequence(draft: Draft, sequence: Item): void {
  draft.claim(sequence);
  const { before, added } = draft.change;
  if (before.identityOf(sequence) !== undefined) return;
  const isInTheWay = added.some(item => item.name === sequence.name);
  const notes = isInTheWay ? [] : [`Destroys data: how far ${sequence.name} has counted.`];
  draft.write(isInTheWay ? 'drop in the way' : 'drop late', `DROP SEQUENCE ${sequence.name}`, {
    notes,
    names: [sequence.name],
  });
}

function createSequence(draft: Draft, sequence: Item): void {
  draft.claimOf(sequence, ...CLAIMED);
  const options = sequenceOptions(sequence);
  if (text(sequence, 'type') !== 'bigint') options.unshift(`AS ${text(sequence, 'type')}`);
  const kind = has(sequence, 'unlogged') ? 'UNLOGGED SEQUENCE' : 'SEQUENCE';
  draft.write('sequences', [`CREATE ${kind} ${sequence.name}`, ...options].join(' '), { names: [sequence.name] });
  const owner = text(sequence, 'ownedBy');
  if (owner !== '') draft.write('constraints', `ALTER SEQUENCE ${sequence.name} OWNED BY ${owner}`);
  writeHighest(draft, sequence, countedBy(draft.change, sequence));
}

const COUNTED = new Set(['smallint', 'integer', 'bigint', 'numeric']);

/** Columns that were there before and have their numbers from a sequence: what is in them it must not give out again. */
export function countedBy({ before, after, isGone }: Change, sequence: Item): readonly Item[] {
  const call = `nextval('${sequence.name.replaceAll("'", "''")}'::regclass)`;
  const columns = after.of('column').filter(column => {
    const old = before.get(keyOf(column));
    const isThere = old !== undefined && !isGone(old) && after.relation(tableOf(column))?.kind === 'table';
    return isThere && COUNTED.has(text(column, 'type')) && text(column, 'default').includes(call);
  });
  // A parent's rows are those of its children, too.
  const own = columns.filter(column => !has(column, 'inherited'));
  return own.length === 0 ? columns : own;
}

/** A sequence that is new to columns with rows goes on where these have come to, and never begins before its start. */
export function writeHighest(draft: Draft, sequence: Item, columns: readonly Item[]): void {
  const [first, ...others] = columns;
  if (first === undefined) return;
  const isDown = numberOf(sequence, 'increment').startsWith('-');
  const [furthest, beyond, pick] = isDown ? ['min', '<=', 'least'] : ['max', '>=', 'greatest'];
  const each = columns.map(column => `SELECT ${ownName(column)} FROM ${tableOf(column)}`);
  const [number, rows] =
    others.length === 0
      ? [ownName(first), tableOf(first)]
      : ['number', `(${each.join(' UNION ALL ')}) AS numbers(number)`];
  const [name, start] = [`'${sequence.name.replaceAll("'", "''")}'`, numberOf(sequence, 'start')];
  const highest = `${furthest}(${number})`;
  draft.write(
    'rights',
    `SELECT pg_catalog.setval(${name}, ${pick}(${highest}, ${start})::bigint, coalesce(${highest} ${beyond} ${start}, false)) FROM ${rows}`,
    { notes: [`Numbers go on after the ${isDown ? 'lowest' : 'highest'} that is there.`] },
  );
}

function alterSequence(draft: Draft, from: Item, to: Item, of: 'Identity' | 'Own'): void {
  draft.claimOf(to, ...CLAIMED);
  const is = (property: string) => from.properties[property] !== to.properties[property];
  const clauses: string[] = [];
  // With the type of an identity's column the server changes that of its sequence, and the bounds with it.
  const isRetyped = is('type');
  if (isRetyped && of === 'Own') clauses.push(`AS ${text(to, 'type')}`);
  const followsType = isRetyped && of === 'Identity';
  const bounds = boundsOf(from, to);
  if (is('increment')) clauses.push(`INCREMENT BY ${numberOf(to, 'increment')}`);
  for (const [property, words] of BOUND_WORDS) {
    const isLater = bounds.moved === property && !bounds.areApart;
    if (is(property) && !followsType && !isLater) clauses.push(`${words} ${numberOf(to, property)}`);
  }
  if (is('start')) clauses.push(`START WITH ${numberOf(to, 'start')}`);
  if (is('cache')) clauses.push(`CACHE ${numberOf(to, 'cache')}`);
  if (is('cycles')) clauses.push(has(to, 'cycles') ? 'CYCLE' : 'NO CYCLE');
  const owner = text(to, 'ownedBy');
  if (is('ownedBy') && of === 'Own' && owner !== '') clauses.push(`OWNED BY ${owner}`);
  if (bounds.areApart) clauses.push('RESTART');
  const notes = bounds.areApart
    ? [`Destroys data: how far ${to.name} has counted, which lies outside of its bounds.`]
    : [];
  if (clauses.length > 0) draft.write('constraints', `ALTER SEQUENCE ${to.name} ${clauses.join(' ')}`, { notes });
  if (bounds.moved !== undefined && !bounds.areApart && !followsType) moveBound(draft, to, bounds.moved);
}

const BOUND_WORDS = [
  ['minimum', 'MINVALUE'],
  ['maximum', 'MAXVALUE'],
] as const;
type Bound = (typeof BOUND_WORDS)[number][0];

interface Bounds {
  /** Where it begins to count, if that has moved into what it may have given out. */
  readonly moved: Bound | undefined;
  /** No number of before is one of now: wherever it stands, it cannot go on. */
  readonly areApart: boolean;
}

function boundsOf(from: Item, to: Item): Bounds {
  const value = (side: Item, property: Bound) => BigInt(numberOf(side, property) || 0);
  const isDown = numberOf(to, 'increment').startsWith('-');
  const isRaised = value(to, 'minimum') > value(from, 'minimum');
  const isLowered = value(to, 'maximum') < value(from, 'maximum');
  return {
    moved: !isDown && isRaised ? 'minimum' : isDown && isLowered ? 'maximum' : undefined,
    areApart: value(to, 'minimum') > value(from, 'maximum') || value(to, 'maximum') < value(from, 'minimum'),
  };
}

/** A sequence that stands before its new bound is put there; PostgreSQL would refuse the bound. */
function moveBound(draft: Draft, sequence: Item, bound: Bound): void {
  const number = numberOf(sequence, bound);
  const [pick, beyond, words] = bound === 'minimum' ? ['greatest', '>=', 'MINVALUE'] : ['least', '<=', 'MAXVALUE'];
  const value = `${pick}(last_value, ${number})`;
  const name = `'${sequence.name.replaceAll("'", "''")}'`;
  draft.write(
    'constraints',
    `SELECT pg_catalog.setval(${name}, ${value}, is_called AND last_value ${beyond} ${number}) FROM ${sequence.name}`,
    { notes: [`Where it has not come to ${number} it goes on from there.`] },
  );
  draft.write('constraints', `ALTER SEQUENCE ${sequence.name} ${words} ${number}`);
}
