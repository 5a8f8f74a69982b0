// Which tables the statements of downs may write anew. PostgreSQL gives such a table another file, as TRUNCATE does: that its
// rows are still there has to be looked at. Of every other table another file means that its rows are gone. Pure. Called by
// inventory.ts.
import type { Statement } from '../sql/statements.ts';
import { childOf, childrenOf, type Node, relationName, stringOf } from '../sql/tree.ts';
import type { PendingFile } from '../work.ts';
import { namesChangedBy } from './drops.ts';
import { nodeOfStatement } from './made-relations.ts';

/** A statement, for the message where its table cannot be looked at. */
export interface Rewriting {
  readonly file: PendingFile;
  readonly statement: Statement;
}

export interface Rewrites {
  /** By the table's name before the downs, without its schema: too many are looked at rather than too few. */
  readonly named: ReadonlyMap<string, Rewriting>;
  /** `ALTER TABLE ALL IN TABLESPACE` names none. */
  readonly all: Rewriting | undefined;
}

const MAY_REWRITE = new Set(['AlterTableStmt', 'AlterTableMoveAllStmt', 'ClusterStmt', 'RenameStmt']);

/** What writes a table anew, always or with some types and defaults. */
const REWRITING = new Set([
  ...['AT_AlterColumnType', 'AT_AddColumn', 'AT_SetExpression', 'AT_SetLogged', 'AT_SetUnLogged', 'AT_SetAccessMethod'],
  ...['AT_SetTableSpace', 'AT_DropOids', 'AT_AttachPartition', 'AT_AddInherit'],
]);

/** From the last statement to the first: what is written anew under its new name is followed to the one that it has now. */
export function rewritesOf(files: readonly PendingFile[]): Rewrites {
  const named = new Map<string, Rewriting>();
  let all: Rewriting | undefined;
  for (const file of files.toReversed()) {
    for (const statement of file.parsed.statements.toReversed()) {
      if (!MAY_REWRITE.has(statement.type)) continue;
      const node = nodeOfStatement(statement);
      const here = { file, statement };
      if (node.type === 'AlterTableMoveAllStmt') all = here;
      for (const name of writtenBy(node, named)) named.set(name, here);
    }
  }
  return { named, all };
}

/** Of a table that is attached to another from here on, both names: what is done to one is done to the other. */
function writtenBy(node: Node, later: ReadonlyMap<string, Rewriting>): readonly string[] {
  const { type, fields } = node;
  const { name } = relationName(childOf(fields, 'relation'));
  if (type === 'ClusterStmt') return [name];
  if (type === 'RenameStmt') return later.has(stringOf(fields, 'newname')) ? [name] : [];
  const isRewriting = childrenOf(fields, 'cmds').some(command => REWRITING.has(stringOf(command.fields, 'subtype')));
  return isRewriting ? [name, ...namesChangedBy(node)] : [];
}
