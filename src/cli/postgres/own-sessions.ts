// Waits for a migration of the same person that is still at work. The fence would end it, because its attempt is lower:
// right in a cluster, where an earlier attempt is thought dead, and wrong for two terminals of one person. Reads only.
import { type Connection, textOf } from '../../engine/connection.ts';
import { failure } from '../../engine/errors.ts';
import { LOCK_KEY } from '../../engine/fence/migration-lock.ts';
import { jittered, seconds, sleep, wordOfWaiting } from '../../engine/pace.ts';
import type { Surroundings } from '../../engine/work.ts';

const POLL_MS = 200;

/** Throws FenceHeld when it is still there after `fenceWaitMs`. */
export async function waitForOwnSessions(
  connection: Connection,
  owner: string,
  { fenceWaitMs, signal, log }: Pick<Surroundings, 'fenceWaitMs' | 'signal' | 'log'>,
): Promise<void> {
  const deadline = Date.now() + fenceWaitMs;
  let who = '';
  const said = wordOfWaiting(log, () => `${who}, up to ${seconds(fenceWaitMs)}`);
  for (;;) {
    const [holder] = await connection.query(
      `SELECT a.pid, a.application_name FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.granted AND l.classid = ${LOCK_KEY >> 32n} AND l.objid = ${LOCK_KEY & 0xffffffffn}
          AND l.objsubid = 1 AND l.database = (SELECT oid FROM pg_catalog.pg_database
            WHERE datname = pg_catalog.current_database()) AND pg_catalog.starts_with(a.application_name, $1)`,
      [`migrate/${owner}/`],
    );
    if (holder === undefined) return;
    who = `pid ${textOf(holder, 'pid')}, a migration that you have started yourself`;
    if (Date.now() >= deadline) throw failure('FenceHeld', { waited: seconds(fenceWaitMs), holder: who });
    await said();
    await sleep(jittered(POLL_MS), signal, 'while waiting for another migration of yours');
  }
}
