// From two snapshots, what has to be dropped, made and altered. Beside what came, went and changed that is what PostgreSQL
// refuses to alter while something stands on it: such a view, trigger or constraint is dropped and made again. Pure.
import { isSameButForCasts } from '../array-casts.ts';
import type { SnapshotEntry } from '../snapshot.ts';
import { type Item, Items, keyOf, ownName, tableOf, text } from './items.ts';
import { baseName, hasWord, namesIn } from './names.ts';
import { mustBeMadeAnew } from './remade.ts';

export interface Change {
  readonly before: Items;
  readonly after: Items;
  /** To be dropped by a statement of their own. */
  readonly dropped: readonly Item[];
  /** To be made; also what is dropped only to be made again. */
  readonly added: readonly Item[];
  readonly changed: readonly { readonly from: Item; readonly to: Item }[];
  /** Names of what is dropped early or late, be it to be made again; routines without their arguments. */
  readonly goneNames: ReadonlySet<string>;
  /** Whether an item is gone once everything is dropped. */
  isGone(item: Item): boolean;
}

export function changedProperties(from: Item, to: Item): readonly string[] {
  const names = new Set([...Object.keys(from.properties), ...Object.keys(to.properties)]);
  return [...names].filter(name => !isSame(to.kind, from.properties[name], to.properties[name])).sort();
}

function isSame(kind: string, one: unknown, other: unknown): boolean {
  if (typeof one === 'string' && typeof other === 'string') return isSameButForCasts(kind, one, other);
  return JSON.stringify(one) === JSON.stringify(other);
}

export function changeBetween(oldEntries: readonly SnapshotEntry[], newEntries: readonly SnapshotEntry[]): Change {
  const [before, after] = [new Items(oldEntries), new Items(newEntries)];
  const gone = goneOf(before, after);
  const isDroppedAlong = (item: Item) => before.parentsOf(item).some(parent => gone.has(keyOf(parent)));
  const kept = before.all.filter(item => !gone.has(keyOf(item)));
  return {
    before,
    after,
    dropped: before.all.filter(item => gone.has(keyOf(item)) && !isDroppedAlong(item)),
    added: after.all.filter(item => !before.has(item) || gone.has(keyOf(item))),
    changed: kept.flatMap(from => {
      const to = after.get(keyOf(from));
      return to === undefined || changedProperties(from, to).length === 0 ? [] : [{ from, to }];
    }),
    goneNames: new Set(before.all.filter(item => gone.has(keyOf(item))).map(item => baseName(item.name))),
    isGone: item => gone.has(keyOf(item)),
  };
}

/** Keys of everything that is dropped, be it to be made again, and of what goes with it. */
function goneOf(before: Items, after: Items): ReadonlySet<string> {
  const gone = new Set<string>();
  for (const item of before.all) {
    const key = keyOf(item);
    const to = after.get(key);
    if (to === undefined || mustBeMadeAnew({ before, after }, item, to) || changesItsMaker(before, after, item))
      gone.add(key);
  }
  const uses = usesOf(before);
  const disturbed = disturbedBy(before, after);
  for (let size = -1; size !== gone.size; ) {
    size = gone.size;
    const lost = before.all.filter(item => gone.has(keyOf(item)));
    const names = new Set(lost.filter(item => PROVIDERS.has(item.kind)).map(item => baseName(item.name)));
    const keys = lost.filter(isKeyOf);
    for (const item of before.all) {
      if (gone.has(keyOf(item))) continue;
      const isPart = before.parentsOf(item).some(parent => gone.has(keyOf(parent)));
      if (
        isPart ||
        (isRemade(item) && standsOn(item, uses.get(keyOf(item)) ?? new Set(), { names, keys, disturbed }))
      ) {
        gone.add(keyOf(item));
      }
    }
  }
  return gone;
}

/** What can be dropped and made again without losing a row. */
const REMADE = new Set(['view', 'materialized view', 'trigger', 'rule', 'policy', 'constraint', 'index']);
const isRemade = (item: Item) => REMADE.has(item.kind) || isAtomic(item);
/** Of these PostgreSQL follows a change of a column by itself. */
const FOLLOWS = new Set(['constraint', 'index']);

/** A routine whose body was parsed when it was made depends on what it names. */
export const isAtomic = (item: Item): boolean =>
  (item.kind === 'function' || item.kind === 'procedure') && !/\nAS /.test(text(item, 'definition'));

interface Disturbed {
  readonly table: string;
  readonly column: string;
}

/** Columns of tables that go, or get another type. */
function disturbedBy(before: Items, after: Items): readonly Disturbed[] {
  return before.of('column').flatMap(item => {
    if (before.relation(tableOf(item))?.kind !== 'table') return [];
    const to = after.get(keyOf(item));
    const isDisturbed =
      to === undefined || text(to, 'type') !== text(item, 'type') || text(to, 'collation') !== text(item, 'collation');
    return isDisturbed ? [{ table: tableOf(item), column: ownName(item) }] : [];
  });
}

function usesOf(items: Items): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map(items.all.map(item => [keyOf(item), namesIn(neededText(item))]));
}

/** Without the body of a routine, which is a text to PostgreSQL. */
export function neededText(item: Item): string {
  const { definition, ...rest } = item.properties;
  const body = typeof definition === 'string' ? definition.replace(/\nAS [\s\S]*$/, '') : '';
  return `${body} ${Object.values(rest)
    .flatMap(value => (Array.isArray(value) ? value : [value]))
    .filter(value => typeof value === 'string')
    .join(' ')}`;
}

interface Lost {
  /** Names of objects that go. */
  readonly names: ReadonlySet<string>;
  /** Keys of tables that go. */
  readonly keys: readonly Item[];
  readonly disturbed: readonly Disturbed[];
}

/** Whether what an item mentions is gone or disturbed. A foreign key stands on the key that it refers to. */
function standsOn(item: Item, used: ReadonlySet<string>, { names, keys, disturbed }: Lost): boolean {
  if ([...used].some(name => names.has(name)) || keys.some(key => refersTo(item, key))) return true;
  if (FOLLOWS.has(item.kind)) return false;
  return disturbed.some(({ table, column }) => used.has(table) && hasWord(neededText(item), column));
}

const PROVIDERS = new Set([
  ...['table', 'view', 'materialized view', 'foreign table', 'function', 'procedure', 'aggregate', 'enum', 'domain'],
  ...['composite type', 'range type', 'collation', 'operator'],
]);

const isKeyOf = (item: Item) => item.kind === 'constraint' && /^(PRIMARY KEY|UNIQUE)/.test(text(item, 'definition'));

function refersTo(item: Item, key: Item): boolean {
  if (item.kind !== 'constraint') return false;
  const columns = /\(([^)]*)\)/.exec(text(key, 'definition'))?.[1] ?? '';
  return text(item, 'definition').includes(`REFERENCES ${tableOf(key)}(${columns})`);
}

/** An index that a constraint made and now stands for itself, or the reverse; likewise a sequence of an identity. */
function changesItsMaker(before: Items, after: Items, item: Item): boolean {
  if (item.kind === 'index') {
    return (before.constraintOf(item) === undefined) !== (after.constraintOf(item) === undefined);
  }
  if (item.kind !== 'sequence') return false;
  const to = after.get(keyOf(item));
  if (to === undefined) return false;
  return (before.identityOf(item) === undefined) !== (after.identityOf(to) === undefined);
}
