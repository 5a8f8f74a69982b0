// How the values of a column come into another type: by themselves where PostgreSQL has a cast for an assignment, which cuts
// no text off without an error, else by an expression behind USING; and what has to be said about it. An explicit cast where
// none is needed would cut silently. Pure. Called by columns.ts. https://www.postgresql.org/docs/current/sql-altertable.html
import { type Item, type Items, list, ownName, text } from './items.ts';

export interface Conversion {
  /** Behind USING; empty where PostgreSQL converts by itself. */
  readonly using: string;
  readonly notes: readonly string[];
}

/** A type as the server prints it, without what a domain adds. */
interface Type {
  readonly name: string;
  /** `10,2` of `numeric(10,2)`. */
  readonly modifiers: readonly number[];
  /** `day to second` of an interval. */
  readonly parts: string;
  readonly isArray: boolean;
}

/** Both as they are known in the schema of before and of after. */
interface Sides {
  readonly before: Items;
  readonly after: Items;
}

export function conversionOf({ before, after }: Sides, from: Item, to: Item): Conversion {
  const [old, now] = [typeOf(before, text(from, 'type')), typeOf(after, text(to, 'type'))];
  const { way, isLossy } = wayOf({ before, after }, old, now);
  const [column, type] = [ownName(to), text(to, 'type')];
  const using = { Assigned: '', Cast: `${column}::${type}`, Text: `${column}::text::${type}` }[way];
  const isSafe = !isLossy && (way === 'Assigned' ? isWider(old, now) : isSuperset(before, after, old, now));
  const mayRefuse = !isSafe || after.get(`domain ${type}`) !== undefined;
  const seeTo = using === '' ? '' : ': see to the USING';
  return {
    using,
    notes: [
      ...(isLossy ? [`Destroys data: of each value of ${to.name} what ${type} does not hold.`] : []),
      `${mayRefuse ? 'Fails on a value that does not fit, and may rewrite' : 'May rewrite'} the table under a lock${seeTo}.`,
    ],
  };
}

const PRINTED = /^((?:"(?:[^"]|"")*"|[^"(])+?)(?:\(([^)]*)\))?( with(?:out)? time zone)?((?:\[\])*)$/;

function typeOf(items: Items, printed: string): Type {
  const [, written = printed, modifiers = '', zone = '', brackets = ''] = PRINTED.exec(printed) ?? [];
  const domain = items.get(`domain ${written}`);
  if (domain !== undefined && brackets === '') return typeOf(items, text(domain, 'type'));
  const [, parts] = /^interval (.*)$/.exec(written) ?? [];
  return {
    name: parts === undefined ? `${written}${zone}` : 'interval',
    modifiers: modifiers === '' ? [] : modifiers.split(',').map(Number),
    parts: parts ?? '',
    isArray: brackets !== '',
  };
}

interface Way {
  /** `Text`: by what is written and read, which PostgreSQL can do with every type. */
  readonly way: 'Assigned' | 'Cast' | 'Text';
  /** Whether something may be lost without an error. */
  readonly isLossy: boolean;
}

const STRINGS = new Set(['text', 'character varying', 'character', 'bpchar']);
/** Whether a type is a string, or is to the other, an array too, as an array of strings. */
const isStringTo = (other: Type, { name, isArray }: Type) =>
  (STRINGS.has(name) || name.endsWith('.citext')) && (!isArray || other.isArray);

function wayOf(sides: Sides, from: Type, to: Type): Way {
  const isAlike = from.isArray === to.isArray;
  const pair = `${from.name} > ${to.name}`;
  if (isAlike && from.name === to.name) return { way: 'Assigned', isLossy: cutsOff(from, to) };
  if (isStringTo(from, to)) return { way: 'Assigned', isLossy: false };
  if (isStringTo(to, from)) return { way: 'Cast', isLossy: !isExact(sides, to) };
  if (isAlike && ASSIGNED.has(pair)) return { way: 'Assigned', isLossy: rounds(from, to) || cutsOff(from, to) };
  const own = [sides.before, sides.after].map(items => items.get(`cast ${pair.replace(' > ', ' AS ')}`)).find(Boolean);
  if (own !== undefined) return { way: text(own, 'context') === '' ? 'Cast' : 'Assigned', isLossy: true };
  if (isAlike && EXPLICIT.has(pair)) return { way: 'Cast', isLossy: pair !== 'boolean > integer' };
  // Of a type of an extension it is not known which casts there are.
  const isKnown = isSystems(from) || isMade(sides.before, from);
  if (!isKnown || !(isSystems(to) || isMade(sides.after, to))) return { way: 'Cast', isLossy: true };
  return { way: 'Text', isLossy: false };
}

/** Every name of another schema than pg_catalog is printed with it. */
const isSystems = ({ name }: Type): boolean => !/^(?:"(?:[^"]|"")*"|[^".]+)\./.test(name);

const MADE = new Set(['enum', 'range type', 'domain']);
const isMade = (items: Items, { name }: Type): boolean =>
  items.relation(name) !== undefined || items.named(name).some(({ kind }) => MADE.has(kind));

/** Types that read no text of which they would not write all. */
function isExact({ after }: Sides, { name, isArray }: Type): boolean {
  return (
    !isArray && (after.get(`enum ${name}`) !== undefined || ['uuid', 'smallint', 'integer', 'bigint'].includes(name))
  );
}

function isSuperset(before: Items, after: Items, from: Type, to: Type): boolean {
  const [old, now] = [before.get(`enum ${from.name}`), after.get(`enum ${to.name}`)];
  if (old === undefined || now === undefined || from.isArray !== to.isArray) return false;
  return list(old, 'values').every(value => list(now, 'values').includes(value));
}

const WHOLE = ['smallint', 'integer', 'bigint'];
const NUMBERS = [...WHOLE, 'numeric', 'real', 'double precision'];
const [STAMP, STAMP_TZ, TIME, TIME_TZ] = [
  ...['timestamp without time zone', 'timestamp with time zone', 'time without time zone', 'time with time zone'],
];

/** Casts of an assignment that lose nothing silently; beside those among numbers. */
const KEEPING = [
  ...[`date > ${STAMP}`, `date > ${STAMP_TZ}`, `${STAMP} > ${STAMP_TZ}`, `${STAMP_TZ} > ${STAMP}`],
  ...[`${TIME} > interval`, `${TIME} > ${TIME_TZ}`, 'jsonb > json', 'bit > bit varying', 'bit varying > bit'],
  ...[
    'cidr > inet',
    'macaddr > macaddr8',
    'macaddr8 > macaddr',
    'integer > money',
    'bigint > money',
    'money > numeric',
  ],
];
/** Casts of an assignment that leave something away. */
const CUTTING = [
  ...[`${STAMP} > date`, `${STAMP} > ${TIME}`, `${STAMP_TZ} > date`, `${STAMP_TZ} > ${TIME}`],
  ...[`${STAMP_TZ} > ${TIME_TZ}`, `${TIME_TZ} > ${TIME}`, `interval > ${TIME}`, 'json > jsonb', 'inet > cidr'],
  'numeric > money',
];
const AMONG_NUMBERS = NUMBERS.flatMap(from => NUMBERS.filter(to => to !== from).map(to => `${from} > ${to}`));
/** What PostgreSQL converts without being asked, by `from > to`; to a string it converts everything. */
export const ASSIGNED: ReadonlySet<string> = new Set([...KEEPING, ...CUTTING, ...AMONG_NUMBERS]);

/** What it converts when it is asked. */
export const EXPLICIT: ReadonlySet<string> = new Set([
  ...['integer > boolean', 'boolean > integer', 'bit > integer', 'bit > bigint', 'integer > bit', 'bigint > bit'],
  ...['boolean', ...NUMBERS].map(to => `jsonb > ${to}`),
]);

/** Numbers of which every value has its like in the other, and those that hold more: beside it. */
const WIDER: Readonly<Record<string, readonly string[]>> = {
  smallint: ['integer', 'bigint', 'numeric', 'real', 'double precision'],
  integer: ['bigint', 'numeric', 'double precision'],
  bigint: ['numeric'],
  real: ['double precision'],
  date: [STAMP, STAMP_TZ].map(String),
  ...{ cidr: ['inet'], bit: ['bit varying'], jsonb: ['json'] },
};

function rounds(from: Type, to: Type): boolean {
  const pair = `${from.name} > ${to.name}`;
  if (CUTTING.includes(pair)) return true;
  if (!NUMBERS.includes(from.name) || !NUMBERS.includes(to.name)) return false;
  if (WHOLE.includes(from.name) && WHOLE.includes(to.name)) return false;
  if (WIDER[from.name]?.includes(to.name) === true) return false;
  const isWholeNumeric = from.name === 'numeric' && from.modifiers.length > 0 && (from.modifiers[1] ?? 0) <= 0;
  return !(isWholeNumeric && WHOLE.includes(to.name));
}

/** Digits behind the point that the new type has no place for. */
function cutsOff(from: Type, to: Type): boolean {
  const [last, wanted] = [from.modifiers.at(-1), to.modifiers.at(-1)];
  if (to.name === 'numeric') {
    if (to.modifiers.length === 0 || WHOLE.includes(from.name)) return (to.modifiers[1] ?? 0) < 0;
    return from.name !== 'numeric' || from.modifiers.length === 0 || scaleOf(from) > scaleOf(to);
  }
  if (!isOfTime(to)) return false;
  return (to.parts !== '' && to.parts !== from.parts) || (wanted !== undefined && wanted < (last ?? 6));
}

const isOfTime = ({ name }: Type): boolean => /^(time|interval)/.test(name);
const scaleOf = ({ modifiers }: Type): number => modifiers[1] ?? 0;

/** Whether every value of the old type is one of the new. */
function isWider(from: Type, to: Type): boolean {
  if (from.isArray !== to.isArray) return isStringTo(from, to) && to.modifiers.length === 0;
  const isUnbound = to.modifiers.length === 0;
  if (from.name !== to.name) {
    return (
      isUnbound &&
      !['character', 'bpchar'].includes(to.name) &&
      (isStringTo(from, to) || WIDER[from.name]?.includes(to.name) === true)
    );
  }
  if (isUnbound) return to.name !== 'bit';
  if (from.name === 'numeric') {
    const places = ({ modifiers }: Type) => (modifiers[0] ?? Number.POSITIVE_INFINITY) - (modifiers[1] ?? 0);
    return from.modifiers.length > 0 && places(to) >= places(from);
  }
  if (isOfTime(to)) return true;
  const [was, is] = [from.modifiers[0], to.modifiers[0]];
  return was !== undefined && is !== undefined && (to.name === 'bit' ? is === was : is >= was);
}
