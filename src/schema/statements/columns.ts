// A column as CREATE TABLE and ADD COLUMN write it, and the ALTERs that lead from one definition to another. Claims what it
// writes; what it cannot write (storage of another default, options of foreign tables) is left to the draft's comments.
import { conversionOf } from './conversions.ts';
import type { Draft, Piece } from './draft.ts';
import { type Item, type Items, keyOf, list, ownName, tableOf, text, usualSequence } from './items.ts';
import { namesIn } from './names.ts';
import { countedBy, sequenceOptions, writeHighest } from './sequences.ts';

/** `email text COLLATE x DEFAULT 'a' NOT NULL`. */
export function columnSql(items: Items, column: Item): string {
  const generated = text(column, 'generated');
  const fallback = text(column, 'default');
  const identity = text(column, 'identity');
  const collation = text(column, 'collation');
  return [
    `${ownName(column)} ${text(column, 'type')}`,
    collation === '' ? '' : `COLLATE ${collation}`,
    generated !== '' ? `GENERATED ALWAYS AS (${fallback}) ${generated.toUpperCase()}` : '',
    generated === '' && fallback !== '' ? `DEFAULT ${fallback}` : '',
    identity === '' ? '' : identitySql(items, column),
    column.properties.notNull === true ? 'NOT NULL' : '',
  ]
    .filter(part => part !== '')
    .join(' ');
}

const WRITTEN = ['table', 'position', 'type', 'notNull', 'default', 'identity', 'generated', 'collation', 'inherited'];

/** Claims what columnSql writes, and writes what only ALTER can say, behind that. */
export function finishColumn(draft: Draft, column: Item): void {
  draft.claimOf(column, ...WRITTEN);
  const sequence = draft.change.after.identitySequence(column);
  if (text(column, 'identity') !== '' && sequence !== undefined) claimIdentity(draft, sequence);
  const stage = text(column, 'generated') === '' ? 'columns' : 'generated columns';
  for (const clause of settings(draft, undefined, column)) alter(draft, column, clause, {}, stage);
}

function claimIdentity(draft: Draft, sequence: Item): void {
  const options = [
    'type',
    'start',
    'increment',
    'maximum',
    'minimum',
    'cache',
    'cycles',
    'ownedBy',
    'unlogged',
    'owner',
  ];
  draft.claimOf(sequence, ...options);
}

function identitySql(items: Items, column: Item): string {
  const sequence = items.identitySequence(column);
  const options = sequence === undefined ? [] : sequenceOptions(sequence);
  if (sequence !== undefined && sequence.name !== usualSequence(column))
    options.unshift(`SEQUENCE NAME ${sequence.name}`);
  const inner = options.length === 0 ? '' : ` (${options.join(' ')})`;
  return `GENERATED ${text(column, 'identity').toUpperCase()} AS IDENTITY${inner}`;
}

/** Storage, compression, statistics and options, which no definition of a column holds. */
function settings(draft: Draft, from: Item | undefined, to: Item): readonly string[] {
  const is = (property: string) => from?.properties[property] !== to.properties[property];
  const clauses: string[] = [];
  const storage = text(to, 'storage');
  if (is('storage') && storage !== '') {
    clauses.push(`SET STORAGE ${storage.toUpperCase()}`);
    draft.claimOf(to, 'storage');
  }
  if (is('compression')) {
    clauses.push(`SET COMPRESSION ${text(to, 'compression') || 'default'}`);
    draft.claimOf(to, 'compression');
  }
  if (is('statistics')) {
    clauses.push(`SET STATISTICS ${to.properties.statistics ?? -1}`);
    draft.claimOf(to, 'statistics');
  }
  clauses.push(...optionClauses(list(from, 'options'), list(to, 'options')));
  draft.claimOf(to, 'options');
  return clauses;
}

/** Storage parameters of a table or materialized view, and those of its TOAST table. */
export const optionsOf = (relation: Item): readonly string[] => [
  ...list(relation, 'options'),
  ...list(relation, 'toastOptions'),
];

/** `SET (a='1')`, `RESET (b)`. */
export function optionClauses(from: readonly string[], to: readonly string[]): readonly string[] {
  const nameOf = (option: string) => option.slice(0, option.indexOf('='));
  const names = new Set(to.map(nameOf));
  const reset = from.map(nameOf).filter(name => !names.has(name));
  const set = to.filter(option => !from.includes(option));
  return [
    ...(set.length === 0 ? [] : [`SET (${writtenOptions(set)})`]),
    ...(reset.length === 0 ? [] : [`RESET (${reset.join(', ')})`]),
  ];
}

export function writtenOptions(options: readonly string[]): string {
  return options
    .map(option => {
      const at = option.indexOf('=');
      return `${option.slice(0, at)}='${option.slice(at + 1).replaceAll("'", "''")}'`;
    })
    .join(', ');
}

function alter(
  draft: Draft,
  column: Item,
  clause: string,
  more: Partial<Piece> = {},
  stage: Piece['stage'] = 'columns',
) {
  const table = tableOf(column);
  draft.write(stage, `ALTER TABLE ${table} ALTER COLUMN ${ownName(column)} ${clause}`, { names: [table], ...more });
}

/** A column of a table that is there in both. */
export function changeColumn(draft: Draft, from: Item, to: Item, serverMajor: number): void {
  const { before, after, added, isGone } = draft.change;
  const is = (property: string) => from.properties[property] !== to.properties[property];
  const becomesOrdinary = text(from, 'generated') === 'stored' && text(to, 'generated') === '' && serverMajor >= 13;
  if (becomesOrdinary) alter(draft, from, 'DROP EXPRESSION', { names: [] }, 'drop what hangs on others');
  else if (text(from, 'generated') !== text(to, 'generated') || (text(to, 'generated') !== '' && is('default'))) {
    draft.remark(generatedRemark(after, from, to));
    return;
  }
  const isRetyped = is('type') || is('collation');
  const touchesDefault = is('default') || (isRetyped && text(from, 'default') !== '');
  const usesGone = hasGoneDefault(draft, from);
  const isOrdinary = text(to, 'generated') === '';
  if (
    isOrdinary &&
    !becomesOrdinary &&
    text(from, 'default') !== '' &&
    (isRetyped || usesGone || (is('default') && text(to, 'default') === ''))
  ) {
    alter(draft, from, 'DROP DEFAULT', { names: [] }, 'drop what hangs on others');
  }
  if (is('identity') && text(from, 'identity') !== '' && text(to, 'identity') === '') {
    const next = added.find(item => item.kind === 'sequence' && countedBy(draft.change, item).includes(to));
    const notes = next === undefined ? [`Destroys data: how far ${from.name} has counted.`] : [];
    alter(draft, from, 'DROP IDENTITY', { names: [], notes }, 'drop what hangs on others');
    const sequence = before.identitySequence(from);
    if (sequence !== undefined && isGone(sequence)) draft.claim(sequence);
  }
  if (isRetyped) retype(draft, from, to);
  if (is('notNull')) {
    const isSet = to.properties.notNull === true;
    const notes = isSet ? ['Fails if there is a row without a value: fill it first.'] : [];
    alter(draft, to, isSet ? 'SET NOT NULL' : 'DROP NOT NULL', { notes });
  }
  changeIdentity(draft, from, to);
  if (isOrdinary && text(to, 'default') !== '' && (touchesDefault || usesGone)) {
    alter(draft, to, `SET DEFAULT ${text(to, 'default')}`);
  }
  draft.claimOf(to, ...['type', 'collation', 'notNull', 'default', 'identity', 'generated']);
  for (const clause of settings(draft, from, to)) alter(draft, to, clause);
}

/** Whether a default uses what is dropped, be it to be made again: then it is taken off meanwhile. */
export function hasGoneDefault({ change }: Draft, column: Item): boolean {
  return [...namesIn(text(column, 'default'))].some(name => change.goneNames.has(name));
}

/** Of a column that has not changed itself. */
export function remakeDefault(draft: Draft, column: Item): void {
  if (text(column, 'generated') !== '') return;
  alter(draft, column, 'DROP DEFAULT', { names: [] }, 'drop what hangs on others');
  alter(draft, column, `SET DEFAULT ${text(column, 'default')}`);
}

function retype(draft: Draft, from: Item, to: Item): void {
  // With the column of a parent those of its children and partitions change.
  const { changed, after } = draft.change;
  const parents = list(after.get(`table ${tableOf(to)}`), 'inherits').map(parent => `${parent}.${ownName(to)}`);
  if (changed.some(one => one.to.kind === 'column' && parents.includes(one.to.name))) return;
  const collation = text(to, 'collation') === '' ? '' : ` COLLATE ${text(to, 'collation')}`;
  const { using, notes } = conversionOf(draft.change, from, to);
  alter(draft, to, `TYPE ${text(to, 'type')}${collation}${using === '' ? '' : ` USING ${using}`}`, { notes });
}

function changeIdentity(draft: Draft, from: Item, to: Item): void {
  const [old, now] = [text(from, 'identity'), text(to, 'identity')];
  if (now === old || now === '') return;
  if (old !== '') {
    alter(draft, to, `SET GENERATED ${now.toUpperCase()}`);
    return;
  }
  alter(draft, to, `ADD ${identitySql(draft.change.after, to)}`);
  const sequence = draft.change.after.identitySequence(to);
  if (sequence === undefined) return;
  claimIdentity(draft, sequence);
  writeHighest(draft, sequence, [to]);
}

function generatedRemark(items: Items, from: Item, to: Item): string {
  const table = tableOf(to);
  return [
    `${keyOf(to)}: how it is generated has changed, from ${text(from, 'default') || 'none'} to ${text(to, 'default') || 'none'}.`,
    'If nothing else is kept in it, drop it and add it again (it comes last then):',
    `  ALTER TABLE ${table} DROP COLUMN ${ownName(from)};`,
    `  ALTER TABLE ${table} ADD COLUMN ${columnSql(items, to)};`,
  ].join('\n');
}
