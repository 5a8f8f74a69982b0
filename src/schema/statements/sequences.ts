// Sequences that stand for themselves or serve a column's default. Those of an identity are written by their column.
import type { Draft } from './draft.ts';
import { has, type Item, text } from './items.ts';

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

export function writeSequences(draft: Draft): void {
  const { before, after, dropped, added, changed } = draft.change;
  for (const sequence of dropped.filter(item => item.kind === 'sequence')) dropSequence(draft, sequence);
  for (const sequence of added.filter(item => item.kind === 'sequence')) {
    if (after.identityOf(sequence) === undefined) createSequence(draft, sequence);
  }
  for (const { from, to } of changed.filter(one => one.to.kind === 'sequence')) {
    const column = after.identityOf(to);
    alterSequence(draft, from, to, column !== undefined && before.has(column) ? 'Identity' : 'Own');
  }
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
}

function alterSequence(draft: Draft, from: Item, to: Item, of: 'Identity' | 'Own'): void {
  draft.claimOf(to, ...CLAIMED);
  const is = (property: string) => from.properties[property] !== to.properties[property];
  const clauses: string[] = [];
  // With the type of an identity's column the server changes that of its sequence, and the bounds with it.
  const isRetyped = is('type');
  if (isRetyped && of === 'Own') clauses.push(`AS ${text(to, 'type')}`);
  const followsType = isRetyped && of === 'Identity';
  if (is('increment')) clauses.push(`INCREMENT BY ${numberOf(to, 'increment')}`);
  if (is('minimum') && !followsType) clauses.push(`MINVALUE ${numberOf(to, 'minimum')}`);
  if (is('maximum') && !followsType) clauses.push(`MAXVALUE ${numberOf(to, 'maximum')}`);
  if (is('start')) clauses.push(`START WITH ${numberOf(to, 'start')}`);
  if (is('cache')) clauses.push(`CACHE ${numberOf(to, 'cache')}`);
  if (is('cycles')) clauses.push(has(to, 'cycles') ? 'CYCLE' : 'NO CYCLE');
  if (is('ownedBy') && of === 'Own') clauses.push(`OWNED BY ${text(to, 'ownedBy') || 'NONE'}`);
  if (clauses.length > 0) draft.write('constraints', `ALTER SEQUENCE ${to.name} ${clauses.join(' ')}`);
  if (is('unlogged')) {
    draft.write('constraints', `ALTER SEQUENCE ${to.name} SET ${has(to, 'unlogged') ? 'UNLOGGED' : 'LOGGED'}`);
  }
}
