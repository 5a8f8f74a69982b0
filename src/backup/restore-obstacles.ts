// What stands in the way of a restore, found before anything is made: rights, roles, extensions, prepared transactions,
// replication, sessions. All of it at once, each with what removes it. Reads only. How much room the server's disk has cannot
// be asked in SQL: a full one ends pg_restore, and the new database is removed. Called by restore.ts.
import { type Connection, only, quoted, type Row, textOf } from '../engine/connection.ts';
import { type EngineError, failure, gathered } from '../engine/errors.ts';
import type { Server } from '../engine/server.ts';
import type { StoredFacts } from './facts.ts';
import type { Manifest } from './manifest.ts';
import { remain, sessionsIn } from './swap.ts';

export interface Ground {
  /** A session in another database of the server. */
  readonly elsewhere: Connection;
  /** Our session in the database that is to be replaced. */
  readonly current: Connection;
  readonly server: Server;
  readonly database: string;
  readonly manifest: Manifest;
  readonly facts: StoredFacts;
  readonly sessions: 'Refuse' | 'End';
  /** `Accepted`: a person knows that slots and subscriptions stay with the replaced database. */
  readonly replicationLoss: 'Refuse' | 'Accepted';
}

/** Throws RightMissing, RestoreRefused and SessionsRemain: the first, with the words of all. */
export async function assertNoObstacle(ground: Ground): Promise<void> {
  const reasons = [
    ...olderServer(ground),
    ...(await missingRoles(ground)),
    ...(await missingParts(ground)),
    ...(await preparedTransactions(ground)),
  ];
  const replication = await replicationLeftBehind(ground);
  const facts = {
    database: ground.database,
    reasons: [...reasons, ...replication],
    losesReplication: replication.length > 0,
  };
  const refused = facts.reasons.length === 0 ? [] : [failure('RestoreRefused', facts)];
  const errors = [...(await missingRights(ground)), ...refused, ...(await remainingSessions(ground))];
  if (errors.length > 0) throw gathered(errors);
}

function olderServer({ manifest, server }: Ground): readonly string[] {
  const made = Number.parseInt(manifest.clientVersion, 10);
  if (made <= Math.floor(server.versionNumber / 10_000)) return [];
  return [`the backup was made by PostgreSQL ${made}, and this server is ${server.version}: it cannot read it`];
}

async function missingRights({ elsewhere, database, facts }: Ground): Promise<readonly EngineError[]> {
  const row = only(
    await elsewhere.query(
      `SELECT me.rolname AS role, me.rolsuper OR me.rolcreatedb AS creates, pg_catalog.pg_get_userbyid(d.datdba) AS owner,
          pg_catalog.pg_has_role(me.oid, d.datdba, 'USAGE') AS owns,
          coalesce((SELECT pg_catalog.pg_has_role(me.oid, o.oid, 'MEMBER') FROM pg_catalog.pg_roles o WHERE o.rolname = $2), true) AS gives
        FROM pg_catalog.pg_roles me, pg_catalog.pg_database d WHERE me.rolname = session_user AND d.datname = $1`,
      [database, facts.owner],
    ),
  );
  const [role, owner] = [textOf(row, 'role'), textOf(row, 'owner')];
  const missing = (right: string, remedy: string) => failure('RightMissing', { role, right, remedy });
  const member = (of: string) => `GRANT ${quoted(of)} TO ${quoted(role)}, or use a role that has it.`;
  return [
    ...(row.creates === 't'
      ? []
      : [missing('to create a database', `A superuser can grant it: ALTER ROLE ${quoted(role)} CREATEDB.`)]),
    ...(row.owns === 't'
      ? []
      : [missing(`to rename the database ${database}, which belongs to ${owner}`, member(owner))]),
    ...(row.gives === 't'
      ? []
      : [missing(`to give the new database to ${facts.owner}, who owned it`, member(facts.owner))]),
  ];
}

async function missingRoles({ elsewhere, facts }: Ground): Promise<readonly string[]> {
  const inRights = facts.acl.flatMap(item => {
    const [, inQuotes, bare] = /^(?:"((?:[^"]|"")*)"|([^=]*))=/.exec(item) ?? [];
    return inQuotes?.replaceAll('""', '"') ?? bare ?? '';
  });
  const wanted = [facts.owner, ...facts.roles, ...facts.settings.map(one => one.role), ...inRights];
  const rows = await elsewhere.query(
    `SELECT DISTINCT name FROM pg_catalog.json_array_elements_text($1::json) AS name
      WHERE name NOT IN (SELECT rolname FROM pg_catalog.pg_roles) ORDER BY 1`,
    [JSON.stringify(wanted.filter(name => name !== ''))],
  );
  if (rows.length === 0) return [];
  const names = rows.map(row => textOf(row, 'name'));
  return [`the backup names roles that the server does not have: ${names.join(', ')} (CREATE ROLE them first)`];
}

async function missingParts({ elsewhere, facts }: Ground): Promise<readonly string[]> {
  const extensions = await elsewhere.query(
    `SELECT name FROM pg_catalog.json_array_elements_text($1::json) AS name
      WHERE name NOT IN (SELECT x.name FROM pg_catalog.pg_available_extensions x) ORDER BY 1`,
    [JSON.stringify(facts.extensions.map(one => one.name))],
  );
  const tablespace = await elsewhere.query('SELECT FROM pg_catalog.pg_tablespace WHERE spcname = $1', [
    facts.tablespace,
  ]);
  const names = extensions.map(row => textOf(row, 'name'));
  return [
    ...(names.length === 0 ? [] : [`the server does not have the extensions ${names.join(', ')} (install them)`]),
    ...(tablespace.length > 0 ? [] : [`the server does not have the tablespace ${facts.tablespace} (create it)`]),
  ];
}

const named = (rows: readonly Row[], column: string) => rows.map(row => row[column]).join(', ');

async function preparedTransactions({ elsewhere, database }: Ground): Promise<readonly string[]> {
  const prepared = await elsewhere.query(
    'SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = $1 ORDER BY 1',
    [database],
  );
  if (prepared.length === 0) return [];
  return [`it has prepared transactions: ${named(prepared, 'gid')} (COMMIT PREPARED or ROLLBACK PREPARED them)`];
}

/** What would stay with the old database, and is not its content. */
async function replicationLeftBehind({
  elsewhere,
  current,
  database,
  replicationLoss,
}: Ground): Promise<readonly string[]> {
  if (replicationLoss !== 'Refuse') return [];
  const slots = await elsewhere.query(
    'SELECT slot_name AS name FROM pg_catalog.pg_replication_slots WHERE database = $1 ORDER BY 1',
    [database],
  );
  const subscriptions = await current.query(
    `SELECT subname AS name FROM pg_catalog.pg_subscription
      WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = $1) ORDER BY 1`,
    [database],
  );
  const stay = (what: string, rows: readonly Row[]) =>
    rows.length === 0
      ? []
      : [`${what} would stay with the replaced database: ${named(rows, 'name')} (drop them, or accept it)`];
  return [...stay('logical replication slots', slots), ...stay('subscriptions', subscriptions)];
}

async function remainingSessions({ elsewhere, current, database, sessions }: Ground): Promise<readonly EngineError[]> {
  const found = await sessionsIn(elsewhere, database, [current.pid]);
  const staying = sessions === 'Refuse' ? found : found.filter(one => !one.canBeEnded);
  return staying.length === 0 ? [] : [remain(staying, sessions, 0)];
}
