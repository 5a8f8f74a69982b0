// Somebody's SQL as it may be shown: without its constants, which may be data (the query of a session that blocks ours), or
// without the passwords of roles (a script in a log). Where it cannot be told for sure how far a constant goes, nothing behind
// its beginning is shown. Pure. Called by monitor.ts and the runner's plan.ts.
import { type Token, tokensOf } from './tokens.ts';

/** The query with a question mark for each constant, without comments, in one line. */
export function withoutConstants(sql: string): string {
  const tokens = [...tokensOf(sql)];
  // What has no end may have begun too early: then even a string before it is none.
  const isWhole = tokens.at(-1)?.doubt !== 'NoEnd';
  let shown = '';
  for (const token of tokens) {
    const { kind, start, end, doubt } = token;
    if (kind === 'Comment') shown += ' ';
    else if (kind === 'Number') shown += '?';
    else if (kind === 'String') shown += '?';
    else if (doubt === 'None') shown += sql.slice(start, end);
    if (doubt !== 'None' || (kind === 'String' && !isWhole)) {
      shown += '…';
      break;
    }
  }
  return shown.replace(/\s+/g, ' ').trim();
}

/** The script with `***` for each string behind the word PASSWORD. */
export function withoutPasswords(sql: string): string {
  let shown = '';
  let isPassword = false;
  for (const token of tokensOf(sql)) {
    if (isPassword && token.kind === 'String') {
      shown += '***';
      if (token.doubt !== 'None') return `${shown}…`;
      continue;
    }
    const text = sql.slice(token.start, token.end);
    if (!isGap(token)) isPassword = token.kind === 'Word' && text.toLowerCase() === 'password';
    shown += text;
  }
  return shown;
}

const isGap = ({ kind }: Token) => kind === 'Space' || kind === 'Comment';
