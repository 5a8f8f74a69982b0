// Which values of a column are lost with it, as SQL conditions: those that going up again would not bring back. Compared as
// text by its bytes: a collation of the column's own may call different texts equal. Pure. Called by loss-counter.ts.
import { parseNodes } from '../sql/parse-trees.ts';

/**
 * Going up again gives every row the default, or NULL where there is none. What differs is lost, a NULL beside a default
 * too; everything, where the default is computed.
 */
export function valueCondition(column: string, fallback: string | null): string {
  if (fallback === null) return `${column} IS NOT NULL`;
  return isConstant(fallback) ? isOther(column, `(${fallback})`) : 'true';
}

/** What does not come back from the new type as it was; everything, NULLs included, where an expression decides. */
export function retypedCondition(column: string, before: string, after: string | undefined): string {
  return after === undefined ? 'true' : isOther(`((${column}::${after})::${before})`, column);
}

const isOther = (one: string, other: string) =>
  `${one}::pg_catalog.text COLLATE "C" IS DISTINCT FROM ${other}::pg_catalog.text COLLATE "C"`;

/** Constants and casts only: the same for every row. */
function isConstant(expression: string): boolean {
  const nodes = parseNodes(`SELECT ${expression}`);
  const text = JSON.stringify(nodes);
  return nodes.length === 1 && !/"(FuncCall|SQLValueFunction|ColumnRef|SubLink|A_Expr|NextValueExpr)"/.test(text);
}
