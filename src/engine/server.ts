// What kind of server a session has reached, read before anything else is believed: version, identity, whether it takes
// writes, and whether a pooler stands in between. Reads only. Called at the start of every step.
import { type Connection, only, QueryError, quoted, textOf } from './connection.ts';
import { failure } from './errors.ts';

export interface Server {
  /** As the server prints it: 15.14. */
  readonly version: string;
  /** As server_version_num has it: 150014. */
  readonly versionNumber: number;
  /** Changes when the data directory is another one; empty where it may not be read. */
  readonly systemIdentifier: string;
  /** Changes with a failover; empty where it may not be read. */
  readonly timeline: string;
  readonly database: string;
  readonly host: string;
  /** The login role, whatever SET ROLE says. */
  readonly role: string;
  /** Whether the server can end a query of a client that is gone (14 and newer, on Linux). */
  readonly checksClients: boolean;
}

const OLDEST = 110_000;

/**
 * How long a statement of the engine's own waits for a lock where nothing else was said: nobody's forgotten transaction may
 * hold it up for ever.
 */
export const OWN_LOCK_TIMEOUT_MS = 30_000;

/**
 * Everything that changes how the server prints a definition or a value, or reads a text: a database, a role and a file may
 * each set it otherwise, and the same schema must always print the same.
 */
const PRINTING = [
  "SET TimeZone TO 'UTC'",
  "SET DateStyle TO 'ISO'",
  "SET IntervalStyle TO 'postgres'",
  "SET client_encoding TO 'UTF8'",
  "SET bytea_output TO 'hex'",
  "SET xmloption TO 'content'",
  'SET extra_float_digits TO 1',
  'SET array_nulls TO on',
  'SET quote_all_identifiers TO off',
  'SET standard_conforming_strings TO on',
] as const;

/**
 * Session settings of the engine's own statements: the login role itself, names found in pg_catalog only, no limits but on
 * locks.
 * SET ROLE NONE, not RESET ROLE: that would go back to a role set by ALTER ROLE … SET role.
 */
export function ownSettings(versionNumber: number): string {
  const statements = [
    'RESET SESSION AUTHORIZATION',
    'SET ROLE NONE',
    'SET search_path TO pg_catalog, pg_temp',
    'SET statement_timeout TO 0',
    `SET lock_timeout TO ${OWN_LOCK_TIMEOUT_MS}`,
    'SET idle_in_transaction_session_timeout TO 0',
    ...PRINTING,
  ];
  if (versionNumber >= 140_000) statements.push('SET idle_session_timeout TO 0');
  if (versionNumber >= 170_000) statements.push('SET transaction_timeout TO 0');
  return statements.join('; ');
}

/** Reads the server. Throws PoolerDetected, ServerReadOnly or ServerTooOld. */
export async function readServer(connection: Connection): Promise<Server> {
  const row = only(
    await connection.query(
      `SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.current_setting('server_version') AS version,
        pg_catalog.current_setting('server_version_num') AS number, pg_catalog.current_database() AS database,
        pg_catalog.pg_is_in_recovery() AS standby, pg_catalog.current_setting('transaction_read_only') AS read_only,
        session_user AS role`,
    ),
  );
  const host = connection.host;
  if (Number(textOf(row, 'pid')) !== connection.pid) throw failure('PoolerDetected', { host });
  if (row.standby === 't') throw failure('ServerReadOnly', { host, reason: 'it is a standby' });
  if (row.read_only === 'on') throw failure('ServerReadOnly', { host, reason: 'default_transaction_read_only is on' });
  const version = textOf(row, 'version').split(' ')[0] ?? '';
  const versionNumber = Number(textOf(row, 'number'));
  if (versionNumber < OLDEST) throw failure('ServerTooOld', { server: version });
  await connection.query(ownSettings(versionNumber));
  return Object.freeze({
    version,
    versionNumber,
    systemIdentifier: await optional(
      connection,
      'SELECT system_identifier::text AS value FROM pg_catalog.pg_control_system()',
    ),
    timeline: await optional(
      connection,
      'SELECT pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) AS value',
    ),
    database: textOf(row, 'database'),
    host,
    role: textOf(row, 'role'),
    checksClients: versionNumber >= 140_000 && (await canCheckClients(connection)),
  });
}

/** Opens a session and reads its server, closing it again when that fails. */
export async function openSession(surroundings: {
  connect(): Promise<Connection>;
}): Promise<{ connection: Connection; server: Server }> {
  const connection = await surroundings.connect();
  try {
    return { connection, server: await readServer(connection) };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** A value that some servers (managed ones) do not let everybody read. */
async function optional(connection: Connection, sql: string): Promise<string> {
  try {
    return only(await connection.query(sql)).value ?? '';
  } catch (error) {
    if (error instanceof QueryError) return '';
    throw error;
  }
}

async function canCheckClients(connection: Connection): Promise<boolean> {
  try {
    await connection.query("SET client_connection_check_interval TO '1s'");
    return true;
  } catch (error) {
    if (error instanceof QueryError) return false;
    throw error;
  }
}

/** Whether two sessions reached the same server in the same life: no failover between them. */
export function isSameServer(a: Server, b: Server): boolean {
  return a.systemIdentifier === b.systemIdentifier && a.timeline === b.timeline;
}

/** What a migration file needs of the session beyond its own words. */
export interface FileSettings {
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly role: string | undefined;
}

/** The statements that put a session into the state in which a file begins, whatever the file before it has set. */
export function fileSettingsSql(server: Server, settings: FileSettings): string {
  const statements = [
    'RESET ALL',
    settings.role === undefined ? 'RESET ROLE' : `SET ROLE ${quoted(settings.role)}`,
    `SET statement_timeout TO ${settings.statementTimeoutMs}`,
    `SET lock_timeout TO ${settings.lockTimeoutMs}`,
    'SET idle_in_transaction_session_timeout TO 0',
    "SET client_encoding TO 'UTF8'",
    // The grammar reads files so. A database may have it otherwise.
    'SET standard_conforming_strings TO on',
    "SELECT pg_catalog.set_config('synchronous_commit', 'on', false) WHERE pg_catalog.current_setting('synchronous_commit') <> 'remote_apply'",
    'SET default_transaction_isolation TO "read committed"',
    'SET default_transaction_read_only TO off',
  ];
  if (server.versionNumber >= 140_000) statements.push('SET idle_session_timeout TO 0');
  if (server.versionNumber >= 170_000) statements.push('SET transaction_timeout TO 0');
  if (server.checksClients) statements.push("SET client_connection_check_interval TO '1s'");
  return statements.join('; ');
}

/** What a trigger defers anew while it runs is left for the next time; nothing tells when nothing is left. */
const ROUNDS = 8;

/** Does at once what these constraints have deferred: a list of names, or ALL. */
export function nowSql(constraints: string): string {
  return Array.from({ length: ROUNDS }, () => `SET CONSTRAINTS ${constraints} IMMEDIATE`).join('; ');
}

/**
 * Leaves the server no code of a user's to run at COMMIT: deferred triggers run now, and cursors are closed, because the query of one
 * WITH HOLD would run then. Nothing else does (CommitTransaction in PostgreSQL's xact.c).
 */
export const DEFERRED_NOW_SQL = [nowSql('ALL'), 'CLOSE ALL'].join('; ');

/** What a session keeps beside its settings: gone before the next file, as it would be in a run of its own. */
export const FORGET_SQL = 'CLOSE ALL; DEALLOCATE ALL; UNLISTEN *; DISCARD SEQUENCES; DISCARD TEMP';
