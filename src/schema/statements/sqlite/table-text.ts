// The text of a CREATE TABLE of SQLite, taken apart by its tokens: columns, constraints, options. SQLite keeps what was
// written, so that this is the definition itself. Pure.
import { spelled } from '../../../engine/sqlite/snapshot.ts';
import { keyword, nameOf, type Token, tokensOf } from '../../../engine/sqlite/tokens.ts';

export interface TextPart {
  /** As it was written. */
  readonly text: string;
  /** Without white space, comments and case: what counts for a comparison. */
  readonly meaning: string;
  /** Upper-case words and symbols. */
  readonly words: readonly string[];
}

export interface ColumnText extends TextPart {
  readonly name: string;
}

export interface TableText {
  readonly columns: readonly ColumnText[];
  readonly constraints: readonly TextPart[];
  readonly options: string;
  /** The same table under another name. */
  named(name: string): string;
}

const CONSTRAINTS = new Set(['CONSTRAINT', 'PRIMARY', 'UNIQUE', 'CHECK', 'FOREIGN']);

/** Undefined for a virtual table, whose arguments only its module understands. */
export function tableText(sql: string): TableText | undefined {
  const tokens = tokensOf(sql);
  const open = tokens.findIndex(token => token.text === '(');
  if (open < 0 || keyword(tokens[1]) === 'VIRTUAL') return undefined;
  const { parts, end } = partsOf(tokens, open);
  const isConstraint = ([first]: readonly Token[]) => first?.kind === 'word' && CONSTRAINTS.has(keyword(first));
  const name = tokens[open - 1];
  return {
    columns: parts.filter(part => !isConstraint(part)).map(part => ({ ...textPart(sql, part), name: nameOf(part[0]) })),
    constraints: parts.filter(isConstraint).map(part => textPart(sql, part)),
    options: spelled(tokens.slice(end + 1)),
    named: other => `${sql.slice(0, name?.start ?? 0)}${other}${sql.slice(name?.end ?? 0)}`,
  };
}

/** What stands between the commas of the outermost brackets. */
function partsOf(tokens: readonly Token[], open: number) {
  const parts: Token[][] = [[]];
  let depth = 0;
  let at = open;
  for (; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token === undefined) break;
    if (token.text === ')') depth -= 1;
    if (depth === 0 && token.text === ')') break;
    if (depth === 1 && token.text === ',') parts.push([]);
    else if (depth > 0) parts.at(-1)?.push(token);
    if (token.text === '(') depth += 1;
  }
  return { parts: parts.filter(part => part.length > 0), end: at };
}

function textPart(sql: string, tokens: readonly Token[]): TextPart {
  const [first, last] = [tokens[0], tokens.at(-1)];
  return {
    text: sql.slice(first?.start ?? 0, last?.end ?? 0),
    meaning: spelled(tokens),
    words: tokens.map(keyword),
  };
}
