// What a snapshot holds has grown, and one that an older release stored knows nothing of what came later. It is raised before
// it is compared: what its revision could not hold is taken to be as it is now, and what it spelled otherwise is spelled as
// today. So an upgrade of the program alone is never drift. Whoever adds a kind or a property raises REVISION and says here
// which. Pure; the grammar must be loaded. Called by difference.ts and where statements are written from a stored snapshot.
import { isDeepStrictEqual } from 'node:util';
import { isTree, type Tree } from '../engine/sql/tree.ts';
import { normalizedDefinition } from './normalize.ts';
import type { SnapshotEntry } from './snapshot.ts';
import { isUsual } from './statements/grants.ts';
import { exactly } from './statements/items.ts';

/** Of the snapshots that this program takes. */
export const REVISION = 2;

interface Added {
  readonly kinds: readonly string[];
  /** By kind. */
  readonly properties: Readonly<Record<string, readonly string[]>>;
}

const ADDED: ReadonlyMap<number, Added> = new Map([
  [
    2,
    {
      kinds: ['privileges', 'system object'],
      properties: {
        table: ['toastOptions'],
        'materialized view': ['toastOptions'],
        constraint: ['triggers'],
        'range type': ['operatorClass', 'collation'],
        aggregate: [
          ...['parallel', 'stateSize', 'finalExtra', 'finalModifies', 'serialize', 'deserialize', 'movingTransition'],
          ...['movingInverse', 'movingFinal', 'movingFinalExtra', 'movingFinalModifies', 'movingState'],
          ...['movingStateSize', 'movingInitial'],
        ],
        'base type': [
          ...['receive', 'send', 'modifierInput', 'modifierOutput', 'analyze', 'subscript', 'byValue', 'alignment'],
          ...['storage', 'category', 'preferred', 'delimiter', 'element', 'collatable', 'default'],
        ],
      },
    },
  ],
]);

export interface Snapshot {
  readonly entries: readonly SnapshotEntry[];
  /** Absent: this program's. */
  readonly revision?: number | undefined;
}

/** The entries of an older snapshot as this program would have stored them, as far as they can be known from the live ones. */
export function raised(
  { entries, revision = REVISION }: Snapshot,
  live: readonly SnapshotEntry[],
): Snapshot['entries'] {
  if (revision >= REVISION) return entries;
  const later = [...ADDED].filter(([added]) => added > revision).map(([, added]) => added);
  const now = new Map(live.map(entry => [keyOf(entry), entry]));
  const isLater = (entry: SnapshotEntry) =>
    keyOf(entry) === COMMENT_OF_PUBLIC || later.some(({ kinds }) => kinds.includes(entry.kind));
  return [
    ...entries.map(entry => {
      const properties = later.flatMap(added => added.properties[entry.kind] ?? []);
      return raisedEntry(entry, now.get(keyOf(entry)), properties);
    }),
    ...live.filter(isLater),
  ];
}

/** That of the schema of everybody was not held in revision 1. */
const COMMENT_OF_PUBLIC = 'comment on schema public';

const keyOf = ({ kind, name }: SnapshotEntry) => `${kind} ${name}`;

function raisedEntry(old: SnapshotEntry, live: SnapshotEntry | undefined, later: readonly string[]): SnapshotEntry {
  const definition = normalizedDefinition(old.kind, old.definition);
  const { grants, ...rest } = treeOf(definition);
  const now = live === undefined ? {} : treeOf(live.definition);
  const taken = Object.fromEntries(later.filter(name => name in now).map(name => [name, now[name]]));
  const isListed = Array.isArray(grants) && !isUsual({ ...old, properties: treeOf(definition) });
  const properties = { ...rest, ...taken, ...(isListed ? { grants } : {}) };
  // Its own text, where nothing is other: numbers of 64 bits do not survive another way.
  if (live !== undefined && isDeepStrictEqual(properties, now)) return live;
  return { ...old, definition: JSON.stringify(properties, old.kind === 'sequence' ? written : undefined) };
}

/** Its texts of large numbers are numbers again. */
function written(key: string, value: unknown): unknown {
  return BOUNDS.has(key) && typeof value === 'string' ? RAW.rawJSON(value) : value;
}

/** Not yet in the compiler's own types: https://tc39.es/proposal-json-parse-with-source/ */
const RAW = JSON as JSON & { rawJSON(text: string): unknown };

/** Of a sequence: what may be larger than a number of JavaScript. */
const BOUNDS: ReadonlySet<string> = new Set(['start', 'increment', 'minimum', 'maximum', 'cache']);

function treeOf(definition: string): Tree {
  const value: unknown = JSON.parse(definition, exactly);
  return isTree(value) ? value : { definition: value };
}
