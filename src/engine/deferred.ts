// What statements defer to the end of their transaction (constraints, constraint triggers) is done before the ledger's rows are
// written, under the role and the settings of its file: at COMMIT it would be under the engine's own, the application's code with
// the rights of who migrates. In a transaction of several files constraints wait for the end of all, because a later file may be
// what meets one; triggers, which are the application's code, wait no longer than for the end of files that leave the session alike. Called
// by apply.ts and split.ts.
import { awaitedLater, only, QueryError, type Row } from './connection.ts';
import { failure } from './errors.ts';
import { DeferredTooLong, type DeferredUntil, reasonOf, StatementFailure } from './execute.ts';
import { DEFERRED_NOW_SQL, nowSql } from './server.ts';
import { serverMessage } from './server-message.ts';
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

/** How a file leaves the session: under what a deferred trigger would find its names, and with whose rights. */
const STANDING_SQL = "SELECT current_user AS role, pg_catalog.current_setting('search_path') AS search_path";

/** Constraint triggers. Foreign keys, unique and exclusion constraints are none: they run no code that looks up a name. */
const IS_TRIGGER = "c.contype OPERATOR(pg_catalog.=) 't'";
/** Nobody can meet those of temporary tables later: these are gone when the next file begins. */
const IS_TEMPORARY = 'n.oid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()';

/**
 * `names`: the constraints that are done at the end of a file, for SET CONSTRAINTS, which asks for USAGE of a schema; `anew`: those of
 * them that are deferred by themselves; `triggers`: whether there are any at all.
 */
function standingAndNamesSql(until: DeferredUntil): string {
  const schema = `CASE WHEN ${IS_TEMPORARY} THEN 'pg_temp' ELSE pg_catalog.quote_ident(n.nspname) END`;
  const names = `pg_catalog.string_agg(pg_catalog.format('%s.%I', ${schema}, c.conname), ', ')`;
  const isNamed = `(${IS_TEMPORARY} OR pg_catalog.has_schema_privilege(n.oid, 'USAGE'))`;
  const which = until === 'AllAfterEach' ? 'true' : `(${IS_TRIGGER} OR ${IS_TEMPORARY})`;
  // A name may be that of several constraints, and all of them are set.
  const namesake = `SELECT FROM pg_catalog.pg_constraint o WHERE o.connamespace OPERATOR(pg_catalog.=) n.oid
    AND o.conname OPERATOR(pg_catalog.=) c.conname AND NOT o.condeferred`;
  return `${STANDING_SQL}, found.* FROM (SELECT ${names} FILTER (WHERE ${isNamed}) AS names,
      ${names} FILTER (WHERE ${isNamed} AND NOT EXISTS (${namesake})) AS anew,
      coalesce(pg_catalog.bool_or(${IS_TRIGGER}), false) AS triggers
    FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.connamespace
    WHERE c.condeferrable AND ${which} AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)) AS found`;
}

/** The deferred work of one transaction of several files. */
export class Deferral {
  readonly #work: Work;
  readonly #files: readonly PendingFile[];
  readonly #until: DeferredUntil;
  /** Files whose triggers wait. */
  #waiting: PendingFile[] = [];
  /** How those of them left the session that stand before the last. */
  #standings: Promise<readonly Row[]>[] = [];

  constructor(work: Work, files: readonly PendingFile[], until: DeferredUntil) {
    this.#work = work;
    this.#files = files;
    this.#until = until;
  }

  /**
   * To be called behind the statements of each file, still under its role and settings. Throws DeferredTooLong where files were expected
   * to leave the session alike and did not, and where a trigger does not find, or may not do, what it would at the end
   * of its own file.
   */
  async endOf(file: PendingFile): Promise<void> {
    const { connection } = this.#work;
    const next = this.#files[this.#files.indexOf(file) + 1];
    this.#waiting.push(file);
    if (next !== undefined && this.#until === 'CommonEnd' && isLeftAlike(file, next)) {
      this.#standings.push(awaitedLater(connection.query(STANDING_SQL)));
      return;
    }
    const row = only(await connection.query(standingAndNamesSql(this.#until)));
    await this.#assertLeftAlike(row);
    try {
      const sql = next === undefined ? DEFERRED_NOW_SQL : someNowSql(row);
      if (sql !== undefined) await connection.query(sql);
    } catch (error) {
      throw error instanceof QueryError
        ? this.#failure(error, next === undefined ? this.#files : this.#waiting)
        : error;
    }
    this.#waiting = [];
    this.#standings = [];
  }

  async #assertLeftAlike(last: Row): Promise<void> {
    for (const [index, rows] of (await Promise.all(this.#standings)).entries()) {
      const one = only(rows);
      if (last.triggers !== 't' || (one.role === last.role && one.search_path === last.search_path)) continue;
      const name = this.#waiting[index]?.parsed.file;
      throw new DeferredTooLong('TriggersAfterEach', `${name} ends under another role or search_path than a later one`);
    }
  }

  #failure(error: QueryError, files: readonly PendingFile[]): Error {
    const named = files.filter(file => file.parsed.statements.length > 0);
    const [first] = named;
    const last = named.at(-1);
    const statement = last?.parsed.statements.at(-1);
    if (first === undefined || last === undefined || statement === undefined) return error;
    if (first === last || NOT_ITS_DOING.has(error.sqlstate)) {
      return new StatementFailure(last, statement, error, this.#work.monitor);
    }
    if (ELSEWHERE.test(error.sqlstate) && this.#waiting.length > 1) {
      return new DeferredTooLong(
        'TriggersAfterEach',
        `a deferred trigger cannot run later (${serverMessage(error, '')})`,
      );
    }
    const where = `What ${first.parsed.file} to ${last.parsed.file} deferred to their common end`;
    const facts = { where, reason: reasonOf(error, named) };
    return failure('MigrationFailed', facts, { sqlstate: error.sqlstate }, { cause: error });
  }
}

/** Names that are not found, rights that are missing: classes 42 and 3F. */
const ELSEWHERE = /^(42|3F)/;
/** Tried again, or a person's no: lock_not_available, deadlock_detected, query_canceled. */
const NOT_ITS_DOING = new Set(['55P03', '40P01', '57014']);

/** Whether two files should leave the session under the same role and search_path, by their texts; what they hide is seen as they run. */
function isLeftAlike(a: PendingFile, b: PendingFile): boolean {
  return ownStanding(a) === ownStanding(b);
}

/** SET ROLE, SET search_path, SET SCHEMA, set_config('search_path', …), RESET ALL and their like. */
const OF_STANDING = /role|search_path|schema|authorization|reset\s+all/i;

function ownStanding({ parsed }: PendingFile): string {
  const settings = parsed.statements.filter(
    ({ type, isSetting, text }) => (isSetting || type === 'VariableSetStmt') && OF_STANDING.test(text),
  );
  return JSON.stringify([parsed.directives.role, ...settings.map(({ text }) => text)]);
}

/** Between two files: the second one finds each constraint in the mode that is its own. */
function someNowSql(row: Row): string | undefined {
  if (row.names === null || row.names === undefined) return undefined;
  const anew = row.anew === null || row.anew === undefined ? [] : [`SET CONSTRAINTS ${row.anew} DEFERRED`];
  return [nowSql(row.names), ...anew].join('; ');
}
