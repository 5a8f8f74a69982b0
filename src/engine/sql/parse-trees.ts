// Parse trees of SQL that comes from no file: a statement again, an expression as the server prints it. What is not valid
// has none. The grammar must have been loaded (statements.ts: loadGrammar).
import { parseSync } from 'libpg-query';
import { type Node, nodeOf } from './tree.ts';

/** One tree a statement; empty when the text is not valid SQL. */
export function parseNodes(sql: string): readonly Node[] {
  return parsedNodes(sql) ?? [];
}

/** The same, undefined when the text is not valid SQL: one without statements is. */
export function parsedNodes(sql: string): readonly Node[] | undefined {
  try {
    return parseSync(sql).stmts?.map(({ stmt }) => nodeOf(stmt)) ?? [];
  } catch {
    return undefined;
  }
}
