// From two snapshots, what has to be dropped, made and altered. Beside what came, went and changed that is what PostgreSQL
// refuses to alter while something stands on it: such a view, trigger or constraint is dropped and made again (dependents.ts).
// Pure. Called by write.ts.
import { isSameButForCasts } from '../array-casts.ts';
import type { SnapshotEntry } from '../snapshot.ts';
import { goneOf, isTiedToTable } from './dependents.ts';
import { type Item, Items, keyOf } from './items.ts';
import { baseName } from './names.ts';

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
  const isGone = (item: Item) => gone.has(keyOf(item));
  const isDroppedAlong = (item: Item) => before.parentsOf(item).some(isGone) && !isTiedToTable(before, item, isGone);
  const kept = before.all.filter(item => !isGone(item));
  return {
    before,
    after,
    dropped: before.all.filter(item => isGone(item) && !isDroppedAlong(item)),
    added: after.all.filter(item => !before.has(item) || isGone(item)),
    changed: kept.flatMap(from => {
      const to = after.get(keyOf(from));
      return to === undefined || changedProperties(from, to).length === 0 ? [] : [{ from, to }];
    }),
    goneNames: new Set(before.all.filter(isGone).map(item => baseName(item.name))),
    isGone,
  };
}
