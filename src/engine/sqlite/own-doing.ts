// What the files of a run have made themselves: what a later one takes away again is nobody's loss. By their texts. Pure. Called by
// losses.ts, behind the lock.
import type { Loss } from '../losses/losses.ts';
import { columnAt, madeTable, nameAt } from './names.ts';
import type { SqliteFile, SqliteStatement } from './statements.ts';
import { keyword, nameOf } from './tokens.ts';

/** Whether a loss is of a table that these files make, or of a column that they make or add. */
export function isMadeBy(files: readonly SqliteFile[]): (loss: Pick<Loss, 'kind' | 'name'>) => boolean {
  const statements = files.flatMap(file => file.statements);
  const tables = new Set(statements.flatMap(statement => tableMadeFor(statement)));
  const columns = new Set(statements.flatMap(statement => columnAddedBy(statement)));
  return ({ kind, name }) => {
    const low = name.toLowerCase();
    if (kind === 'Table') return tables.has(low);
    return kind !== 'Statement' && (columns.has(low) || tables.has(low.slice(0, low.indexOf('.'))));
  };
}

/** One that may be there already is not made for sure. */
function tableMadeFor(statement: SqliteStatement): readonly string[] {
  const name = madeTable(statement);
  const isSure = !statement.tokens.slice(0, 6).some(token => keyword(token) === 'EXISTS');
  return name !== undefined && isSure ? [name.toLowerCase()] : [];
}

/** `ALTER TABLE t ADD COLUMN c`. */
function columnAddedBy({ tokens }: SqliteStatement): readonly string[] {
  const at = columnAt(tokens, 'ADD');
  return at === undefined ? [] : [`${nameAt(tokens, 2)}.${nameOf(tokens[at])}`.toLowerCase()];
}
