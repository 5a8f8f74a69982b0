// What the writers of this folder fill: statements, each with the stage that it belongs to, and the differences that they
// have taken care of. What nobody has claimed in the end is told in a comment, so that nothing is ever silently left out.
import { type Change, changedProperties } from './change.ts';
import { type Item, keyOf } from './items.ts';

/** In the order of the file. What stands in the way goes first, what others may still need goes late. */
export const STAGES = [
  ...[
    'drop what hangs on others',
    'drop views',
    'drop constraints',
    'drop generated columns',
    'drop in the way',
    'drop tables',
  ],
  ...[
    'schemas',
    'extensions',
    'types',
    'sequences',
    'tables',
    'columns',
    'generated columns',
    'constraints',
    'routines',
    'indexes',
  ],
  ...['partitions', 'foreign keys', 'views', 'what hangs on others', 'drop late', 'rights', 'comments'],
] as const;
export type Stage = (typeof STAGES)[number];

export interface Piece {
  readonly stage: Stage;
  /** One statement without its semicolon. */
  readonly sql: string;
  /** Lines of comment above it. */
  readonly notes: readonly string[];
  /** Names of objects that it makes, changes or drops. */
  readonly names: readonly string[];
  /** Text of which the qualified names are needed before; by default the statement. */
  readonly needs: string;
}

export interface Unsaid {
  readonly item: Item;
  readonly change: 'Added' | 'Removed' | 'Changed';
  /** Of a change, and of what was added but for a few properties: which. */
  readonly properties: readonly string[];
}

/** Kinds of relations of which a snapshot does not hold all that making them needs. */
const UNMADE: ReadonlySet<string> = new Set(['foreign table']);

export class Draft {
  readonly change: Change;
  readonly pieces: Piece[] = [];
  readonly remarks: string[] = [];
  readonly #claimed = new Map<string, Set<string>>();
  /** Not by their keys: what is dropped to be made again is two items of one key. */
  readonly #whole = new Set<Item>();

  constructor(change: Change) {
    this.change = change;
  }

  write(stage: Stage, sql: string, more: Partial<Omit<Piece, 'stage' | 'sql'>> = {}): void {
    this.pieces.push({ stage, sql, notes: [], names: [], needs: sql, ...more });
  }

  /** Something to know that belongs to no statement. */
  remark(line: string): void {
    this.remarks.push(line);
  }

  /** Everything about an item is taken care of. */
  claim(...items: readonly (Item | undefined)[]): void {
    for (const item of items) if (item !== undefined) this.#whole.add(item);
  }

  /** These properties of it are. */
  claimOf(item: Item, ...properties: readonly string[]): void {
    const known = this.#claimed.get(keyOf(item)) ?? new Set();
    for (const property of properties) known.add(property);
    this.#claimed.set(keyOf(item), known);
  }

  /** Whether a writer has had to do with an item. What is new and was not written cannot be granted or commented. */
  isWritten(item: Item): boolean {
    return this.#whole.has(item) || this.#claimed.has(keyOf(item));
  }

  /** What is to be made of these kinds, but for what stands on something that is not made. */
  added(...kinds: readonly string[]): readonly Item[] {
    const { added, after } = this.change;
    const isUnmade = (item: Item) => UNMADE.has(item.kind) && added.includes(item);
    return added.filter(item => kinds.includes(item.kind) && !after.parentsOf(item).some(isUnmade));
  }

  /** Differences that no writer has claimed. */
  get unsaid(): readonly Unsaid[] {
    const { dropped, added, changed } = this.change;
    return [
      ...dropped.filter(item => !this.#whole.has(item)).map(item => unsaid('Removed', item, [])),
      ...added.flatMap(item => this.#unsaidOf('Added', item, Object.keys(item.properties))),
      ...changed.flatMap(({ from, to }) => this.#unsaidOf('Changed', to, changedProperties(from, to))),
    ];
  }

  #unsaidOf(change: 'Added' | 'Changed', item: Item, properties: readonly string[]): readonly Unsaid[] {
    if (this.#whole.has(item)) return [];
    const claimed = this.#claimed.get(keyOf(item));
    const rest = properties.filter(property => claimed?.has(property) !== true && property !== 'position');
    if (rest.length === 0 && (change === 'Changed' || claimed !== undefined)) return [];
    return [unsaid(change, item, claimed === undefined && change === 'Added' ? [] : rest)];
  }
}

function unsaid(change: Unsaid['change'], item: Item, properties: readonly string[]): Unsaid {
  return { change, item, properties };
}
