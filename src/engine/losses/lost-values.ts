// Which values of a column are lost with it, as SQL conditions: those that going up again would not bring back. Compared as
// text by its bytes: a collation of the column's own may call different texts equal. Pure. Called by loss-counter.ts.
import { quoted } from '../connection.ts';
import type { Given } from './way-back.ts';

export interface LostColumn {
  readonly name: string;
  readonly type: string;
  readonly given: Given;
  /** Today, of its own. */
  readonly hasDefault: boolean;
  /** Its type, a domain, has one. */
  readonly typeGives: boolean;
}

/**
 * What differs from what going up again gives is lost, a NULL beside a default too. Where it cannot be told what that is,
 * every row; where it is not known that the column comes back at all, what is in it.
 */
export function valueCondition({ name, type, given, hasDefault, typeGives }: LostColumn): string {
  if (given.kind === 'Constant') return isOther(quoted(name), `((${given.sql})::${type})`);
  const isNull = !typeGives && (given.kind === 'Null' || (given.kind === 'Unproven' && !hasDefault));
  return isNull ? `${quoted(name)} IS NOT NULL` : 'true';
}

/** What does not come back from the new type as it was; everything, NULLs included, where an expression decides. */
export function retypedCondition(column: string, before: string, after: string | undefined): string {
  return after === undefined ? 'true' : isOther(`((${column}::${after})::${before})`, column);
}

const isOther = (one: string, other: string) =>
  `${one}::pg_catalog.text COLLATE "C" IS DISTINCT FROM ${other}::pg_catalog.text COLLATE "C"`;
