// A transaction of the engine: the epoch is held from its first statement, and before COMMIT it is checked that it is
// still the same transaction and that the lock is still ours. Retries of lock timeouts live here too: the engine's one
// table of retries. Called by apply.ts and split.ts.
import { ConnectionLost, only, QueryError, textOf } from './connection.ts';
import { holdEpoch } from './epoch.ts';
import { type EngineError, failure } from './errors.ts';
import { StatementFailure } from './execute.ts';
import { HOLDS_LOCK_SQL } from './migration-lock.ts';
import { jittered, sleep } from './pace.ts';
import { ownSettings } from './server.ts';
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
export interface OpenTransaction {
  readonly id: string;
  /** Name of what ran last, for a message about a broken transaction. */
  where: string;
}

/**
 * Runs `body` in a transaction. A repeat is safe: whatever throws rolls all of it back, except CommitUnknown.
 * `beforeBegin` prepares the session outside the transaction.
 */
export async function inTransaction<T>(
  work: Work,
  body: (transaction: OpenTransaction) => Promise<T>,
  beforeBegin?: () => Promise<void>,
): Promise<T> {
  const { connection } = work;
  if (beforeBegin !== undefined) await beforeBegin();
  await connection.query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE');
  try {
    await holdEpochAsOwner(work, beforeBegin !== undefined);
    const id = textOf(only(await connection.query('SELECT pg_catalog.txid_current() AS id')), 'id');
    const transaction: OpenTransaction = { id, where: 'a migration' };
    const value = await body(transaction);
    await assertUnbroken(work, transaction);
    work.log(`committing transaction ${id}`);
    await commit(work, id);
    return value;
  } catch (error) {
    if (!(error instanceof CommitUnknown)) await rollBack(work);
    throw error;
  }
}

/** The epoch belongs to the login role: a file's own role is put on again afterwards. */
async function holdEpochAsOwner(work: Work, hasFileRole: boolean): Promise<void> {
  if (!hasFileRole) return holdEpoch(work.connection, work.attempt);
  const role =
    only(await work.connection.query('SELECT pg_catalog.current_setting($1) AS role', ['role'])).role ?? 'none';
  await work.connection.query('SET LOCAL ROLE NONE');
  await holdEpoch(work.connection, work.attempt);
  await work.connection.query("SELECT pg_catalog.set_config('role', $1, true)", [role]);
  return undefined;
}

/** Back to the login role and to pg_catalog, for statements on the ledger within a file's transaction. */
export async function asOwner(work: Work): Promise<void> {
  await work.connection.query(ownSettings(work.server.versionNumber));
}

async function assertUnbroken(work: Work, transaction: OpenTransaction): Promise<void> {
  const row = only(await work.connection.query(`SELECT pg_catalog.txid_current() AS id, ${HOLDS_LOCK_SQL} AS locked`));
  if (row.id === transaction.id && row.locked === 't') return;
  throw failure('TransactionBroken', { where: transaction.where });
}

async function commit(work: Work, id: string): Promise<void> {
  try {
    await work.connection.query('COMMIT');
  } catch (error) {
    if (error instanceof ConnectionLost) throw new CommitUnknown(id, error);
    throw error instanceof QueryError ? commitRefused(error) : error;
  }
}

/** A COMMIT that the server refused (a constraint checked at the end): nothing of it was done. */
function commitRefused(error: QueryError): EngineError {
  const reason = `the server refused COMMIT: ${error.message} (SQLSTATE ${error.sqlstate})`;
  return failure('MigrationFailed', { where: 'The transaction', reason }, { sqlstate: error.sqlstate });
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

/** Tries again with growing pauses until `lockRetrySeconds` after the first failure. */
export async function withLockRetries<T>(work: Work, attempt: () => Promise<T>): Promise<T> {
  let deadline: number | undefined;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof StatementFailure) || !WORTH_ANOTHER_TRY.has(error.error.sqlstate)) throw error;
      deadline ??= Date.now() + work.execution.lockRetrySeconds * 1000;
      const wait = jittered(pause);
      if (Date.now() + wait >= deadline) throw error;
      const blockers = error.blockers.join(', ') || 'a session that is not visible';
      work.log(`${error.file.parsed.file} waits for a lock held by ${blockers}; trying again`);
      await sleep(wait, work.signal, 'while waiting to try again for a lock');
    }
  }
}
