// Ends what an earlier attempt of the same owner left in the server: a backend may work on long after its Pod is gone.
// Only sessions of this owner with a lower number in this database are ended: a person at a terminal is one owner in all his
// databases, and each counts for itself. Another owner's never. Called by fence.ts only.
import { type Attempt, applicationName } from '../attempt.ts';
import { type Connection, QueryError, type Row, textOf } from '../connection.ts';
import { failure } from '../errors.ts';
import { seconds, sleep } from '../pace.ts';

export interface EarlierOptions {
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
  readonly log: (line: string) => void;
  /** A backend of this very attempt whose connection was lost: ended too. */
  readonly ownLostPid?: number;
}

const POLL_MS = 100;

/** Ends and waits. Throws RightMissing (with the grant that is needed) or FenceHeld (a backend that does not end). */
export async function endEarlierAttempts(
  connection: Connection,
  attempt: Attempt,
  options: EarlierOptions,
): Promise<void> {
  const deadline = Date.now() + options.waitMs;
  const asked = new Set<string>();
  for (;;) {
    const sessions = await earlierSessions(connection, attempt, options.ownLostPid);
    if (sessions.length === 0) return;
    for (const session of sessions) {
      const pid = textOf(session, 'pid');
      if (!asked.has(pid)) {
        options.log(`ending the session of an earlier attempt: pid ${pid}, ${session.application_name}`);
        await terminate(connection, session);
        asked.add(pid);
      }
    }
    if (Date.now() >= deadline) {
      const holder = sessions.map(describe).join(', ');
      throw failure('FenceHeld', { waited: seconds(options.waitMs), holder });
    }
    await sleep(POLL_MS, options.signal, "while waiting for an earlier attempt's session to end");
  }
}

async function earlierSessions(connection: Connection, attempt: Attempt, lostPid: number | undefined) {
  const rows = await connection.query(
    `SELECT pid, usename, application_name FROM pg_catalog.pg_stat_activity
      WHERE pid <> pg_catalog.pg_backend_pid() AND datname = pg_catalog.current_database()
        AND pg_catalog.starts_with(application_name, $1)`,
    [applicationName(attempt.owner, 0).slice(0, -1)],
  );
  return rows.filter(row => {
    const number = Number(/\/([0-9]{1,15})$/.exec(row.application_name ?? '')?.[1] ?? Number.NaN);
    return number < attempt.number || (lostPid !== undefined && Number(row.pid) === lostPid);
  });
}

async function terminate(connection: Connection, session: Row): Promise<void> {
  try {
    await connection.query('SELECT pg_catalog.pg_terminate_backend($1::int)', [textOf(session, 'pid')]);
  } catch (error) {
    if (!(error instanceof QueryError) || error.sqlstate !== '42501') throw error;
    const [me] = await connection.query('SELECT session_user AS role');
    const role = me?.role ?? '';
    const other = session.usename ?? '';
    throw failure(
      'RightMissing',
      {
        role,
        right: `to end the session of an earlier attempt (pid ${session.pid}, role "${other}")`,
        remedy: `GRANT "${other}" TO "${role}", or GRANT pg_signal_backend TO "${role}".`,
      },
      { sqlstate: '42501' },
    );
  }
}

function describe(session: Row): string {
  return `pid ${session.pid} (${session.application_name}, role ${session.usename})`;
}
