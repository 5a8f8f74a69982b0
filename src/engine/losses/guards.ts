// The last look before a down runs, in its own transaction: what was empty when it was counted is locked against writers and
// must still be empty. Without it, a row that an application writes between count and DROP would be lost in silence. In a
// down that runs in pieces, before each piece that is a transaction. Called by apply.ts and split.ts.
import { only, QueryError, quoted, type Row, textOf } from '../connection.ts';
import { failure } from '../errors.ts';
import { StatementFailure } from '../execute.ts';
import type { DownFile, Guard, Work } from '../work.ts';
import { OWN_PATH_SQL } from './lost-objects.ts';

/** An earlier down of the same transaction has taken it away: undefined_table, undefined_column. */
const GONE = new Set(['42P01', '42703']);

/** Throws PlanOutdated, or StatementFailure where a lock is not to be had, which is tried again. */
export async function assertStillLossless(work: Work, file: DownFile): Promise<void> {
  const { guards = [] } = file;
  if (guards.length === 0) return;
  const { connection } = work;
  const before = only(
    await connection.query(
      `SELECT pg_catalog.current_setting('role') AS role, pg_catalog.current_setting('row_security') AS row_security,
        pg_catalog.current_setting('search_path') AS search_path`,
    ),
  );
  for (const guard of guards) {
    const rows = await look(work, file, guard);
    if (rows.length === 0) continue;
    const what = `what the downgrade would lose of ${guard.name}`;
    throw failure('PlanOutdated', { what, planned: 'nothing', found: 'some rows' }, { migration: guard.version });
  }
  await connection.query(
    `SELECT pg_catalog.set_config('role', $1, true), pg_catalog.set_config('row_security', $2, true),
      pg_catalog.set_config('search_path', $3, true)`,
    [textOf(before, 'role'), textOf(before, 'row_security'), textOf(before, 'search_path')],
  );
}

/** Under the file's own role, as it was counted, and with no policy hiding a row from it: that would be an error. */
async function look({ connection, monitor }: Work, file: DownFile, guard: Guard): Promise<readonly Row[]> {
  const { role } = file.parsed.directives;
  const become = role === undefined ? 'RESET ROLE' : `SET LOCAL ROLE ${quoted(role)}`;
  await connection.query('SAVEPOINT guard');
  try {
    await connection.query(`${become}; SET LOCAL row_security TO off; ${OWN_PATH_SQL}`);
    await connection.query(`LOCK TABLE ${guard.relation} IN SHARE ROW EXCLUSIVE MODE`);
    const rows = await connection.query(`SELECT FROM ${guard.relation} WHERE ${guard.condition} LIMIT 1`);
    await connection.query('RELEASE guard');
    return rows;
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    await connection.query('ROLLBACK TO guard; RELEASE guard');
    const statement = file.parsed.statements.find(one => one.number === guard.statement);
    if (GONE.has(error.sqlstate) || statement === undefined) return [];
    throw new StatementFailure(file, statement, error, monitor);
  }
}
