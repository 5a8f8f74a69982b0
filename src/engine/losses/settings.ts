// Which statements of a script are settings that decide what its names find and what its literals mean. Pure. Called by
// loss-counter.ts, which follows them, and by way-back.ts.
import { calledFunctions, type Node, stringOf } from '../sql/tree.ts';

/** Limits are the engine's own; everything else may decide what a name or a value is. */
export function isFollowed({ type, fields }: Node): boolean {
  if (type === 'VariableSetStmt') return !LIMITS.test(stringOf(fields, 'name'));
  return type === 'SelectStmt' && fields.fromClause === undefined && setsOnly(fields);
}

/** A setting that may give a literal another meaning. `set_config` counts as one: its name may be computed. */
export function decidesValues(node: Node): boolean {
  return isFollowed(node) && !FINDING.test(stringOf(node.fields, 'name'));
}

function setsOnly(fields: Node['fields']): boolean {
  const functions = calledFunctions(fields);
  return functions.size === 1 && functions.has('set_config');
}

const LIMITS = /^(statement_timeout|lock_timeout|idle_.*|transaction_.*|default_transaction_.*|row_security)$/;
const FINDING = /^(search_path|role|client_min_messages|maintenance_work_mem|work_mem|check_function_bodies)$/;
