// Which relations the statements of downs make themselves: what is dropped of them was not there before. Pure. Called by
// loss-counter.ts.

import { parseNodes } from '../sql/parse-trees.ts';
import type { Statement } from '../sql/statements.ts';
import { childOf, type Node, stringOf } from '../sql/tree.ts';
import type { DownFile } from '../work.ts';
import type { Drop } from './drops.ts';

export function nodeOfStatement(statement: Statement): Node {
  return parseNodes(statement.text)[0] ?? { type: 'Empty', fields: {} };
}

const MAKES: Readonly<Record<string, string>> = { CreateStmt: 'relation', ViewStmt: 'view', CreateSeqStmt: 'sequence' };

/** A relation that the same down makes before it drops it. */
export function isMadeBy(file: DownFile, drop: Drop): boolean {
  if (drop.kind !== 'Object' || drop.of !== 'relation') return false;
  return file.parsed.statements.some(statement => madeBy(nodeOfStatement(statement)) === drop.name.name);
}

/** The name of the relation that a statement makes. */
export function madeBy({ type, fields }: Node): string | undefined {
  if (type === 'CreateTableAsStmt' || type === 'SelectStmt') {
    const into = childOf(fields, type === 'SelectStmt' ? 'intoClause' : 'into');
    return stringOf(childOf(into, 'rel'), 'relname');
  }
  const field = MAKES[type];
  return field === undefined ? undefined : stringOf(childOf(fields, field), 'relname');
}

/** Of all relations that the downs make. */
export function madeNames(files: readonly DownFile[]): ReadonlySet<string> {
  const made = files.flatMap(file => file.parsed.statements.map(statement => madeBy(nodeOfStatement(statement))));
  return new Set(made.filter(name => name !== undefined));
}
