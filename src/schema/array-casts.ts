// A cast of an ARRAY[…] as the server prints it once it has read its own text. `x IN ('a', 'b')` of a varchar column is
// printed `(ARRAY['a'::character varying, …])::text[]`; the parser takes such a cast into the brackets, so that after a dump
// and its restore the same check is printed `ARRAY[('a'::character varying)::text, …]`. The second form is stable: what is in
// the first is brought to it, where each element is plainly no array itself: of an element that is one, the server casts to an
// array. Texts of its own (literals, bodies of routines) stay as they are. Pure. Called by normalize.ts.

const OPENING = '(ARRAY[';

/** A printed expression or statement in which every such cast of plain elements stands inside the brackets. */
export function withCastsInside(text: string): string {
  return text.includes(OPENING) ? rewritten(text, 'Plain') : text;
}

/**
 * Whether two texts are the same but for where such a cast stands, whatever the elements are: of those that are arrays the server
 * makes casts to arrays, of the others not, and a text does not tell which they are.
 */
export function isSameButForCasts(one: string, other: string): boolean {
  if (one === other) return true;
  return one.includes('ARRAY[') && other.includes('ARRAY[') && loosely(one) === loosely(other);
}

function loosely(text: string): string {
  return rewritten(text, 'Any').replaceAll(ARRAY_ELEMENT, ')$1');
}

/** `Plain`: an array is left alone where an element may be an array itself. */
type Elements = 'Plain' | 'Any';

function rewritten(text: string, elements: Elements): string {
  let done = '';
  for (let at = 0; at < text.length; ) {
    const array = text.startsWith(OPENING, at) ? castArrayAt(text, at) : undefined;
    const inside = array === undefined ? undefined : arrayOf(array.inner, array.type, elements);
    const end = (inside === undefined ? undefined : array?.end) ?? quotedEnd(text, at) ?? at + 1;
    done += inside ?? text.slice(at, end);
    at = end;
  }
  return done;
}

interface CastArray {
  /** What stands between the brackets. */
  readonly inner: string;
  /** Of an element. */
  readonly type: string;
  /** Just behind the cast. */
  readonly end: number;
}

/** A name of a type with its parameters. */
const TYPE = `((?:"(?:[^"]|"")*"|[^\\s"'(),[\\]:;]+|\\([\\d, ]+\\)| (?:varying|precision|with time zone|without time zone))+)`;
const CAST = new RegExp(`^\\)::${TYPE}\\[\\]`);
const ELEMENT_CAST = new RegExp(`::${TYPE}$`);
const ARRAY_ELEMENT = new RegExp(`\\)(::${TYPE})\\[\\](?=[,\\]])`, 'g');

/** `(ARRAY[…])::type[]` that begins here. */
function castArrayAt(text: string, at: number): CastArray | undefined {
  const start = at + OPENING.length;
  const close = partsEnd(text, start).end;
  const cast = CAST.exec(text.slice(close + 1, close + 1 + LONGEST_TYPE));
  const [whole, type] = cast ?? [];
  if (text[close] !== ']' || whole === undefined || type === undefined) return undefined;
  return { inner: text.slice(start, close), type, end: close + 1 + whole.length };
}

/** Two names, quoted, with what else belongs to a type. */
const LONGEST_TYPE = 600;

function arrayOf(inner: string, type: string, elements: Elements): string | undefined {
  const cast = partsEnd(inner, 0).parts.map(part => elementOf(part, type, elements));
  return cast.includes(undefined) ? undefined : `ARRAY[${cast.join(', ')}]`;
}

/** Of an array of arrays each row takes the cast in its turn. Undefined where it may be an array that has to be plain. */
function elementOf(part: string, type: string, elements: Elements): string | undefined {
  const isRow = part.startsWith('ARRAY[') && partsEnd(part, 'ARRAY['.length).end === part.length - 1;
  if (isRow) return arrayOf(part.slice('ARRAY['.length, -1), type, elements);
  const isKnown = elements === 'Any' || PLAIN.test(part) || isCastPlain(part);
  return isKnown ? `(${rewritten(part, elements)})::${type}` : undefined;
}

/** A number, or a literal without a type. */
const PLAIN = /^(?:-?[\d.]+|\(-[\d.]+\)|E?'(?:[^']|'')*'|true|false|NULL)$/;

/** `…::type`, where the type is no array: a name of one, and of a column or a call nobody knows here what it is. */
function isCastPlain(part: string): boolean {
  const [whole, type] = ELEMENT_CAST.exec(part.slice(-LONGEST_TYPE)) ?? [];
  if (whole === undefined || type === undefined || type.endsWith('[]')) return false;
  const value = part.slice(0, -whole.length);
  return PLAIN.test(value) || (value.startsWith('(') && partsEnd(value, 1).end === value.length - 1);
}

/** What commas part from here to the bracket that closes, and where that is; the text's end where none does. */
function partsEnd(text: string, from: number): { readonly parts: readonly string[]; readonly end: number } {
  const parts: string[] = [];
  let [depth, begin, at] = [0, from, from];
  while (at < text.length) {
    const letter = text.charAt(at);
    if ('([{'.includes(letter)) depth += 1;
    if (')]}'.includes(letter)) depth -= 1;
    if (depth < 0) break;
    if (depth === 0 && letter === ',') {
      parts.push(text.slice(begin, at).trim());
      begin = at + 1;
    }
    at = quotedEnd(text, at) ?? at + 1;
  }
  const last = text.slice(begin, at).trim();
  return { parts: last === '' ? parts : [...parts, last], end: at };
}

const DOLLARS = /^\$(?:[^\W\d]\w*)?\$/u;

/** Where a literal, a quoted name or a dollar-quoted body that begins here is over; undefined where none begins. */
function quotedEnd(text: string, at: number): number | undefined {
  const letter = text.charAt(at);
  if (letter === '$') {
    const tag = DOLLARS.exec(text.slice(at, at + 70))?.[0];
    return tag === undefined ? undefined : endAfter(text, tag, at + tag.length);
  }
  if (letter !== "'" && letter !== '"') return undefined;
  // E'…' is printed where there is a backslash, each of which is doubled.
  for (let next = at + 1; next < text.length; next += 1) {
    if (text[next] !== letter) continue;
    if (text[next + 1] !== letter) return next + 1;
    next += 1;
  }
  return text.length;
}

function endAfter(text: string, tag: string, from: number): number {
  const found = text.indexOf(tag, from);
  return found < 0 ? text.length : found + tag.length;
}
