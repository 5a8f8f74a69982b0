// Is the application off? Waits until no session of its roles is left in this database, and only observes: it ends
// nothing. Counts by role and database, because an application_name can be anything. First act of `backup` and of
// `migrate` in a run that has stopped the application.
import { type Attempt, applicationName } from '../attempt.ts';
import { type Connection, type Row, textOf } from '../connection.ts';
import { failure } from '../errors.ts';
import { seconds, sleep } from '../pace.ts';

export interface ApplicationSessions {
  /** Login roles of the application; empty means the role that we are logged in as ourselves. */
  readonly roles: readonly string[];
  readonly drainMs: number;
}

const POLL_MS = 500;

/** Waits; throws SessionsRemain with who is left. A session whose kind we may not see counts as a client. */
export async function waitForApplicationToLeave(
  connection: Connection,
  attempt: Pick<Attempt, 'owner'>,
  check: ApplicationSessions,
  options: { readonly signal: AbortSignal | undefined; readonly log: (line: string) => void },
): Promise<void> {
  const deadline = Date.now() + check.drainMs;
  let last = -1;
  for (;;) {
    const sessions = await applicationSessions(connection, attempt.owner, check.roles);
    if (sessions.length === 0) return;
    if (sessions.length !== last) options.log(`waiting for ${sessions.length} sessions of the application to end`);
    last = sessions.length;
    const left = deadline - Date.now();
    if (left <= 0) {
      throw failure('SessionsRemain', {
        count: sessions.length,
        waited: seconds(check.drainMs),
        sessions: sessions.map(describe),
      });
    }
    await sleep(Math.min(POLL_MS, left), options.signal, 'while waiting for sessions of the application to end');
  }
}

async function applicationSessions(
  connection: Connection,
  owner: string,
  roles: readonly string[],
): Promise<readonly Row[]> {
  const rows = await connection.query(
    `SELECT pid, usename, application_name, client_addr::text AS client, state
      FROM pg_catalog.pg_stat_activity
      WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()
        AND coalesce(backend_type, 'client backend') = 'client backend'
        AND (usename = ANY (SELECT pg_catalog.json_array_elements_text($1::json))
          OR (usename = session_user AND pg_catalog.json_array_length($1::json) = 0))
      ORDER BY backend_start, pid`,
    [JSON.stringify(roles)],
  );
  const own = applicationName(owner, 0).slice(0, -1);
  return rows.filter(row => !(row.application_name ?? '').startsWith(own));
}

function describe(session: Row): string {
  const from = session.client === null ? '' : ` from ${session.client}`;
  const name = (session.application_name ?? '').slice(0, 40);
  return `pid ${textOf(session, 'pid')} (role ${session.usename}${name === '' ? '' : `, ${name}`}${from}${session.state === null ? '' : `, ${session.state}`})`;
}
