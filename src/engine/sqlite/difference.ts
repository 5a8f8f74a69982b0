// Compares two snapshots of SQLite object by object. Their definitions are JSON objects, so that a change is named by its
// property. Pure.
import type { Difference, PropertyChange } from '../../schema/difference.ts';
import type { SnapshotEntry } from '../../schema/snapshot.ts';

export function compareSqliteSnapshots(
  before: readonly SnapshotEntry[],
  after: readonly SnapshotEntry[],
): readonly Difference[] {
  const [old, now] = [byKey(before), byKey(after)];
  const removed = before.filter(entry => !now.has(keyOf(entry))).map(entry => plain('Removed', entry));
  const others = after.flatMap(entry => {
    const earlier = old.get(keyOf(entry));
    if (earlier === undefined) return [plain('Added', entry)];
    if (earlier.definition === entry.definition) return [];
    return [{ ...plain('Changed', entry), properties: changes(earlier.definition, entry.definition) }];
  });
  return withoutParts([...removed, ...others]);
}

const keyOf = ({ kind, name }: SnapshotEntry) => `${kind}\0${name}`;
const byKey = (entries: readonly SnapshotEntry[]) => new Map(entries.map(entry => [keyOf(entry), entry]));

function plain(change: Difference['change'], { kind, name }: SnapshotEntry): Difference {
  return { change, kind, name, properties: [] };
}

/** Columns and keys of a table that came or went whole are not told one by one. */
function withoutParts(differences: readonly Difference[]): readonly Difference[] {
  const whole = new Set(differences.filter(one => one.kind === 'table').map(one => `${one.change} ${one.name}`));
  const tableOf = ({ kind, name }: Difference) =>
    kind === 'foreign key' ? name.replace(/ \(.*$/, '') : name.split('.')[0];
  return differences.filter(one => {
    const isPart = one.kind === 'column' || one.kind === 'foreign key';
    return !isPart || one.change === 'Changed' || !whole.has(`${one.change} ${tableOf(one)}`);
  });
}

function changes(before: string, after: string): readonly PropertyChange[] {
  const [from, to] = [JSON.parse(before) as Record<string, unknown>, JSON.parse(after) as Record<string, unknown>];
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
  const text = (value: unknown) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing'));
  return names
    .filter(name => text(from[name]) !== text(to[name]))
    .map(property => ({ property, from: text(from[property]), to: text(to[property]) }));
}
