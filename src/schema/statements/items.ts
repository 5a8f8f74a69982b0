// A snapshot's entries as what statements are written from: parsed, found by kind and name, with what each belongs to.
// Pure. Called by every file of this folder.
import { isTree, stringOf, type Tree } from '../../engine/sql/tree.ts';
import type { SnapshotEntry } from '../snapshot.ts';
import { baseName, plain, schemaOf, written } from './names.ts';

export interface Item {
  readonly kind: string;
  /** With its schema, quoted where SQL needs it; a column is `public.users.email`. */
  readonly name: string;
  readonly properties: Tree;
}

export const keyOf = ({ kind, name }: Pick<Item, 'kind' | 'name'>): string => `${kind} ${name}`;

/** Every item of one schema. */
export class Items {
  readonly all: readonly Item[];
  readonly #byKey: ReadonlyMap<string, Item>;
  readonly #byKind: ReadonlyMap<string, readonly Item[]>;
  readonly #byTable: ReadonlyMap<string, readonly Item[]>;
  readonly #byOwner: ReadonlyMap<string, readonly Item[]>;
  readonly #byName: ReadonlyMap<string, readonly Item[]>;

  constructor(entries: readonly SnapshotEntry[]) {
    const items = entries.map(itemOf);
    this.#byKey = new Map(items.map(item => [keyOf(item), item]));
    this.all = [...this.#byKey.values()];
    this.#byKind = Map.groupBy(items, item => item.kind);
    this.#byTable = Map.groupBy(items, tableOf);
    const sequences = items.filter(item => item.kind === 'sequence');
    this.#byOwner = Map.groupBy(sequences, item => text(item, 'ownedBy'));
    this.#byName = Map.groupBy(items, item => (item.name.endsWith(')') ? baseName(item.name) : item.name));
  }

  /** By `<kind> <name>`. */
  get(key: string): Item | undefined {
    return this.#byKey.get(key);
  }

  has(item: Pick<Item, 'kind' | 'name'>): boolean {
    return this.#byKey.has(keyOf(item));
  }

  of(kind: string): readonly Item[] {
    return this.#byKind.get(kind) ?? [];
  }

  /** What stands on a table or view: columns, constraints, indexes, triggers. */
  on(table: string, kind: string): readonly Item[] {
    return (this.#byTable.get(table) ?? []).filter(item => item.kind === kind);
  }

  /** Objects of a name, of whatever kind; routines by their name without arguments. */
  named(name: string): readonly Item[] {
    return this.#byName.get(name) ?? [];
  }

  /** The sequence of an identity column; it may own others beside, which only its usual name sets apart. */
  identitySequence(column: Item): Item | undefined {
    if (text(column, 'identity') === '') return undefined;
    const owned = this.#byOwner.get(column.name) ?? [];
    return owned.find(sequence => sequence.name === usualSequence(column)) ?? owned[0];
  }

  /** The table, view or composite type of a name. */
  relation(name: string): Item | undefined {
    return this.named(name).find(item => RELATIONS.has(item.kind));
  }

  /** The columns of a relation, in their order. */
  columns(relation: string): readonly Item[] {
    return [...this.on(relation, 'column')].sort(
      (a, b) => Number(a.properties.position) - Number(b.properties.position),
    );
  }

  /** The constraint that made an index; undefined where the index stands for itself. */
  constraintOf(index: Item): Item | undefined {
    const own = index.name.slice(schemaOf(index.name).length + 1);
    const found = this.get(`constraint ${tableOf(index)}.${own}`);
    return found !== undefined && /^(PRIMARY KEY|UNIQUE|EXCLUDE)/.test(text(found, 'definition')) ? found : undefined;
  }

  /** The identity column whose numbers a sequence gives; undefined for every other sequence. */
  identityOf(sequence: Item): Item | undefined {
    const column = this.get(`column ${text(sequence, 'ownedBy')}`);
    return column !== undefined && this.identitySequence(column)?.name === sequence.name ? column : undefined;
  }

  /** What an item goes with: the table of a column, the object of a comment. */
  parentsOf(item: Item): readonly Item[] {
    if (item.kind === 'comment') return this.#commented(item);
    if (item.kind === 'function' || item.kind === 'cast') return this.#rangeOf(item);
    if (item.kind === 'default privileges') {
      return [this.get(`schema ${/ in (.*) on [a-z]+$/s.exec(item.name)?.[1] ?? ''}`)].filter(isThere);
    }
    if (item.kind === 'sequence') return [this.get(`column ${text(item, 'ownedBy')}`)].filter(isThere);
    const table = tableOf(item);
    return [
      table === '' ? undefined : this.relation(table),
      this.get(`domain ${text(item, 'domain')}`),
      item.kind === 'index' ? this.constraintOf(item) : undefined,
    ].filter(isThere);
  }

  /** A range type has functions and a cast that it makes by itself. */
  #rangeOf(item: Item): readonly Item[] {
    const isMade = item.kind === 'cast' || /range_constructor/.test(text(item, 'definition'));
    const name = item.kind === 'cast' ? (item.name.split(' AS ')[0] ?? '') : baseName(item.name);
    if (!isMade) return [];
    return this.of('range type').filter(range => range.name === name || multirangeOf(range) === name);
  }

  #commented(comment: Item): readonly Item[] {
    const { type, identity } = commentedBy(comment);
    const [, own = '', on = ''] = /^(.*) on (.*)$/s.exec(identity) ?? [];
    if (on !== '') {
      return ['constraint', 'trigger', 'rule', 'policy'].map(kind => this.get(`${kind} ${on}.${own}`)).filter(isThere);
    }
    if (type.endsWith('column')) return [this.get(`column ${identity}`)].filter(isThere);
    return this.named(identity.endsWith(')') ? baseName(identity) : identity);
  }
}

const RELATIONS: ReadonlySet<string> = new Set([
  ...['table', 'view', 'materialized view', 'foreign table', 'composite type'],
]);

/** As the server calls the sequence of a column where nobody has; empty where it would have to cut the name. */
export function usualSequence(column: Item): string {
  const table = tableOf(column);
  const schema = schemaOf(table);
  const name = `${plain(table.slice(schema.length + 1))}_${plain(ownName(column))}_seq`;
  return Buffer.byteLength(name) > 63 ? '' : `${schema}.${written(name)}`;
}

/** As the server names it where nobody did. */
function multirangeOf(range: Item): string {
  const schema = schemaOf(range.name);
  const own = plain(range.name.slice(schema.length + 1));
  const usual = own.includes('range') ? own.replace('range', 'multirange') : `${own}_multirange`;
  return `${schema}.${written(text(range, 'multirange') || usual)}`;
}

const isThere = (item: Item | undefined): item is Item => item !== undefined;

function itemOf({ kind, name, definition }: SnapshotEntry): Item {
  const value: unknown = JSON.parse(definition, exactly);
  return { kind, name, properties: isTree(value) ? value : { definition: value } };
}

/** Numbers of 64 bits (the bounds of a sequence) as their text. */
export function exactly(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) ? (context?.source ?? value) : value;
}

/** A text property; empty where it is not there. */
export const text = (item: Item | undefined, property: string): string =>
  item === undefined ? '' : stringOf(item.properties, property);

/** A list property; empty where it is not there. */
export function list(item: Item | undefined, property: string): readonly string[] {
  const value = item?.properties[property];
  return Array.isArray(value) ? value.map(String) : [];
}

export const has = (item: Item | undefined, property: string): boolean => item?.properties[property] === true;

/** What a column, constraint, index, trigger, rule, policy or statistics object stands on. */
export const tableOf = (item: Item): string => text(item, 'table');

/** The last part of the name of something that stands on a table or domain: `email` of `public.users.email`. */
export function ownName(item: Item): string {
  const on = tableOf(item) || text(item, 'domain');
  return on === '' ? item.name : item.name.slice(on.length + 1);
}

/** A comment is called `on table column public.t.c`, `on trigger tr on public.t`, `on function public.f(integer)`. */
export interface Commented {
  /** As pg_identify_object calls it: `table column`, `trigger`, `function`. */
  readonly type: string;
  readonly identity: string;
}

/** Those of more than one word; a longer one before what it begins with. */
const TYPES = [
  ...['table column', 'view column', 'materialized view column', 'foreign table column', 'composite type column'],
  ...['table constraint', 'domain constraint', 'materialized view', 'foreign table', 'event trigger', 'composite type'],
  ...['statistics object', 'foreign-data wrapper', 'operator class', 'operator family', 'access method'],
  ...['text search configuration', 'text search dictionary', 'text search parser', 'text search template'],
];

export function commentedBy({ name }: Item): Commented {
  const known = TYPES.find(type => name.startsWith(`on ${type} `));
  if (known !== undefined) return { type: known, identity: name.slice(known.length + 4) };
  const [, type = '', identity = ''] = /^on ([a-z-]+) (.*)$/s.exec(name) ?? [];
  return { type, identity };
}
