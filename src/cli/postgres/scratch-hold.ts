// How it is known that a scratch database is nobody's any more: to the end of its command a session holds an advisory lock that
// the database's name gives, and a comment on the database says that a command made it. Whoever makes the next one drops what
// has the comment, belongs to the same role, is held by nobody and has nobody connected; what lacks the comment is named alone.
// Never touches a database of another name or owner. Called by scratch.ts, in this order; what a crash after each leaves:
//  1 held       the lock goes with the session: nothing
//  2 database made, empty                  it without the comment: named by the next command
//  3 marked, before anything is put into it   it with the comment: dropped by the next command
//  4 dropped    nothing; the session ends with the process
import { type Connection, literal, QueryError, quoted, textOf } from '../../engine/connection.ts';
import type { Terminal } from '../terminal.ts';

/** Of advisory locks with two numbers: ours is this and one from the name. That of a restore is one less. */
const LOCK_CLASS = 1_836_217_205;
const MARK = 'Made by one command of migrate, which drops it. The next command does, once nobody is at work on it.';
const NAME = /^migrate_scratch_[0-9a-f]{12}$/;

const keyOf = (name: string) => Number.parseInt(name.slice(-7), 16);

/** Takes the lock on a session that the caller keeps open until the database is dropped. */
export async function hold(session: Connection, name: string): Promise<void> {
  // From 14 on a server may end sessions that are idle, as this one is.
  await session.query(
    "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'",
  );
  await session.query('SELECT pg_catalog.pg_advisory_lock_shared($1::int, $2::int)', [
    String(LOCK_CLASS),
    String(keyOf(name)),
  ]);
}

export async function mark(connection: Connection, name: string): Promise<void> {
  await connection.query(`COMMENT ON DATABASE ${quoted(name)} IS ${literal(MARK)}`);
}

/** Drops what earlier commands of this role have left, and says so. */
export async function clearLeftovers(connection: Connection, terminal: Terminal): Promise<void> {
  // Databases first, locks after: a lock is taken before its database is there.
  const found = await connection.query(
    `SELECT d.datname AS name, pg_catalog.shobj_description(d.oid, 'pg_database') AS mark FROM pg_catalog.pg_database d
      WHERE pg_catalog.starts_with(d.datname, 'migrate_scratch_') AND pg_catalog.pg_get_userbyid(d.datdba) = session_user
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid)
      ORDER BY 1`,
  );
  const rows = found.filter(row => NAME.test(textOf(row, 'name')));
  if (rows.length === 0) return;
  const locks = await connection.query(
    `SELECT objid FROM pg_catalog.pg_locks
      WHERE locktype = 'advisory' AND classid::text = $1 AND objsubid = 2`,
    [String(LOCK_CLASS)],
  );
  const held = new Set(locks.map(row => textOf(row, 'objid')));
  for (const row of rows) {
    const name = textOf(row, 'name');
    if (held.has(String(keyOf(name)))) continue;
    if (row.mark === MARK) await drop(connection, name, terminal);
    else terminal.say(terminal.noted('dim', `note: ${unmarked(name)}`));
  }
}

const unmarked = (name: string) =>
  `database ${name} looks like one that an interrupted command has left. If nobody needs it: DROP DATABASE ${name}`;

async function drop(connection: Connection, name: string, terminal: Terminal): Promise<void> {
  try {
    await connection.query(`DROP DATABASE IF EXISTS ${quoted(name)}`);
    terminal.say(terminal.noted('dim', `removing database ${name}, which an interrupted command has left`));
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    terminal.say(terminal.noted('dim', `note: ${unmarked(name)} (${error.message})`));
  }
}
