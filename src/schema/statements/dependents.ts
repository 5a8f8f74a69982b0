// Everything that is dropped, be it to be made again: what went, what PostgreSQL alters only by making it anew, and whatever
// stands on such a thing and can be made again without losing a row. Told by the texts that the server prints, in which every
// name has its schema; on the safe side, so that something may be made again in vain. Pure. Called by change.ts.
import { type Item, type Items, keyOf, ownName, tableOf, text } from './items.ts';
import { baseName, hasWord, namesIn, wordsIn } from './names.ts';
import { mustBeMadeAnew } from './remade.ts';

/** Keys of everything that is dropped, be it to be made again, and of what goes with it. */
export function goneOf(before: Items, after: Items): ReadonlySet<string> {
  const gone = new Set<string>();
  for (const item of before.all) {
    const key = keyOf(item);
    const to = after.get(key);
    if (to === undefined || mustBeMadeAnew({ before, after }, item, to) || changesItsMaker(before, after, item))
      gone.add(key);
  }
  const uses = usesOf(before);
  const disturbed = disturbedBy(before, after);
  const isStillGenerated = (item: Item) =>
    text(item, 'generated') !== '' && text(after.get(keyOf(item)), 'generated') !== '';
  for (let size = -1; size !== gone.size; ) {
    size = gone.size;
    const lost = before.all.filter(item => gone.has(keyOf(item)));
    const names = new Set(lost.filter(item => PROVIDERS.has(item.kind)).map(item => baseName(item.name)));
    const keys = lost.filter(item => isKey(before, item));
    const remade = lost.filter(item => item.kind === 'column' && isStillGenerated(item)).map(placeOf);
    const all: Lost = { names, keys, disturbed, remade };
    for (const item of before.all) {
      if (gone.has(keyOf(item))) continue;
      const isPart = before.parentsOf(item).some(parent => gone.has(keyOf(parent)));
      const used = uses.get(keyOf(item)) ?? new Set();
      const isLost = isStillGenerated(item) ? losesBase(item, all) : isRemade(item) && standsOn(item, used, all);
      if (isPart || isLost) gone.add(keyOf(item));
    }
  }
  return gone;
}

/** What can be dropped and made again without losing a row; beside it what a generated column holds. */
const REMADE = new Set([
  ...[
    'view',
    'materialized view',
    'trigger',
    'rule',
    'policy',
    'constraint',
    'index',
    'statistics',
    'function',
    'procedure',
  ],
]);
const isRemade = (item: Item) => REMADE.has(item.kind);
/** Of these PostgreSQL follows a change of a column by itself. */
const FOLLOWS = new Set(['constraint', 'index', 'statistics']);

const isRoutine = (item: Item) => item.kind === 'function' || item.kind === 'procedure';

/** A routine whose body was parsed when it was made depends on what it names; any other on what its head does. */
const isAtomic = (item: Item): boolean => isRoutine(item) && !/\nAS /.test(text(item, 'definition'));

interface Place {
  readonly table: string;
  readonly column: string;
}

const placeOf = (column: Item): Place => ({ table: tableOf(column), column: ownName(column) });

/** Columns of tables that go, or get another type. */
function disturbedBy(before: Items, after: Items): readonly Place[] {
  return before.of('column').flatMap(item => {
    if (before.relation(tableOf(item))?.kind !== 'table') return [];
    const to = after.get(keyOf(item));
    const isDisturbed =
      to === undefined || text(to, 'type') !== text(item, 'type') || text(to, 'collation') !== text(item, 'collation');
    return isDisturbed ? [placeOf(item)] : [];
  });
}

/** A routine does not stand on another one of its name. */
function usesOf(items: Items): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map(
    items.all.map(item => {
      const names = namesIn(neededText(item));
      return [keyOf(item), isRoutine(item) ? names.difference(new Set([baseName(item.name)])) : names];
    }),
  );
}

/** Without the body of a routine, which is a text to PostgreSQL. */
function neededText(item: Item): string {
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
  readonly disturbed: readonly Place[];
  /** Generated columns that are dropped and made again. */
  readonly remade: readonly Place[];
}

/** Whether what an item mentions is gone or disturbed. A foreign key stands on the key that it refers to. */
function standsOn(item: Item, used: ReadonlySet<string>, { names, keys, disturbed, remade }: Lost): boolean {
  if ([...used].some(name => names.has(name)) || keys.some(key => refersTo(item, key))) return true;
  if (isRoutine(item) && !isAtomic(item)) return false;
  const needed = neededText(item);
  const mentions = ({ table, column }: Place) => used.has(table) && hasWord(needed, column);
  if (FOLLOWS.has(item.kind)) return remade.some(mentions);
  return disturbed.some(mentions) || remade.some(mentions);
}

/** PostgreSQL drops or retypes no column, and drops no function, from which another column is generated. */
function losesBase(column: Item, { names, disturbed }: Lost): boolean {
  const expression = text(column, 'default');
  const isOfBase = (place: Place) => place.table === tableOf(column) && hasWord(expression, place.column);
  return [...namesIn(expression)].some(name => names.has(name)) || disturbed.some(isOfBase);
}

const PROVIDERS = new Set([
  ...['table', 'view', 'materialized view', 'foreign table', 'function', 'procedure', 'aggregate', 'enum', 'domain'],
  ...['composite type', 'range type', 'collation', 'operator'],
]);

const UNIQUE_INDEX = /^CREATE UNIQUE INDEX .* USING btree /;

/** What a foreign key can refer to: a constraint, or an index that is unique without a condition. */
function isKey(items: Items, item: Item): boolean {
  const definition = text(item, 'definition');
  if (item.kind === 'constraint') return /^(PRIMARY KEY|UNIQUE)/.test(definition);
  const isUnique = UNIQUE_INDEX.test(definition) && !definition.includes(') WHERE (');
  return item.kind === 'index' && isUnique && items.constraintOf(item) === undefined;
}

/** The columns may stand in another order. */
function refersTo(item: Item, key: Item): boolean {
  const [definition, before] = [text(item, 'definition'), `REFERENCES ${tableOf(key)}(`];
  const at = definition.indexOf(before);
  if (item.kind !== 'constraint' || at < 0) return false;
  const own = text(key, 'definition').replace(UNIQUE_INDEX, '');
  return columnsOf(definition.slice(at + before.length - 1)) === columnsOf(own);
}

const NO_COLUMNS = new Set(['PERIOD', 'WITHOUT', 'OVERLAPS']);

/** Of the first brackets of a text. */
function columnsOf(definition: string): string {
  const [, inner = ''] = /\(((?:"(?:[^"]|"")*"|[^")])*)\)/.exec(definition) ?? [];
  return wordsIn(inner)
    .filter(word => !NO_COLUMNS.has(word))
    .sort()
    .join();
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

const OF_TABLES = new Set(['index', 'constraint', 'trigger', 'policy', 'rule', 'statistics']);

/** What uses a routine that takes the rows of its own table: it goes before the routine, and comes after it and the table. */
export function isTiedToTable(items: Items, item: Item, isMeant: (routine: Item) => boolean): boolean {
  if (!OF_TABLES.has(item.kind) || (item.kind === 'index' && items.constraintOf(item) !== undefined)) return false;
  const routines = [...namesIn(neededText(item))].flatMap(name => items.named(name).filter(isRoutine));
  return routines.some(one => isMeant(one) && namesIn(neededText(one)).has(tableOf(item)));
}
