// A transaction of the engine: the epoch is held from its first statement, and before COMMIT it is checked that it is
// still the same transaction and that the lock is still ours. Retries of lock timeouts live here too: the engine's one
// table of retries. Called by apply.ts, split.ts and migrate.ts.
//
// What is sent, in three steps whose answers are waited for, and what a crash or a lost connection leaves:
//  1 BEGIN; the epoch FOR SHARE, and beside it the transaction's id and the lock for the transaction too. Nothing is done.
//  2 Settings, the file's statements, the login role again, its rows, the check: messages of their own, but one behind the
//    other without waiting (apply.ts, split.ts). Nothing is done, however much of it the server has run: no COMMIT is on
//    its way. After a failure the server refuses what stands behind it. That holds only inside a transaction, so nothing of
//    a file may be sent before 1 was answered: had BEGIN failed, each statement would commit by itself.
//  3 COMMIT, when all of 2 was answered well and the id stands in the log. Done or not done: CommitUnknown, the ledger says.
import { awaitedLater, ConnectionLost, only, QueryError, type Row, textOf } from './connection.ts';
import { type EngineError, failure } from './errors.ts';
import { StatementFailure } from './execute.ts';
import { beginUnderEpoch } from './fence/epoch.ts';
import { HOLD_IN_TRANSACTION_SQL, SESSION_HOLDS_SQL } from './fence/migration-lock.ts';
import { type KeptRow, missingRowSql, type Recording } from './ledger/kept-rows.ts';
import { notWritten } from './ledger/records.ts';
import { jittered, sleep } from './pace.ts';
import { DEFERRED_NOW_SQL, ownSettings } from './server.ts';
import { serverMessage } from './server-message.ts';
import type { Work } from './work.ts';

/** The reply to COMMIT was lost: whether it was done is written in the ledger and nowhere else. */
export class CommitUnknown extends Error {
  override readonly name = 'CommitUnknown';
  /** As txid_current() told it before. */
  readonly transaction: string;
  constructor(transaction: string, cause: ConnectionLost) {
    super(cause.message, { cause });
    this.transaction = transaction;
  }
}

/** What a transaction's body needs to know of it. */
export interface OpenTransaction extends Recording {
  /** Name of what ran last, for a message about a broken transaction. */
  where: string;
  /**
   * Sends the check that it is still the same transaction, the lock still ours and all rows kept, behind what has been sent: for a body
   * that does not wait for its last answers. Nothing more may be sent after it. Without it, it is sent after the body.
   */
  seal(): Promise<void>;
}

/**
 * Runs `body` in a transaction that begins and ends as the login role. A repeat is safe: whatever throws rolls all of it back,
 * except CommitUnknown.
 */
export async function inTransaction<T>(work: Work, body: (transaction: OpenTransaction) => Promise<T>): Promise<T> {
  try {
    const { transaction, sealed } = await begin(work);
    const value = await body(transaction);
    await (sealed() ?? transaction.seal());
    work.log(`committing transaction ${transaction.id}`);
    await commit(work, transaction);
    return value;
  } catch (error) {
    if (!(error instanceof CommitUnknown)) await rollBack(work);
    throw isCancelled(work, error) ? failure('Interrupted', { during: 'in a transaction' }) : error;
  }
}

/** The cancel that ends a statement may come when it has ended, and hit what was sent behind it. */
function isCancelled(work: Work, error: unknown): boolean {
  return error instanceof QueryError && error.sqlstate === '57014' && work.signal?.aborted === true;
}

async function begin(work: Work) {
  const also = `pg_catalog.txid_current() AS id, ${HOLD_IN_TRANSACTION_SQL} AS locked`;
  const row = await beginUnderEpoch(work.connection, work.attempt, also);
  let sealed: Promise<void> | undefined;
  const rows: KeptRow[] = [];
  const transaction: OpenTransaction = {
    id: textOf(row, 'id'),
    where: 'a migration',
    expect: kept => void rows.push(kept),
    seal() {
      sealed = awaitedLater(assertUnbroken(work, transaction, rows));
      return sealed;
    },
  };
  if (row.locked !== 't') throw failure('TransactionBroken', { where: 'what ran before' });
  return { transaction, sealed: () => sealed };
}

/** Back to the login role and to pg_catalog, for statements on the ledger within a file's transaction; `first` before it. */
export async function asOwner(work: Work, ...first: readonly string[]): Promise<void> {
  await work.connection.query([...first, ownSettings(work.server.versionNumber)].join('; '));
}

/** What triggers on the ledger have deferred is done first: at COMMIT nobody would see any more what it does. */
async function assertUnbroken(work: Work, transaction: OpenTransaction, rows: readonly KeptRow[]): Promise<void> {
  const missing = missingRowSql(work.attempt, rows);
  const asked = `SELECT pg_catalog.txid_current() AS id, ${SESSION_HOLDS_SQL} AS locked, ${missing} AS missing`;
  const row = only(await asCommit(work, transaction, [DEFERRED_NOW_SQL, asked].join('; ')));
  const file = rows.find(one => one.file.migration.version === row.missing)?.file;
  if (file !== undefined && row.id === transaction.id) throw notWritten(work, file);
  if (row.id === transaction.id && row.locked === 't') return;
  throw failure('TransactionBroken', { where: transaction.where });
}

async function commit(work: Work, transaction: OpenTransaction): Promise<void> {
  try {
    await asCommit(work, transaction, 'COMMIT');
  } catch (error) {
    if (error instanceof ConnectionLost) throw new CommitUnknown(transaction.id, error);
    throw error;
  }
}

/** What the server refuses to do at the end is told as such, unless it was told to stop. */
async function asCommit(work: Work, { where }: OpenTransaction, sql: string): Promise<readonly Row[]> {
  try {
    return await work.connection.query(sql);
  } catch (error) {
    throw error instanceof QueryError && !isCancelled(work, error) ? commitRefused(error, where) : error;
  }
}

/** A COMMIT that the server refused: nothing of it was done. Not for what a file has deferred: that is done before (deferred.ts). */
function commitRefused(error: QueryError, where: string): EngineError {
  const reason = `the server refused COMMIT: ${serverMessage(error, '')} (SQLSTATE ${error.sqlstate})`;
  return failure(
    'MigrationFailed',
    { where: `The transaction that ended with ${where}`, reason },
    { sqlstate: error.sqlstate },
  );
}

async function rollBack(work: Work): Promise<void> {
  try {
    await work.connection.query(`ROLLBACK; ${ownSettings(work.server.versionNumber)}`);
  } catch (error) {
    if (!(error instanceof ConnectionLost) && !(error instanceof QueryError)) throw error;
  }
}

/** SQLSTATEs after which the same transaction may succeed: lock_not_available, deadlock_detected. */
const WORTH_ANOTHER_TRY = new Set(['55P03', '40P01']);
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Tries again with growing pauses until `lockRetrySeconds` after the first failure. Who blocks is seen only while a try waits,
 * and a short one may be over before a look: what an earlier try saw is then still the best that can be said. `mayRepeat`, asked
 * behind a failed try, says whether nothing would be done twice; of a transaction that is known.
 */
export async function withLockRetries<T>(
  work: Work,
  attempt: () => Promise<T>,
  mayRepeat: () => boolean = () => true,
): Promise<T> {
  let deadline: number | undefined;
  let seen: readonly string[] = [];
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await attempt();
    } catch (thrown) {
      if (!(thrown instanceof StatementFailure) || !WORTH_ANOTHER_TRY.has(thrown.error.sqlstate)) throw thrown;
      if (!mayRepeat()) throw thrown;
      const error = thrown.withBlockers(seen);
      seen = error.blockers;
      deadline ??= Date.now() + work.execution.lockRetrySeconds * 1000;
      const wait = jittered(pause);
      if (Date.now() + wait >= deadline) throw error;
      const blockers = error.blockers.join(', ') || 'a session that is not visible';
      work.log(`${error.file.parsed.file} waits for a lock held by ${blockers}; trying again`);
      await sleep(wait, work.signal, 'while waiting to try again for a lock');
    }
  }
}
