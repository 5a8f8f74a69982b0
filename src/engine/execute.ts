// Runs the statements of a migration file in their order on the connection that holds the lock, with the right lock timeout
// for each, under the monitor's watch, and says exactly which one failed. Called by transactions.ts and split.ts.
import { awaitedLater, QueryError } from './connection.ts';
import { type EngineError, type ErrorPlace, failure } from './errors.ts';
import { whereOf } from './half-done.ts';
import type { Monitor } from './monitor.ts';
import { assertNotInterrupted, seconds } from './pace.ts';
import { FORGET_SQL, fileSettingsSql } from './server.ts';
import { serverHint, serverMessage } from './server-message.ts';
import { isLeftOut } from './sql/reach.ts';
import type { Statement } from './sql/statements.ts';
import type { PendingFile, Work } from './work.ts';

/** Plain DML waits for rows, not for tables: a long backfill is not thrown away for one row. */
const ROW_LOCK_TIMEOUT_MS = 60_000;
const FIRST_LOOK_MS = 500;

/** What a look at a waiting statement has found. */
type Seen = Pick<Monitor, 'blockers' | 'hasCancelled'>;

/** A statement's failure before it is known whether it is tried again. */
export class StatementFailure extends Error {
  override readonly name = 'StatementFailure';
  readonly file: PendingFile;
  readonly statement: Statement;
  readonly error: QueryError;
  /** Who blocked it when it failed. */
  readonly blockers: readonly string[];
  /** Whether we cancelled it ourselves, because it had waited long enough. */
  readonly hasWaited: boolean;
  /** How many statements of a file in pieces are done and stay. */
  readonly done: number;
  constructor(file: PendingFile, statement: Statement, error: QueryError, monitor: Seen, done = 0) {
    super(error.message, { cause: error });
    this.file = file;
    this.statement = statement;
    this.error = error;
    this.blockers = monitor.blockers;
    this.hasWaited = monitor.hasCancelled;
    this.done = done;
  }

  /** The same in a file of which so many statements stay. */
  behind(done: number): StatementFailure {
    const { file, statement, error, blockers, hasWaited } = this;
    return new StatementFailure(file, statement, error, { blockers, hasCancelled: hasWaited }, done);
  }

  /** The same with the blockers that an earlier try has seen, where this one was over before anybody could look. */
  withBlockers(seen: readonly string[]): StatementFailure {
    if (this.blockers.length > 0) return this;
    return new StatementFailure(this.file, this.statement, this.error, {
      blockers: seen,
      hasCancelled: this.hasWaited,
    });
  }
}

/**
 * Until when in a transaction of several files what they defer is left: constraints to the end of all, and triggers to the end of those
 * that leave the session alike; triggers to the end of their file; everything to the end of its file.
 */
export type DeferredUntil = 'CommonEnd' | 'TriggersAfterEach' | 'AllAfterEach';

/** What files have deferred was left too long, as was seen on the way; its message says why. Done as `until` says it may succeed. */
export class DeferredTooLong extends Error {
  override readonly name = 'DeferredTooLong';
  readonly until: Exclude<DeferredUntil, 'CommonEnd'>;
  constructor(until: Exclude<DeferredUntil, 'CommonEnd'>, message: string) {
    super(message);
    this.until = until;
  }
}

/**
 * Puts the session into the state in which this file begins; with `before`, into the one that its own settings (SET
 * search_path and the like) have made by that statement, because each segment of a split file begins afresh. Sends its own
 * settings at once, so that statements may be sent behind them.
 */
export async function prepareSession(work: Work, file: PendingFile, before?: Statement): Promise<void> {
  const { directives } = file.parsed;
  const settings = {
    lockTimeoutMs: lockTimeoutOf(work, file),
    statementTimeoutMs: directives.statementTimeoutMs ?? 0,
    role: directives.role,
  };
  const isBeginning = before === undefined || before.number === file.parsed.statements[0]?.number;
  const forget = isBeginning ? `${FORGET_SQL}; ` : '';
  try {
    await work.connection.query(forget + fileSettingsSql(work.server, settings));
  } catch (error) {
    throw error instanceof QueryError ? notPrepared(work, file, error) : error;
  }
  for (const statement of file.parsed.statements) {
    if (before === undefined || statement.number >= before.number) break;
    if (statement.isSetting) await runStatement(work, file, statement, { firstLookMs: FIRST_LOOK_MS });
  }
}

/** No right to the role, or no such role: insufficient_privilege, invalid_parameter_value. */
const NO_SUCH_RIGHT = new Set(['42501', '22023']);
/** object_in_use: FORGET_SQL would drop a temporary table of which checks are still deferred. */
const IN_USE = '55006';

function notPrepared(work: Work, file: PendingFile, error: QueryError): Error {
  const { role } = file.parsed.directives;
  const place = { migration: file.migration.version, sqlstate: error.sqlstate };
  if (error.sqlstate === IN_USE) {
    const what = 'temporary tables of an earlier migration could not be dropped';
    return new DeferredTooLong('TriggersAfterEach', `before ${file.parsed.file}, ${what} (${error.message})`);
  }
  if (role === undefined || !NO_SUCH_RIGHT.has(error.sqlstate)) return error;
  const right = `to become the role "${role}" that ${file.parsed.file} asks for (${error.message})`;
  const remedy = `GRANT "${role}" TO "${work.server.role}".`;
  return failure('RightMissing', { role: work.server.role, right, remedy }, place);
}

function lockTimeoutOf(work: Work, file: PendingFile): number {
  return file.parsed.directives.lockTimeoutMs ?? work.execution.lockTimeoutMilliseconds;
}

/** How many statements may be on their way: enough that the server never waits for us, few enough for our memory. */
const AHEAD = 16;

/**
 * Runs statements inside the open transaction. Each is a message of its own, sent before the one before it was answered: after
 * a failure the server refuses what comes behind it (25P02). Right behind the last one, `behind` sends what comes after them;
 * its answer is this function's. In a trial, what
 * reaches beyond the database is left out. Throws StatementFailure.
 */
export async function runStatements<T>(
  work: Work,
  file: PendingFile,
  all: readonly Statement[],
  behind: () => Promise<T>,
): Promise<T> {
  const strong = lockTimeoutOf(work, file);
  const watching = { firstLookMs: Math.min(FIRST_LOOK_MS, strong / 4 || FIRST_LOOK_MS) };
  const statements = all.filter(statement => !isLeftOut(statement.reach, work.trial));
  const send = sender(work, file, statements);
  const answers: Promise<void>[] = [];
  let last: Promise<T> | undefined;
  for (const [index, statement] of statements.entries()) {
    if (answers.length === index) assertNotInterrupted(work.signal, `before ${whereOf(file.parsed, statement)}`);
    const limit = work.signal?.aborted ? answers.length : index + AHEAD;
    for (const next of statements.slice(answers.length, limit)) answers.push(send(next));
    if (answers.length === statements.length) last ??= awaitedLater(behind());
    await answered(work, file, statement, watching, () => answers[index]);
  }
  return await (last ?? behind());
}

/** Sends a statement, and before it the lock timeout of its kind where that differs from the one before. */
function sender(
  work: Work,
  file: PendingFile,
  statements: readonly Statement[],
): (statement: Statement) => Promise<void> {
  const strong = lockTimeoutOf(work, file);
  const rows = file.parsed.directives.lockTimeoutMs ?? Math.max(strong, ROW_LOCK_TIMEOUT_MS);
  const first = statements[0]?.number ?? 0;
  let current = strong;
  let managed = !file.parsed.statements.some(one => one.setsLockTimeout && one.number < first);
  return statement => {
    managed &&= !statement.setsLockTimeout;
    const wanted = statement.lock === 'Rows' ? rows : strong;
    if (managed && wanted !== current) {
      awaitedLater(work.connection.query(`SET LOCAL lock_timeout TO ${wanted}`));
      current = wanted;
    }
    return awaitedLater(work.connection.execute(statement.text));
  };
}

interface Watched {
  readonly firstLookMs: number;
  readonly blockedLimitMs?: number;
}

/** Runs one statement under watch. Throws StatementFailure. */
export async function runStatement(
  work: Work,
  file: PendingFile,
  statement: Statement,
  watching: Watched,
): Promise<void> {
  assertNotInterrupted(work.signal, `before ${whereOf(file.parsed, statement)}`);
  await answered(work, file, statement, watching, () => work.connection.execute(statement.text));
}

async function answered(
  work: Work,
  file: PendingFile,
  statement: Statement,
  watching: Watched,
  answer: () => Promise<void> | undefined,
): Promise<void> {
  try {
    await work.monitor.watch(async () => answer(), watching);
  } catch (error) {
    if (error instanceof QueryError) throw new StatementFailure(file, statement, error, work.monitor);
    throw error;
  }
}

/** Turns a statement's failure into the catalogue's words: the last ones, after any retries. */
export function statementError(work: Work, failed: StatementFailure): EngineError {
  const { file, statement, error, blockers, hasWaited, done } = failed;
  const place: ErrorPlace = {
    migration: file.migration.version,
    statement: statement.number,
    sqlstate: error.sqlstate,
    line: statement.line + linesBefore(statement.text, error.position),
  };
  if (error.sqlstate === '57014' && work.signal?.aborted) {
    return failure('Interrupted', { during: `in ${whereOf(file.parsed, statement)}` }, place);
  }
  const where = `${file.parsed.file}, statement ${statement.number} (line ${place.line})`;
  const isLock = hasWaited || error.sqlstate === '55P03' || error.sqlstate === '40P01';
  if (isLock) {
    const waited = hasWaited ? 'the time allowed' : seconds(work.execution.lockRetrySeconds * 1000);
    return failure('LockTimeout', { where, waited, blockers }, place);
  }
  const halfDone = done === 0 ? undefined : { direction: file.direction, done };
  const facts = { where, reason: reasonOf(error, [file]), halfDone };
  return failure('MigrationFailed', facts, place, { cause: error });
}

const ADVICE: Readonly<Record<string, string>> = {
  '25001': 'put "-- migrate: no-transaction" in the head of the file, or split it',
  '2D000': 'it commits by itself: put "-- migrate: no-transaction" in the head of the file',
  '55P04': 'a new enum value can be used only after its transaction: add it in a file of its own',
};

/** The server's message about a statement of these files, without anybody's data, and our advice. */
export function reasonOf(error: QueryError, files: readonly PendingFile[]): string {
  if (error.dependents !== undefined && files.at(-1)?.direction === 'Down') {
    const advice = 'drop that first in the down script; what a repeatable migration made stays when versions go';
    return `${error.message}: ${error.dependents} (SQLSTATE ${error.sqlstate}); ${advice}`;
  }
  const written = writtenIn(files);
  const message = serverMessage(error, written);
  const advice = ADVICE[error.sqlstate] ?? serverHint(error, written);
  return `${message} (SQLSTATE ${error.sqlstate})${advice === undefined ? '' : `; ${advice}`}`;
}

function writtenIn(files: readonly PendingFile[]): string {
  return files.flatMap(file => file.parsed.statements.map(statement => statement.text)).join('\n');
}

function linesBefore(text: string, position: number | undefined): number {
  if (position === undefined) return 0;
  return [...text].slice(0, position - 1).filter(character => character === '\n').length;
}
