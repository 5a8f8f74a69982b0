// Enums, domains, composite types, ranges and collations. A value can be added to an enum but never taken away, and what was
// renamed cannot be known: such a change is a remark. A new value may not be used in the transaction that adds it.
import { literal } from '../../engine/connection.ts';
import type { Draft, Piece } from './draft.ts';
import { has, type Item, keyOf, list, ownName, tableOf, text } from './items.ts';

export function writeTypes(draft: Draft): void {
  const { dropped, added, changed, after, before } = draft.change;
  for (const item of dropped) {
    const words = DROPPED[item.kind];
    if (words !== undefined) drop(draft, item, words);
  }
  for (const item of added) CREATED[item.kind]?.(draft, item);
  draft.claim(...added.filter(item => item.kind === 'cast' && after.parentsOf(item).length > 0));
  for (const { from, to } of changed) {
    if (to.kind === 'enum') changeEnum(draft, from, to);
    if (to.kind === 'domain') changeDomain(draft, from, to);
    if (isField(draft, to, 'after')) changeField(draft, from, to);
  }
  for (const item of dropped.filter(one => isField(draft, one, 'before'))) dropField(draft, item);
  for (const item of added.filter(one => isField(draft, one, 'after'))) {
    const old = before.relation(tableOf(item));
    draft.claimOf(item, 'table', 'position', 'type', 'collation');
    if (old !== undefined && !draft.change.isGone(old) && after.has(old)) addField(draft, item);
  }
}

const DROPPED: Readonly<Record<string, string>> = {
  ...{ enum: 'TYPE', domain: 'DOMAIN', 'composite type': 'TYPE', 'range type': 'TYPE', collation: 'COLLATION' },
};

function drop(draft: Draft, item: Item, words: string): void {
  const { before, isGone } = draft.change;
  // The type of a domain cannot be changed: what it still is cannot go.
  const baseOf = (domain: Item) => text(domain, 'type').replaceAll('[]', '');
  if (before.of('domain').some(domain => !isGone(domain) && baseOf(domain) === item.name)) return;
  draft.claim(item);
  const isInTheWay = draft.change.added.some(one => one.name === item.name);
  const needs = Object.values(item.properties).filter(value => typeof value === 'string');
  const fields = draft.change.before.columns(item.name).map(column => text(column, 'type'));
  draft.write(isInTheWay ? 'drop in the way' : 'drop late', `DROP ${words} ${item.name}`, {
    names: [item.name],
    needs: [...needs, ...fields].join(' '),
  });
}

const CREATED: Readonly<Record<string, (draft: Draft, item: Item) => void>> = {
  enum: (draft, item) => {
    const values = list(item, 'values').map(value => literal(value).trim());
    make(draft, item, `CREATE TYPE ${item.name} AS ENUM (${values.join(', ')})`, ['values']);
  },
  domain: (draft, item) => {
    const parts = [
      `CREATE DOMAIN ${item.name} AS ${text(item, 'type')}`,
      text(item, 'collation') === '' ? '' : `COLLATE ${text(item, 'collation')}`,
      text(item, 'default') === '' ? '' : `DEFAULT ${text(item, 'default')}`,
      has(item, 'notNull') ? 'NOT NULL' : '',
    ];
    make(draft, item, parts.filter(part => part !== '').join(' '), ['type', 'collation', 'default', 'notNull']);
  },
  'composite type': (draft, item) => {
    const fields = draft.change.after.columns(item.name).map(fieldSql);
    make(draft, item, `CREATE TYPE ${item.name} AS (${fields.join(', ')})`, ['definition']);
  },
  'range type': (draft, item) => {
    const options = [
      ['SUBTYPE', 'subtype'],
      ['CANONICAL', 'canonical'],
      ['SUBTYPE_DIFF', 'difference'],
      ['SUBTYPE_OPCLASS', 'operatorClass'],
      ['COLLATION', 'collation'],
      ['MULTIRANGE_TYPE_NAME', 'multirange'],
    ] as const;
    const written = options.flatMap(([word, property]) =>
      text(item, property) === '' ? [] : [`${word} = ${text(item, property)}`],
    );
    make(
      draft,
      item,
      `CREATE TYPE ${item.name} AS RANGE (${written.join(', ')})`,
      options.map(([, name]) => name),
    );
  },
  collation: (draft, item) => {
    const locale = literal(text(item, 'locale')).trim();
    const ctype = literal(text(item, 'ctype') || text(item, 'locale')).trim();
    const isLibc = text(item, 'provider') === 'libc';
    const options = [
      `provider = ${text(item, 'provider')}`,
      isLibc ? `lc_collate = ${locale}, lc_ctype = ${ctype}` : `locale = ${locale}`,
      has(item, 'nondeterministic') ? 'deterministic = false' : '',
    ].filter(part => part !== '');
    const properties = ['provider', 'locale', 'ctype', 'nondeterministic'];
    make(draft, item, `CREATE COLLATION ${item.name} (${options.join(', ')})`, properties);
  },
};

function make(draft: Draft, item: Item, sql: string, properties: readonly string[]): void {
  draft.write('types', sql, { names: [item.name] });
  draft.claimOf(item, ...properties);
}

function fieldSql(field: Item): string {
  const collation = text(field, 'collation') === '' ? '' : ` COLLATE ${text(field, 'collation')}`;
  return `${ownName(field)} ${text(field, 'type')}${collation}`;
}

function changeEnum(draft: Draft, from: Item, to: Item): void {
  const [old, now] = [list(from, 'values'), list(to, 'values')];
  if (old.join('\0') === now.join('\0')) return;
  draft.claimOf(to, 'values');
  const kept = now.filter(value => old.includes(value));
  if (kept.join('\0') !== old.join('\0')) {
    draft.remark(
      [
        `${keyOf(to)}: the values were ${old.join(', ')} and are ${now.join(', ')}.`,
        'PostgreSQL takes no value away and moves none. A value that was renamed: ALTER TYPE … RENAME VALUE … TO …; otherwise a new',
        'type, ALTER TABLE … ALTER COLUMN … TYPE … USING for each column that has it, and DROP TYPE for the old one.',
      ].join('\n'),
    );
    return;
  }
  for (const [index, value] of now.entries()) {
    if (old.includes(value)) continue;
    const [before, after] = [now[index - 1], now.slice(index).find(other => old.includes(other))];
    const place = before === undefined ? `BEFORE ${literal(after ?? '').trim()}` : `AFTER ${literal(before).trim()}`;
    const end = after === undefined ? '' : ` ${place}`;
    draft.write('types', `ALTER TYPE ${to.name} ADD VALUE ${literal(value).trim()}${end}`, { names: [to.name] });
  }
}

interface AddedValue {
  readonly type: string;
  /** With its quotes. */
  readonly literal: string;
}

/** Values that the file adds to enums. */
export function addedValues({ change }: Draft): readonly AddedValue[] {
  return change.changed.flatMap(({ from, to }) =>
    to.kind === 'enum'
      ? list(to, 'values')
          .filter(value => !list(from, 'values').includes(value))
          .map(value => ({ type: to.name, literal: literal(value).trim() }))
      : [],
  );
}

/** As a default or a check writes a value, within an array of them, and as a partition's bound, which has no type. */
export function usesValue(sql: string, { type, literal: value }: AddedValue): boolean {
  if (sql.includes(`${value}::${type}`)) return true;
  if (/ ATTACH PARTITION .* FOR VALUES /s.test(sql) && sql.includes(value)) return true;
  const arrays = sql.split(`'::${type}[]`).slice(0, -1);
  return arrays.some(before => /'((?:[^']|'')*)$/.exec(before)?.[1]?.includes(value.slice(1, -1)));
}

function changeDomain(draft: Draft, from: Item, to: Item): void {
  const is = (property: string) => from.properties[property] !== to.properties[property];
  const alter = (clause: string) => draft.write('types', `ALTER DOMAIN ${to.name} ${clause}`, { names: [to.name] });
  if (is('default')) alter(text(to, 'default') === '' ? 'DROP DEFAULT' : `SET DEFAULT ${text(to, 'default')}`);
  if (is('notNull')) alter(has(to, 'notNull') ? 'SET NOT NULL' : 'DROP NOT NULL');
  draft.claimOf(to, 'default', 'notNull');
}

function isField({ change }: Draft, item: Item, side: 'before' | 'after'): boolean {
  return item.kind === 'column' && change[side].relation(tableOf(item))?.kind === 'composite type';
}

function alterField(
  draft: Draft,
  field: Item,
  clause: string,
  stage: Piece['stage'] = 'types',
  notes: string[] = [],
): void {
  const type = tableOf(field);
  draft.write(stage, `ALTER TYPE ${type} ${clause}`, { names: stage === 'types' ? [type] : [], notes });
}

function dropField(draft: Draft, field: Item): void {
  draft.claim(field);
  const notes = [`Destroys data: every value of ${field.name}.`];
  alterField(draft, field, `DROP ATTRIBUTE ${ownName(field)}`, 'drop tables', notes);
}

function addField(draft: Draft, field: Item): void {
  alterField(draft, field, `ADD ATTRIBUTE ${fieldSql(field)}`);
}

function changeField(draft: Draft, from: Item, to: Item): void {
  if (text(from, 'type') === text(to, 'type') && text(from, 'collation') === text(to, 'collation')) return;
  const notes = ['Refused while a column of a table has this type.'];
  const collation = text(to, 'collation') === '' ? '' : ` COLLATE ${text(to, 'collation')}`;
  alterField(draft, to, `ALTER ATTRIBUTE ${ownName(to)} TYPE ${text(to, 'type')}${collation}`, 'types', notes);
  draft.claimOf(to, 'type', 'collation');
}
