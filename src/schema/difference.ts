// Compares two snapshots object by object and says it in words: added, removed, changed, and of a change which property
// from what to what. What hangs on a table that came or went is not told again. Pure. Called by drift, `check`,
// `create --from-diff` and the round trip of `test-copy`.
//
//   const { verdict, differences } = compareSnapshots(stored, { entries: live, serverVersionNumber }, { owners: 'Compared' });
//   differences.map(describeDifference)       // ["column public.users.email was added", …]
import { isTree, type Tree } from '../engine/sql/tree.ts';
import { isSameButForCasts } from './array-casts.ts';
import { raised } from './revisions.ts';
import type { SnapshotEntry } from './snapshot.ts';
import { exactly } from './statements/items.ts';

export interface PropertyChange {
  readonly property: string;
  /** Text of the value; `none` where it was not there. */
  readonly from: string;
  readonly to: string;
}

export interface Difference {
  readonly change: 'Added' | 'Removed' | 'Changed';
  /** `table`, `column`, `index`, … */
  readonly kind: string;
  readonly name: string;
  /** Of a change: what is other; else empty. */
  readonly properties: readonly PropertyChange[];
}

export interface Comparison {
  /** `AcrossMajors`: the servers print some expressions each in its own way, so that a difference is no proof of drift. */
  readonly verdict: 'Same' | 'Drifted' | 'AcrossMajors';
  /** By kind and name. */
  readonly differences: readonly Difference[];
}

/** One of the two. */
export interface SnapshotSide {
  readonly entries: readonly SnapshotEntry[];
  /** Undefined where there are no majors (SQLite). */
  readonly serverVersionNumber?: number | undefined;
  /** Of a stored one, what it could hold (revisions.ts); undefined for one that this program took. */
  readonly revision?: number | undefined;
}

export interface ComparisonOptions {
  /** `Ignored`: owners and grants, where another role restored or migrated. */
  readonly owners: 'Compared' | 'Ignored';
}

interface Item {
  readonly kind: string;
  readonly name: string;
  readonly properties: Tree;
}

/** What changes from `before` to `after`. */
export function compareSnapshots(
  before: SnapshotSide,
  after: SnapshotSide,
  { owners }: ComparisonOptions = { owners: 'Compared' },
): Comparison {
  const [old, now] = [itemsOf(raised(before, after.entries), owners), itemsOf(after.entries, owners)];
  const removed = [...old].filter(([key]) => !now.has(key)).map(([, item]) => item);
  const added = [...now].filter(([key]) => !old.has(key)).map(([, item]) => item);
  const moved = movedColumns(old, now);
  const changed = [...now].flatMap(([key, item]) => {
    const was = old.get(key);
    return was === undefined ? [] : changeOf(was, item, moved.get(key));
  });
  const differences = [
    ...withoutParts(removed).map(item => differenceOf('Removed', item)),
    ...withoutParts(added).map(item => differenceOf('Added', item)),
    ...changed,
  ].sort(byName);
  return Object.freeze({ verdict: verdictOf(differences, before, after), differences: Object.freeze(differences) });
}

function verdictOf(
  differences: readonly Difference[],
  before: SnapshotSide,
  after: SnapshotSide,
): Comparison['verdict'] {
  if (differences.length === 0) return 'Same';
  const [one, other] = [before, after].map(side => Math.floor((side.serverVersionNumber ?? 0) / 10_000));
  return one === other ? 'Drifted' : 'AcrossMajors';
}

function itemsOf(entries: readonly SnapshotEntry[], owners: ComparisonOptions['owners']): ReadonlyMap<string, Item> {
  const isLeftOut = (kind: string) => owners === 'Ignored' && RIGHTS_ALONE.has(kind);
  return new Map(
    entries
      .filter(entry => !isLeftOut(entry.kind))
      .map(({ kind, name, definition }) => {
        const value: unknown = JSON.parse(definition, exactly);
        const { owner, grants, ...rest } = isTree(value) ? value : { definition: value };
        const properties = owners === 'Ignored' ? rest : { ...rest, owner, grants };
        return [`${kind} ${name}`, { kind, name, properties }] as const;
      }),
  );
}

/** What has nothing but owners and grants. */
const RIGHTS_ALONE: ReadonlySet<string> = new Set(['default privileges', 'privileges']);

/** The object that an item is a part of: it comes and goes with it. */
function parentsOf({ kind, name, properties }: Item): readonly string[] {
  const { table, domain, on, ownedBy } = properties;
  const parents = [table, domain, on].filter(parent => typeof parent === 'string');
  if (kind === 'column') parents.push(name.slice(0, name.lastIndexOf('.')));
  if (typeof ownedBy === 'string') parents.push(ownedBy.slice(0, ownedBy.lastIndexOf('.')));
  return parents;
}

const WHOLES = new Set(['table', 'view', 'materialized view', 'foreign table', 'composite type', 'domain']);

/** Without the columns, indexes, comments and so on of what came or went as a whole. */
function withoutParts(items: readonly Item[]): readonly Item[] {
  const wholes = new Set(items.filter(item => WHOLES.has(item.kind)).map(item => item.name));
  const names = items.filter(item => item.kind !== 'comment').map(item => item.name);
  const isPart = (item: Item) => !WHOLES.has(item.kind) && parentsOf(item).some(parent => wholes.has(parent));
  const isNoteOnOne = (item: Item) => item.kind === 'comment' && names.some(name => item.name.endsWith(` ${name}`));
  return items.filter(item => !isPart(item) && !isNoteOnOne(item));
}

function differenceOf(change: 'Added' | 'Removed', { kind, name }: Item): Difference {
  return Object.freeze({ change, kind, name, properties: Object.freeze([]) });
}

function changeOf(before: Item, after: Item, moved: PropertyChange | undefined): readonly Difference[] {
  const { kind, name } = after;
  const names = [...new Set([...Object.keys(before.properties), ...Object.keys(after.properties)])].sort();
  const properties = names
    .filter(property => property !== 'position')
    .map(property => ({ property, from: textOf(before.properties[property]), to: textOf(after.properties[property]) }))
    .filter(({ from, to }) => !isSameButForCasts(kind, from, to));
  if (moved !== undefined) properties.push(moved);
  return properties.length === 0 ? [] : [Object.freeze({ change: 'Changed', kind, name, properties })];
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return 'none';
  if (value === true) return 'yes';
  if (value === false) return 'no';
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return JSON.stringify(value);
  // SQLite's UNIQUE behind a single column has no list of columns of its own.
  return value.length === 0 ? 'none' : value.map(item => textOf(item) || 'of one column').join(', ');
}

/**
 * Columns that stand in another order; those that only moved up because another is gone do not count. Nor do those of a
 * parent table: where they stand among a child's own depends on when they came, and a dump puts them all first.
 */
function movedColumns(
  old: ReadonlyMap<string, Item>,
  now: ReadonlyMap<string, Item>,
): ReadonlyMap<string, PropertyChange> {
  const common = [...now].flatMap(([key, item]) => {
    const was = old.get(key);
    if (item.kind !== 'column' || was === undefined) return [];
    return isOfParent(was, old) || isOfParent(item, now) ? [] : [key];
  });
  const tables = Map.groupBy(common, key => key.slice(0, key.lastIndexOf('.')));
  const moved = new Map<string, PropertyChange>();
  for (const keys of tables.values()) {
    const [from, to] = [inOrder(keys, old), inOrder(keys, now)];
    for (const [index, key] of to.entries()) {
      const was = from.indexOf(key);
      if (was !== index) moved.set(key, { property: 'position', from: String(was + 1), to: String(index + 1) });
    }
  }
  return moved;
}

function isOfParent({ name, properties }: Item, items: ReadonlyMap<string, Item>): boolean {
  const table = typeof properties.table === 'string' ? properties.table : '';
  const { inherits, partitionBound } = items.get(`table ${table}`)?.properties ?? {};
  if (!Array.isArray(inherits) || partitionBound !== undefined) return false;
  return inherits.some(parent => items.has(`column ${parent}${name.slice(table.length)}`));
}

function inOrder(keys: readonly string[], items: ReadonlyMap<string, Item>): readonly string[] {
  const position = (key: string) => Number(items.get(key)?.properties.position ?? 0);
  return [...keys].sort((a, b) => position(a) - position(b));
}

function byName(a: Difference, b: Difference): number {
  const [left, right] = [`${a.kind}\0${a.name}`, `${b.kind}\0${b.name}`];
  return left < right ? -1 : left > right ? 1 : 0;
}

const SHOWN = 80;

/** `column public.users.email: type from text to integer`, for a person. */
export function describeDifference({ change, kind, name, properties }: Difference): string {
  if (change !== 'Changed') return `${kind} ${name} was ${change.toLowerCase()}`;
  const changes = properties.map(({ property, from, to }) => `${wordsOf(property)} from ${cut(from)} to ${cut(to)}`);
  return `${kind} ${name}: ${changes.join('; ')}`;
}

/** `notNull` → `not null`. */
function wordsOf(property: string): string {
  return property.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`);
}

function cut(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
}
