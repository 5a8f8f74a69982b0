// Puts a restored database in the place of the one it replaces: the old one is closed to new sessions, those in it are gone,
// and both names change in one transaction, together with what belongs to the name. Whatever ends this before the commit
// leaves the old one under its name; where we are still there to do it, opened again. Called by restore.ts from a session
// in another database, which holds the restore lock.
import { type Connection, QueryError, quoted, type Row, textOf } from '../engine/connection.ts';
import { failure } from '../engine/errors.ts';
import { seconds, sleep } from '../engine/pace.ts';
import type { OwnFacts } from './facts.ts';
import { giveOwnFacts } from './own-facts.ts';

export interface Swap {
  /** The name that both have, one after the other. */
  readonly database: string;
  /** Name of the restored one until now. */
  readonly fresh: string;
  /** Name of the old one from now on. */
  readonly replaced: string;
  readonly facts: OwnFacts;
  /** `Refuse`: nobody may be connected. `End`: whoever is, is ended. */
  readonly sessions: 'Refuse' | 'End';
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
}

const POLL_MS = 100;

/** After it nobody can connect, whatever his rights; who is connected stays. */
async function closeDatabase(connection: Connection, database: string): Promise<void> {
  await connection.query(`ALTER DATABASE ${quoted(database)} ALLOW_CONNECTIONS false`);
}

export async function openDatabase(connection: Connection, database: string): Promise<void> {
  await connection.query(`ALTER DATABASE ${quoted(database)} ALLOW_CONNECTIONS true`);
}

export interface SwapSurroundings {
  /** Ends our own session in the old database. */
  readonly leave: () => Promise<void>;
  /** Another session elsewhere, when the answer to the commit is lost. */
  readonly reconnect: () => Promise<Connection>;
}

/** Closes the old one first. Throws SessionsRemain, RightMissing or RestoreFailed: the old one is open again then. */
export async function swapDatabases(
  connection: Connection,
  swap: Swap,
  { leave, reconnect }: SwapSurroundings,
): Promise<void> {
  try {
    await closeDatabase(connection, swap.database);
    await leave();
    await seeNone(connection, swap);
    await renameBoth(connection, swap);
  } catch (error) {
    if (!connection.isLost) {
      await openDatabase(connection, swap.database);
      throw error;
    }
    if (!(await wasSwapped(swap, reconnect))) throw error;
  }
}

/** Waits until no session is left. */
async function seeNone(connection: Connection, { database, sessions, waitMs, signal }: Swap): Promise<void> {
  const deadline = Date.now() + (sessions === 'End' ? waitMs : 0);
  for (;;) {
    const found = await sessionsIn(connection, database, []);
    if (found.length === 0) return;
    if (Date.now() >= deadline) throw remain(found, sessions, sessions === 'End' ? waitMs : 0);
    for (const { pid } of found) await connection.query('SELECT pg_catalog.pg_terminate_backend($1::int)', [pid]);
    await sleep(POLL_MS, signal, 'while waiting for the sessions of the old database to end');
  }
}

export function remain(found: readonly DatabaseSession[], wanted: 'Refuse' | 'End', waitMs: number) {
  return failure('SessionsRemain', {
    count: found.length,
    waited: seconds(waitMs),
    sessions: found.map(one => one.shown),
    wanted,
  });
}

async function renameBoth(connection: Connection, { database, fresh, replaced, facts }: Swap): Promise<void> {
  await connection.query('BEGIN');
  try {
    await giveOwnFacts(connection, fresh, facts);
    await connection.query(`ALTER DATABASE ${quoted(database)} RENAME TO ${quoted(replaced)}`);
    await connection.query(`ALTER DATABASE ${quoted(fresh)} RENAME TO ${quoted(database)}`);
    await connection.query('COMMIT');
  } catch (error) {
    if (!connection.isLost) await connection.query('ROLLBACK');
    if (!(error instanceof QueryError)) throw error;
    // object_in_use: a session that our list does not show, such as one of a background worker.
    if (error.sqlstate === '55006')
      throw failure('SessionsRemain', { count: 1, waited: '5 s', sessions: [error.message], wanted: 'End' });
    throw failure(
      'RestoreFailed',
      { reason: `the names could not be changed: ${error.message}` },
      { sqlstate: error.sqlstate },
    );
  }
}

/** The answer to COMMIT was lost. Opening whoever has the name waits for a transaction in flight, and does no harm to the new one. */
async function wasSwapped({ database, replaced }: Swap, reconnect: () => Promise<Connection>): Promise<boolean> {
  const connection = await reconnect();
  try {
    await openDatabase(connection, database);
    const rows = await connection.query('SELECT FROM pg_catalog.pg_database WHERE datname = $1', [replaced]);
    return rows.length > 0;
  } finally {
    await connection.close();
  }
}

export interface DatabaseSession {
  readonly pid: string;
  /** For a message. */
  readonly shown: string;
  /** Whether this role may end it. */
  readonly canBeEnded: boolean;
}

/** Who is connected to a database, but for these of our own. A worker of autovacuum goes by itself. */
export async function sessionsIn(
  connection: Connection,
  database: string,
  ownPids: readonly number[],
): Promise<readonly DatabaseSession[]> {
  const rows = await connection.query(
    `SELECT a.pid, a.usename, a.application_name, host(a.client_addr) AS client,
        me.rolsuper OR (NOT coalesce(r.rolsuper, true) AND (pg_catalog.pg_has_role(me.oid, a.usesysid, 'USAGE')
          OR pg_catalog.pg_has_role(me.oid, 'pg_signal_backend', 'USAGE'))) AS endable
      FROM pg_catalog.pg_stat_activity a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid,
        pg_catalog.pg_roles me
      WHERE me.rolname = session_user AND a.datname = $1 AND coalesce(a.backend_type, '') NOT LIKE 'autovacuum%'
        AND a.pid <> ALL (SELECT pg_catalog.json_array_elements_text($2::json)::int) ORDER BY a.pid`,
    [database, JSON.stringify(ownPids)],
  );
  return rows.map(row => ({ pid: textOf(row, 'pid'), shown: shown(row), canBeEnded: row.endable === 't' }));
}

function shown({ pid, usename, application_name, client }: Row): string {
  const from = client === null || client === undefined ? '' : `, from ${client}`;
  return `pid ${pid} (role ${usename ?? 'unknown'}, ${application_name || 'no application name'}${from})`;
}
