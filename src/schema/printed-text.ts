// Reads an expression or statement as the server prints it: where quotes end, which brackets belong together and what commas part
// in them, where the name of a type ends. Each in one pass, letter by letter: the texts are of any length (bodies of routines,
// literals), and a pattern with a repetition within a repetition may take for ever on them. Pure. Called by array-casts.ts.

export interface Span {
  readonly from: number;
  /** Just behind it. */
  readonly to: number;
}

interface Bracket {
  readonly close: number;
  readonly commas: readonly number[];
}

const OPENS: Readonly<Record<string, string>> = { ')': '(', ']': '[' };

/** A text with its brackets found. */
export class PrintedText {
  readonly text: string;
  readonly #brackets = new Map<number, Bracket>();

  constructor(text: string) {
    this.text = text;
    const open: { readonly at: number; readonly commas: number[] }[] = [];
    for (let at = 0; at < text.length; at = quotedEnd(text, at) ?? at + 1) {
      const letter = text.charAt(at);
      if (letter === '(' || letter === '[') open.push({ at, commas: [] });
      if (letter === ',') open.at(-1)?.commas.push(at);
      if (letter !== ')' && letter !== ']') continue;
      const last = open.pop();
      if (last !== undefined && text[last.at] === OPENS[letter])
        this.#brackets.set(last.at, { close: at, commas: last.commas });
    }
  }

  /** Where the brackets open that have an end, inner ones first. */
  get openings(): Iterable<number> {
    return this.#brackets.keys();
  }

  /** The bracket that closes the one that opens here; undefined where none opens or it has no end. */
  closeOf(open: number): number | undefined {
    return this.#brackets.get(open)?.close;
  }

  /** What commas part within the bracket that opens here; none where there is nothing in it. */
  partsOf(open: number): readonly Span[] {
    const { close, commas } = this.#brackets.get(open) ?? { close: open, commas: [] };
    const ends = [...commas, close];
    const parts = ends.map((to, index) => this.#trimmed((ends[index - 1] ?? open) + 1, to));
    return parts.filter(({ from, to }) => from < to);
  }

  #trimmed(from: number, to: number): Span {
    let [first, last] = [from, to];
    while (first < last && isSpace(this.text, first)) first += 1;
    while (first < last && isSpace(this.text, last - 1)) last -= 1;
    return { from: first, to: last };
  }

  /** Where the name of a type that begins here ends, with what belongs to it but for `[]`; here where none begins. */
  typeEnd(from: number): number {
    let at = this.#nameEnd(from);
    if (at === from) return from;
    for (let next = this.#moreOfType(at); next !== undefined; next = this.#moreOfType(at)) at = next;
    return at;
  }

  /** `public."A type"`. */
  #nameEnd(from: number): number {
    let at = from;
    for (;;) {
      const end = this.text[at] === '"' ? (quotedEnd(this.text, at) ?? at) : wordEnd(this.text, at);
      if (end === at || this.text[end] !== '.') return end;
      at = end + 1;
    }
  }

  /** Modifiers, as in `numeric(5,2)`, or a word more. */
  #moreOfType(at: number): number | undefined {
    const close = this.text[at] === '(' ? this.closeOf(at) : undefined;
    if (close !== undefined) return close + 1;
    const word = TYPE_WORDS.find(
      one => this.text.startsWith(one, at) && wordEnd(this.text, at + 1) === at + one.length,
    );
    return word === undefined ? undefined : at + word.length;
  }
}

/** `character varying`, `timestamp(3) without time zone`, `interval day to second(3)`. */
const TYPE_WORDS = [
  ...[' varying', ' precision', ' with', ' without', ' time', ' zone'],
  ...[' year', ' month', ' day', ' hour', ' minute', ' second', ' to'],
];

const isSpace = (text: string, at: number) => text.charAt(at).trim() === '';

function wordEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && /[\w$\u0080-\uffff]/.test(text.charAt(at))) at += 1;
  return at;
}

const DOLLARS = /^\$(?:[^\W\d]\w*)?\$/u;

/** Where a literal, a quoted name or a dollar-quoted body that begins here is over; undefined where none begins. */
export function quotedEnd(text: string, at: number): number | undefined {
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

function endAfter(text: string, end: string, from: number): number {
  const found = text.indexOf(end, from);
  return found < 0 ? text.length : found + end.length;
}
