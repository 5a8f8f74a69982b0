// Reads of the catalogue that may have to wait for somebody's lock, with an end. The server's functions that print a
// definition (pg_get_viewdef, pg_get_constraintdef and the like) take ACCESS SHARE on its relation: one session that holds
// ACCESS EXCLUSIVE on one table, and never commits, would hold up every reader of the schema for ever, in silence. Here the
// holder is logged while it lasts, and named in the end. Called wherever a snapshot is read or a downgrade is prepared.
import { readSnapshot, type SnapshotEntry } from '../schema/snapshot.ts';
import { type Connection, QueryError } from './connection.ts';
import { failure } from './errors.ts';
import { Monitor } from './monitor.ts';
import { jittered, seconds, sleep } from './pace.ts';
import { OWN_LOCK_TIMEOUT_MS, type Server } from './server.ts';
import type { Execution, Surroundings } from './work.ts';

/** How long one try waits for a lock, and for how long after the first failure it is tried again. */
export interface LockLimits {
  readonly lockTimeoutMs: number;
  readonly retryMs: number;
  /** Which setting lengthens them; absent: none does. */
  readonly setting?: string;
}

export function lockLimitsOf(execution: Omit<Execution, 'transaction'>): LockLimits {
  const { lockTimeoutMilliseconds, lockRetrySeconds } = execution;
  const setting = 'execution.lockRetrySeconds';
  return { lockTimeoutMs: lockTimeoutMilliseconds, retryMs: lockRetrySeconds * 1000, setting };
}

/** For the steps that are given no limits of their own: as long as the fence is waited for. */
export function fenceLimitsOf({ fenceWaitMs }: Surroundings): LockLimits {
  return { lockTimeoutMs: Math.min(OWN_LOCK_TIMEOUT_MS, fenceWaitMs), retryMs: fenceWaitMs };
}

const FIRST_LOOK_MS = 500;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** Outside any transaction. Throws LockTimeout with who holds the lock, or Interrupted; whatever else `read` throws. */
export async function readBounded<T>(
  connection: Connection,
  surroundings: Surroundings,
  limits: LockLimits,
  what: string,
  read: () => Promise<T>,
): Promise<T> {
  const { lockTimeoutMs, retryMs, setting = null } = limits;
  const monitor = new Monitor(surroundings.connect, connection.pid, surroundings.signal);
  // The monitor ends what lock_timeout does not: a wait after a statement that has set it anew.
  const watching = { firstLookMs: Math.min(FIRST_LOOK_MS, lockTimeoutMs / 2), blockedLimitMs: lockTimeoutMs + 1_000 };
  let deadline: number | undefined;
  try {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        await connection.query(`SET lock_timeout TO ${lockTimeoutMs}`);
        return await monitor.watch(read, watching);
      } catch (error) {
        if (!isLockWait(error, monitor)) throw error;
        deadline ??= Date.now() + retryMs;
        const wait = jittered(pause);
        const { blockers } = monitor;
        if (Date.now() + wait >= deadline)
          throw failure('LockTimeout', { where: what, waited: seconds(retryMs), blockers, setting });
        surroundings.log(`${what} waits for a lock held by ${blockers.join(', ') || 'a session that is not visible'}`);
        await sleep(wait, surroundings.signal, `while ${what} waited for a lock`);
      }
    }
  } finally {
    await monitor.close();
    if (!connection.isLost) await connection.query(`SET lock_timeout TO ${OWN_LOCK_TIMEOUT_MS}`);
  }
}

/** The schema as it is, read as above. */
export function readSnapshotBounded(
  connection: Connection,
  server: Server,
  ledgerSchema: string,
  surroundings: Surroundings,
  limits: LockLimits,
): Promise<readonly SnapshotEntry[]> {
  const read = () => readSnapshot(connection, server.versionNumber, ledgerSchema);
  return readBounded(connection, surroundings, limits, 'Reading the schema', read);
}

/** lock_not_available, deadlock_detected, or a wait that the monitor has cancelled. */
function isLockWait(error: unknown, monitor: Monitor): boolean {
  if (!(error instanceof QueryError)) return false;
  return (
    error.sqlstate === '55P03' || error.sqlstate === '40P01' || (error.sqlstate === '57014' && monitor.hasCancelled)
  );
}
