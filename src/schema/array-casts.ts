// A cast of an ARRAY[…] as the server prints it once it has read its own text. `x IN ('a', 'b')` of a varchar column is
// printed `(ARRAY['a'::character varying, …])::text[]`; the parser takes such a cast into the brackets, so that after a dump
// and its restore the same check is printed `ARRAY[('a'::character varying)::text, …]`. The second form is stable: what is in
// the first is brought to it, where each element is plainly no array itself: of an element that is one, the server casts to an
// array. Everything else stays as it is printed: other casts, literals, bodies of routines. Pure. Called by normalize.ts, and
// where two definitions are compared.
import { PrintedText, quotedEnd, type Span } from './printed-text.ts';

const OPENING = '(ARRAY[';
const ROW = 'ARRAY[';

/** Whether definitions of a kind hold expressions that the server printed, and not only texts and numbers of somebody's. */
export const isPrinted = (kind: string): boolean => !UNPRINTED.has(kind);

const UNPRINTED: ReadonlySet<string> = new Set(['comment', 'security label', 'sequence', 'enum']);

/** A printed expression or statement in which every such cast of plain elements stands inside the brackets. */
export function withCastsInside(text: string): string {
  return text.includes(OPENING) ? rewritten(text, 'Plain') : text;
}

/**
 * Whether two texts are the same but for where such a cast stands, whatever the elements are: of those that are arrays the server
 * makes casts to arrays, of the others not, and a text does not tell which they are. So only what one text has in the first form
 * may be either in the other.
 */
export function isSameButForCasts(kind: string, one: string, other: string): boolean {
  if (one === other) return true;
  if (!isPrinted(kind) || !one.includes(ROW) || !other.includes(ROW)) return false;
  return isSameButForMarks(rewritten(one, 'Any'), rewritten(other, 'Any'));
}

/** `Plain`: an array is left alone where an element may be an array itself. `Any`: none is, and a MARK says what is not known. */
type Elements = 'Plain' | 'Any';

/** Stands behind a cast where there may be a `[]`; in no text of a server. */
const MARK = '\0';

function isSameButForMarks(one: string, other: string): boolean {
  let [left, right] = [0, 0];
  while (left < one.length || right < other.length) {
    if (one[left] === other[right]) {
      left += 1;
      right += 1;
    } else if (one[left] === MARK) {
      left += 1;
      if (other.startsWith('[]', right)) right += 2;
    } else if (other[right] === MARK) {
      right += 1;
      if (one.startsWith('[]', left)) left += 2;
    } else return false;
  }
  return true;
}

interface Edit extends Span {
  readonly by: string;
}

function rewritten(text: string, elements: Elements): string {
  const printed = new PrintedText(text);
  const edits = [...printed.openings].flatMap(open => editsOf(printed, open, elements));
  // What is put in front of an element stands before the bracket that is taken from it.
  edits.sort((a, b) => a.from - b.from || a.to - b.to);
  const pieces = edits.map(({ from, by }, index) => `${text.slice(edits[index - 1]?.to ?? 0, from)}${by}`);
  return `${pieces.join('')}${text.slice(edits.at(-1)?.to ?? 0)}`;
}

/** What makes the second form of a `(ARRAY[…])::type[]` whose parenthesis opens here; nothing where there is none. */
function editsOf(printed: PrintedText, open: number, elements: Elements): readonly Edit[] {
  const { text } = printed;
  const array = open + OPENING.length - 1;
  const close = text.startsWith(OPENING, open) ? printed.closeOf(array) : undefined;
  if (close === undefined || !text.startsWith(')::', close + 1)) return [];
  const begin = close + ')::'.length + 1;
  const end = printed.typeEnd(begin);
  const cast = elementsOf(printed, array);
  if (end === begin || !text.startsWith('[]', end) || cast.length === 0) return [];
  if (elements === 'Plain' && !cast.every(element => isPlain(printed, element))) return [];
  const behind = `)::${text.slice(begin, end)}${elements === 'Any' ? MARK : ''}`;
  return [
    { from: open, to: open + 1, by: '' },
    ...cast.flatMap(({ from, to }) => [
      { from, to: from, by: '(' },
      { from: to, to, by: behind },
    ]),
    { from: close + 1, to: end + '[]'.length, by: '' },
  ];
}

/** Of an array of arrays those of each row, which takes the cast in its turn. */
function elementsOf(printed: PrintedText, array: number): readonly Span[] {
  const elements: Span[] = [];
  const waiting = [array];
  for (let open = waiting.pop(); open !== undefined; open = waiting.pop()) {
    for (const part of printed.partsOf(open)) {
      const row = part.from + ROW.length - 1;
      const isRow = printed.text.startsWith(ROW, part.from) && printed.closeOf(row) === part.to - 1;
      if (isRow) waiting.push(row);
      else elements.push(part);
    }
  }
  return elements;
}

/**
 * A number, a literal, or a cast of one or of anything in parentheses to a type that is no array: of a column or a call
 * nobody knows here what it is.
 */
function isPlain(printed: PrintedText, { from, to }: Span): boolean {
  const { text } = printed;
  const constant = constantEnd(text, { from, to });
  if (constant === to || /^\(-[\d.]+\)$/.test(text.slice(from, to))) return true;
  const close = printed.closeOf(from);
  const value = constant ?? (text[from] === '(' && close !== undefined ? close + 1 : undefined);
  if (value === undefined || !text.startsWith('::', value)) return false;
  return printed.typeEnd(value + '::'.length) === to && to > value + '::'.length;
}

/** Where a number, a literal or a word for a value that begins here ends. */
function constantEnd(text: string, { from, to }: Span): number | undefined {
  const quote = text.startsWith("E'", from) ? from + 1 : from;
  if (text[quote] === "'") return quotedEnd(text, quote);
  const word = /^(?:-?[\d.]+|(?:true|false|NULL)(?!\w))/.exec(text.slice(from, to))?.[0];
  return word === undefined ? undefined : from + word.length;
}
