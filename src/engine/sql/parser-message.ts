// What a parser says of a mistake, as it may be shown: it quotes the token at which it stopped, which may be a password, data,
// or, where a quote has no end, the rest of the file. Pure. Called by statements.ts, and by server-message.ts for what the
// server parses itself (EXECUTE in a block, another release's grammar).
import { tokensOf } from './tokens.ts';

/** Longest token that is quoted: names end sooner, and half of one is never shown. */
const LONGEST = 64;
/** How much before the token is looked at. */
const BEFORE = 200;
/** The token is a part of a string of which a quote was not doubled, a password without quotes, or a row for COPY. */
const BEHIND = [/'$/, /\bpassword\s*(?:=|\bto\b)?\s*$/i, /\bFROM\s+STDIN\b[^;]*;\s*$/i];

/** The message without the token, unless that is a name, a keyword or a symbol. `before` is the text up to its place. */
export function parserMessage(message: string, before: string): string {
  const open = message.indexOf('"');
  const close = message.lastIndexOf('"');
  if (open === close || isPlain(message.slice(open + 1, close), before.slice(-BEFORE))) return message;
  return `${message.slice(0, open)}"…"${message.slice(close + 1)}`;
}

function isPlain(quoted: string, before: string): boolean {
  if (quoted.length > LONGEST || BEHIND.some(place => place.test(before))) return false;
  for (const { kind, doubt } of tokensOf(quoted)) {
    if (kind === 'String' || kind === 'Number' || kind === 'Comment' || doubt !== 'None') return false;
  }
  return true;
}
