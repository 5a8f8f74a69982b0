// Splits SQL as SQLite itself does (https://www.sqlite.org/lang.html, tokenize.c): strings, quoted names, comments,
// numbers, words. Never a regular expression over a whole file: a semicolon in a string or a trigger's body is no end.
// Pure. Called by statements.ts and snapshot.ts.

export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'symbol';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Where a text ends inside a string, name or comment. */
export class Unterminated extends Error {
  override readonly name = 'Unterminated';
  readonly offset: number;
  constructor(what: string, offset: number) {
    super(`${what} that begins here has no end`);
    this.offset = offset;
  }
}

const WORD = /[\p{L}\p{N}_$\u0080-\uffff]+/uy;
const NUMBER = /(?:0x[0-9a-f]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:e[+-]?\d+)?)/iy;
const SPACE = /[\s\ufeff]+/y;
const LINE_COMMENT = /--[^\n]*/y;
const QUOTES: Readonly<Record<string, { readonly end: string; readonly kind: Token['kind']; readonly what: string }>> =
  {
    "'": { end: "'", kind: 'string', what: 'the string' },
    '"': { end: '"', kind: 'quoted', what: 'the quoted name' },
    '`': { end: '`', kind: 'quoted', what: 'the quoted name' },
    '[': { end: ']', kind: 'quoted', what: 'the name in brackets' },
  };

/** The tokens of a text, comments and white space left out. Throws Unterminated. */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  while (at < text.length) {
    const skipped = match(SPACE) ?? match(LINE_COMMENT);
    if (skipped !== undefined) {
      at += skipped.length;
      continue;
    }
    if (text.startsWith('/*', at)) {
      at = endOfComment(text, at);
      continue;
    }
    const token = quotedToken(text, at) ?? plainToken(text, at, match);
    tokens.push(token);
    at = token.end;
  }
  return tokens;
}

/** SQLite lets a comment run to the end of the text, which would swallow what follows without a word: refused here. */
function endOfComment(text: string, start: number): number {
  const end = text.indexOf('*/', start + 2);
  if (end < 0) throw new Unterminated('the comment', start);
  return end + 2;
}

function quotedToken(text: string, start: number): Token | undefined {
  const isBlob = /[xX]/.test(text[start] ?? '') && text[start + 1] === "'";
  const open = isBlob ? start + 1 : start;
  const quote = QUOTES[text[open] ?? ''];
  if (quote === undefined) return undefined;
  let end = open + 1;
  for (;;) {
    end = text.indexOf(quote.end, end);
    if (end < 0) throw new Unterminated(quote.what, start);
    end += 1;
    // A doubled quote is one quote; brackets know no doubling.
    if (quote.end === ']' || text[end] !== quote.end) break;
    end += 1;
  }
  return { kind: quote.kind, text: text.slice(start, end), start, end };
}

function plainToken(text: string, start: number, match: (pattern: RegExp) => string | undefined): Token {
  const isDigit = /[0-9]/.test(text[start] ?? '') || (text[start] === '.' && /[0-9]/.test(text[start + 1] ?? ''));
  const found = isDigit ? match(NUMBER) : match(WORD);
  const value = found ?? text[start] ?? '';
  const kind = found === undefined ? 'symbol' : isDigit ? 'number' : 'word';
  return { kind, text: value, start, end: start + value.length };
}

/** A word as a keyword: upper case; other tokens as they are. */
export function keyword(token: Token | undefined): string {
  if (token === undefined) return '';
  return token.kind === 'word' ? token.text.toUpperCase() : token.text;
}

/** The name that a token writes, without its quotes. */
export function nameOf(token: Token | undefined): string {
  if (token === undefined) return '';
  if (token.kind !== 'quoted' && token.kind !== 'string') return token.text;
  const quote = token.text.at(-1) ?? '';
  const inner = token.text.slice(1, -1);
  return quote === ']' ? inner : inner.replaceAll(quote + quote, quote);
}
