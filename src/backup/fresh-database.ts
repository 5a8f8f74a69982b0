// The new database of a restore until it takes the old one's name: its name, its making, and the removal of what an earlier
// restore of the same database has left. Its name tells whose it is, so that a crash at any moment leaves something that the
// next restore knows. Called by restore.ts, under the restore lock.
import { createHash } from 'node:crypto';
import { type Connection, literal, QueryError, quoted, textOf } from '../engine/connection.ts';
import { failure } from '../engine/errors.ts';
import type { LocaleFacts, StoredFacts } from './facts.ts';
import { openDatabase } from './swap.ts';

export interface RestoreNames {
  /** Of the new one, while it is made. */
  readonly fresh: string;
  /** Of the old one, when it is replaced. */
  readonly replaced: string;
}

const NAME_BYTES = 63;

/** Two restores may come within the second that the names tell: the later one then tells the next second that is free. */
export async function restoreNames(connection: Connection, database: string, now: Date): Promise<RestoreNames> {
  const rows = await connection.query(
    "SELECT datname FROM pg_catalog.pg_database WHERE datname LIKE '%\\_replaced\\_%'",
  );
  const taken = new Set(rows.map(row => textOf(row, 'datname')));
  for (let time = now.getTime(); ; time += 1000) {
    const names = namesAt(database, new Date(time));
    if (!taken.has(names.replaced)) return names;
  }
}

function namesAt(database: string, time: Date): RestoreNames {
  const stamp = time
    .toISOString()
    .replaceAll(/[-:]|\.\d+/g, '')
    .toLowerCase();
  const ending = `_replaced_${stamp}`;
  let stem = database;
  while (Buffer.byteLength(stem) > NAME_BYTES - ending.length) stem = [...stem].slice(0, -1).join('');
  return { fresh: `${prefixOf(database)}${stamp}`, replaced: `${stem}${ending}` };
}

const digestOf = (database: string) => createHash('sha256').update(database).digest('hex');
const prefixOf = (database: string) => `migrate_scratch_restore_${digestOf(database).slice(0, 12)}_`;

/** Held to the end of the session: never two restores of one database. Throws FenceHeld. */
export async function takeRestoreLock(connection: Connection, database: string): Promise<void> {
  const key = Number.parseInt(digestOf(database).slice(0, 7), 16);
  const [row] = await connection.query('SELECT pg_catalog.pg_try_advisory_lock(1836217204, $1::int) AS taken', [
    String(key),
  ]);
  if (row?.taken === 't') return;
  throw failure('FenceHeld', { waited: '0 s', holder: `another restore of ${database}` });
}

/**
 * Opens the database again if an earlier restore has closed it and then crashed, and only then drops what it had made: while
 * that is there, a closed database is known for what it is. Throws RestoreRefused where somebody else has closed it.
 */
export async function clearLeftovers(
  connection: Connection,
  database: string,
  log: (line: string) => void,
): Promise<void> {
  const rows = await connection.query(
    'SELECT datname FROM pg_catalog.pg_database WHERE pg_catalog.starts_with(datname, $1) ORDER BY 1',
    [prefixOf(database)],
  );
  const [old] = await connection.query('SELECT datallowconn FROM pg_catalog.pg_database WHERE datname = $1', [
    database,
  ]);
  if (old?.datallowconn === 'f') {
    if (rows.length === 0) {
      const reason = `somebody has closed it (ALTER DATABASE ${quoted(database)} ALLOW_CONNECTIONS true opens it)`;
      throw failure('RestoreRefused', { database, reasons: [reason] });
    }
    log(`opening ${database} again, which an interrupted restore has closed`);
    await openDatabase(connection, database);
  }
  for (const row of rows) {
    log(`removing ${row.datname}, which an interrupted restore has left`);
    await dropFresh(connection, textOf(row, 'datname'));
  }
}

/** Its sessions are ours, and those of programs that outlived us. */
export async function dropFresh(connection: Connection, name: string): Promise<void> {
  await connection.query(
    `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
      WHERE datname = $1 AND usename = session_user AND pid <> pg_catalog.pg_backend_pid()`,
    [name],
  );
  await connection.query(`DROP DATABASE IF EXISTS ${quoted(name)}`);
}

/** Empty, with the owner and the locale of the one that was backed up, and nobody but us may connect. */
export async function createFresh(
  connection: Connection,
  { fresh: name }: RestoreNames,
  facts: StoredFacts,
  versionNumber: number,
): Promise<void> {
  const statement = `CREATE DATABASE ${quoted(name)} TEMPLATE template0 OWNER ${quoted(facts.owner)}
    ${localeClauses(facts, versionNumber)} ${tablespaceOf(facts)}`;
  try {
    await connection.query(statement);
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    const reasons = [`the new database cannot be made: ${error.message}`];
    throw failure('RestoreRefused', { database: name, reasons }, { sqlstate: error.sqlstate }, { cause: error });
  }
  const [me] = await connection.query('SELECT session_user AS role');
  await connection.query(
    `REVOKE ALL ON DATABASE ${quoted(name)} FROM PUBLIC; GRANT CONNECT ON DATABASE ${quoted(name)} TO ${quoted(me?.role ?? facts.owner)}`,
  );
}

/** To name even the usual one takes a right that nobody has without being given it. */
function tablespaceOf({ tablespace }: StoredFacts): string {
  return tablespace === 'pg_default' ? '' : `TABLESPACE ${quoted(tablespace)}`;
}

/** Of CREATE DATABASE, for one that spells and orders texts in the same way. */
export function localeClauses(facts: LocaleFacts, versionNumber: number): string {
  const { encoding, collate, ctype } = facts;
  return `ENCODING ${literal(encoding)} LC_COLLATE ${literal(collate)} LC_CTYPE ${literal(ctype)} ${providerOf(facts, versionNumber)}`;
}

/** Before 15 there is only the provider of the C library for databases. */
function providerOf({ localeProvider, icuLocale, icuRules }: LocaleFacts, versionNumber: number): string {
  if (versionNumber < 150_000) return '';
  const locale = icuLocale === null ? '' : literal(icuLocale);
  const rules = icuRules === null ? '' : ` ICU_RULES ${literal(icuRules)}`;
  if (localeProvider === 'i') return `LOCALE_PROVIDER icu ICU_LOCALE ${locale}${rules}`;
  if (localeProvider === 'b') return `LOCALE_PROVIDER builtin BUILTIN_LOCALE ${locale}`;
  return 'LOCALE_PROVIDER libc';
}
