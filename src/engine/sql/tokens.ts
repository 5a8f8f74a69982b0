// Splits SQL as PostgreSQL's scanner does, also a text that is cut off or no valid SQL: strings with their prefixes, names,
// dollars, nested comments. Reads a text once, however long it is. For what may be shown of somebody's SQL, never for what is
// run of it: that is the grammar's (statements.ts). Pure. Called by constants.ts and parser-message.ts.
// https://www.postgresql.org/docs/current/sql-syntax-lexical.html

export interface Token {
  readonly kind: 'Space' | 'Comment' | 'Word' | 'Name' | 'String' | 'Number' | 'Parameter' | 'Symbol';
  readonly start: number;
  readonly end: number;
  /**
   * Why its end may be elsewhere: it has none (NoEnd); a backslash in it means itself or not, as the session's
   * standard_conforming_strings says (Backslash); a word follows a string at once, as after a quote that was not doubled (Glued).
   */
  readonly doubt: 'None' | 'NoEnd' | 'Backslash' | 'Glued';
}

type Kind = Token['kind'];

const PLAIN: readonly (readonly [Kind, RegExp])[] = [
  ['Space', /\s+/y],
  ['Comment', /--[^\n\r]*/y],
  ['Parameter', /\$\d+/y],
  ['Number', /\.?\d[\w.]*/y],
  ['Word', /[a-z_\u0080-\uffff][\w$\u0080-\uffff]*/iy],
];
const OPENING = /(?:[ebxn]|u&)?'|(?:u&)?"|\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|\/\*/iy;
const LETTER = /[\w\u0080-\uffff]/;

/** Each token from the first character to the last, white space and comments among them. */
export function* tokensOf(text: string): Generator<Token> {
  // A string goes on in one that follows it, and with it what a backslash means.
  let hasEscapes = false;
  for (let start = 0; start < text.length; ) {
    const opening = matchAt(OPENING, text, start);
    if (opening?.endsWith("'")) hasEscapes ||= /^e/i.test(opening);
    const token: Token = opening === undefined ? plainToken(text, start) : enclosed(text, start, opening, hasEscapes);
    if (token.kind !== 'Space' && token.kind !== 'Comment') hasEscapes &&= token.kind === 'String';
    yield token;
    start = token.end;
  }
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function plainToken(text: string, start: number): Token {
  for (const [kind, pattern] of PLAIN) {
    const found = matchAt(pattern, text, start);
    if (found !== undefined) return { kind, start, end: start + found.length, doubt: 'None' };
  }
  return { kind: 'Symbol', start, end: start + 1, doubt: 'None' };
}

function enclosed(text: string, start: number, opening: string, hasEscapes: boolean): Token {
  const inner = start + opening.length;
  const kind = opening === '/*' ? 'Comment' : opening.endsWith('"') ? 'Name' : 'String';
  const end =
    opening === '/*'
      ? endOfComment(text, inner)
      : opening.startsWith('$')
        ? endAt(text.indexOf(opening, inner), opening.length)
        : endOfQuotes(text, inner, opening.endsWith("'") && hasEscapes ? 'Escapes' : 'None', opening.slice(-1));
  if (end === undefined) return { kind, start, end: text.length, doubt: 'NoEnd' };
  if (!opening.endsWith("'")) return { kind, start, end, doubt: 'None' };
  const isUnsure = !hasEscapes && !/^u&/i.test(opening) && text.slice(inner, end).includes('\\');
  const isGlued = LETTER.test(text[end] ?? '');
  return { kind, start, end, doubt: isUnsure ? 'Backslash' : isGlued ? 'Glued' : 'None' };
}

const endAt = (found: number, length: number) => (found < 0 ? undefined : found + length);

function endOfQuotes(text: string, from: number, backslash: 'Escapes' | 'None', quote: string): number | undefined {
  for (let at = from; at < text.length; at += 1) {
    if (backslash === 'Escapes' && text[at] === '\\') at += 1;
    else if (text[at] === quote && text[at + 1] === quote) at += 1;
    else if (text[at] === quote) return at + 1;
  }
  return undefined;
}

/** Comments of this kind may hold others. */
function endOfComment(text: string, from: number): number | undefined {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = from;
  for (let depth = 1; ; ) {
    const mark = marks.exec(text)?.[0];
    if (mark === undefined) return undefined;
    depth += mark === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
}
