// What statements defer to the end of their transaction (constraints, constraint triggers) is done before the ledger's rows are
// written, under the role and the settings of its file: at COMMIT it would be under the engine's own, the application's code with
// the rights of who migrates. Never between the files of one transaction: a later one may be what meets a constraint, and there is
// no way back to each constraint's own mode. Called by apply.ts and split.ts.
import { only, QueryError, textOf } from './connection.ts';
import { failure } from './errors.ts';
import { NotTogether, reasonOf, StatementFailure } from './execute.ts';
import { DEFERRED_NOW_SQL } from './server.ts';
import type { Statement } from './sql/statements.ts';
import { asOwner } from './transactions.ts';
import type { PendingFile, Work } from './work.ts';

/** At the end of a transaction of one file or of a piece of it: what fails is told by the last of its statements. */
export async function asOwnerAfterDeferred(
  work: Work,
  file: PendingFile,
  statements: readonly Statement[],
): Promise<void> {
  try {
    await asOwner(work, DEFERRED_NOW_SQL);
  } catch (error) {
    const last = statements.at(-1);
    if (error instanceof QueryError && last !== undefined) throw new StatementFailure(file, last, error, work.monitor);
    throw error;
  }
}

/** Under what a deferred trigger would find its names, and with whose rights. */
export interface Standing {
  readonly role: string;
  readonly searchPath: string;
}

/** How a file leaves the session, whatever it has set; to be sent behind its statements. */
export async function standingAfterFile({ connection }: Work): Promise<Standing> {
  return standingOf(only(await connection.query(`SELECT ${STANDING}`)));
}

const STANDING = "current_user AS role, pg_catalog.current_setting('search_path') AS search_path";

function standingOf(row: Parameters<typeof textOf>[0]): Standing {
  return { role: textOf(row, 'role'), searchPath: textOf(row, 'search_path') };
}

/** Foreign keys and unique constraints are none: they look nothing up, and are checked as the table's owner. */
const ANY_DEFERRABLE_TRIGGER = `EXISTS (SELECT FROM pg_catalog.pg_constraint
  WHERE contype OPERATOR(pg_catalog.=) 't' AND condeferrable) AS triggers`;

/**
 * At the end of one transaction for several files, still under the settings of the last one. Throws NotTogether where they left the
 * session differently and a trigger could be run under another file's role or search_path, or where one does not find, or
 * may not do, what it would at the end of its own file.
 */
export async function runDeferredOfAll(
  work: Work,
  files: readonly PendingFile[],
  earlier: readonly Promise<Standing>[],
): Promise<void> {
  const row = only(await work.connection.query(`SELECT ${STANDING}, ${ANY_DEFERRABLE_TRIGGER}`));
  const last = standingOf(row);
  for (const [index, one] of (await Promise.all(earlier)).entries()) {
    if (row.triggers !== 't' || (one.role === last.role && one.searchPath === last.searchPath)) continue;
    const name = files[index]?.parsed.file;
    throw new NotTogether(`${name} ends under another role or search_path than the last, and triggers can be deferred`);
  }
  try {
    await work.connection.query(DEFERRED_NOW_SQL);
  } catch (error) {
    throw error instanceof QueryError ? failureOfAll(work, files, error) : error;
  }
}

/** Names that are not found, rights that are missing: classes 42 and 3F. */
const ELSEWHERE = /^(42|3F)/;
/** Tried again, or a person's no: lock_not_available, deadlock_detected, query_canceled. */
const NOT_ITS_DOING = new Set(['55P03', '40P01', '57014']);

function failureOfAll(work: Work, files: readonly PendingFile[], error: QueryError): Error {
  const named = files.filter(file => file.parsed.statements.length > 0);
  const last = named.at(-1) ?? files.at(-1);
  const statement = last?.parsed.statements.at(-1);
  if (last === undefined || statement === undefined) return error;
  if (NOT_ITS_DOING.has(error.sqlstate)) return new StatementFailure(last, statement, error, work.monitor);
  if (ELSEWHERE.test(error.sqlstate)) {
    return new NotTogether(`a deferred trigger could not run at the end of all (${error.message})`);
  }
  const where = `What ${named[0]?.parsed.file} to ${last.parsed.file} deferred to their common end`;
  const facts = { where, reason: reasonOf(error, last.direction) };
  return failure('MigrationFailed', facts, { sqlstate: error.sqlstate }, { cause: error });
}
