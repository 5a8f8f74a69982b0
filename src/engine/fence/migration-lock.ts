// The session advisory lock that alone proves that nobody else migrates this database: one key whatever the ledger's
// schema, taken by trying and polling on the connection that does the work. Never a blocking wait (one who waits holds a
// snapshot that deadlocks with CREATE INDEX CONCURRENTLY), never a second connection (it can die while the work goes on).
import { type Connection, only, type Row } from '../connection.ts';
import { failure } from '../errors.ts';
import { jittered, seconds, sleep, wordOfWaiting } from '../pace.ts';
import type { Surroundings } from '../work.ts';

/** 'migrate1' in ASCII; advisory locks are per database already. */
export const LOCK_KEY = 0x6d69677261746531n;
const CLASS_ID = LOCK_KEY >> 32n;
const OBJECT_ID = LOCK_KEY & 0xffffffffn;
const POLL_MS = 200;

/** Takes the lock within `fenceWaitMs`; throws FenceHeld that names who holds it. */
export async function takeMigrationLock(
  connection: Connection,
  { fenceWaitMs, signal, log }: Pick<Surroundings, 'fenceWaitMs' | 'signal' | 'log'>,
): Promise<void> {
  const deadline = Date.now() + fenceWaitMs;
  const said = wordOfWaiting(log, async () => {
    return `the migration lock, up to ${seconds(fenceWaitMs)}; it is held by ${await holderOf(connection)}`;
  });
  for (;;) {
    const row = only(await connection.query(`SELECT pg_catalog.pg_try_advisory_lock(${LOCK_KEY}) AS taken`));
    if (row.taken === 't') return;
    if (Date.now() >= deadline) {
      throw failure('FenceHeld', { waited: seconds(fenceWaitMs), holder: await holderOf(connection) });
    }
    await said();
    await sleep(jittered(POLL_MS), signal, 'while waiting for the migration lock');
  }
}

/**
 * Holds the lock by the transaction too, where the session holds it: what the transaction holds cannot be given up before its
 * end, not even by pg_advisory_unlock_all. False: another session has it.
 */
export const HOLD_IN_TRANSACTION_SQL = `pg_catalog.pg_try_advisory_xact_lock(${LOCK_KEY})`;

/**
 * Whether the session still holds it: a migration may have unlocked it by a way that the grammar does not show. Only where the
 * transaction holds it too, under whose cover the session's own hold is given up and taken again: nobody can come in between,
 * and no memory is shared for it. The view pg_locks would tell the same, but reads every lock of the whole server.
 */
export const SESSION_HOLDS_SQL = `CASE WHEN pg_catalog.pg_advisory_unlock(${LOCK_KEY})
  THEN pg_catalog.pg_try_advisory_lock(${LOCK_KEY}) ELSE false END`;

async function holderOf(connection: Connection): Promise<string> {
  const [holder]: readonly Row[] = await connection.query(
    `SELECT a.pid, a.usename, a.application_name, a.backend_start::text AS since
      FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
      WHERE l.locktype = 'advisory' AND l.granted AND l.classid = ${CLASS_ID} AND l.objid = ${OBJECT_ID} AND l.objsubid = 1
        AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`,
  );
  if (holder === undefined) return 'a session that has just ended';
  return `pid ${holder.pid} (${holder.application_name}, role ${holder.usename}, connected since ${holder.since})`;
}
