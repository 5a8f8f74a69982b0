// What a database is beside its content, as the manifest keeps it: the facts that belong to its name (owner, rights,
// settings, limit, comment), which a rename and pg_dump lose, and those of the moment (where the log was, which version).
// Reads only. Called by backup.ts, and by a restore for what it has to make again.
import { type Connection, only, quoted, type Row } from '../engine/connection.ts';

/** What belongs to the name of a database, and can be given to another. */
export interface OwnFacts {
  readonly owner: string;
  /** -1: none. */
  readonly connectionLimit: number;
  readonly comment: string | null;
  /** As PostgreSQL prints them: `role=CTc/grantor`. Empty: what a new database has. */
  readonly acl: readonly string[];
  /** `role`: empty for all. `setting`: `name=value`. */
  readonly settings: readonly { readonly role: string; readonly setting: string }[];
}

/** How a database spells and orders texts: what it is made with, and cannot change. */
export interface LocaleFacts {
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  /** `c`, `i` or `b`, as pg_database has it. */
  readonly localeProvider: string;
  readonly icuLocale: string | null;
  readonly icuRules: string | null;
}

/** What a manifest says of the database, as far as a restore needs it. */
export interface StoredFacts extends OwnFacts, LocaleFacts {
  readonly tablespace: string;
  readonly extensions: readonly { readonly name: string; readonly version: string }[];
  /** That the objects in it name. */
  readonly roles: readonly string[];
  readonly ledgerVersion: string | null;
}

/** Everything that the manifest keeps. In the snapshot of the backup. */
export async function databaseFacts(
  connection: Connection,
  server: { readonly versionNumber: number; readonly systemIdentifier: string; readonly timeline: string },
  ledgerSchema: string,
): Promise<Readonly<Record<string, unknown>>> {
  const row = only(await connection.query(momentSql(server.versionNumber)));
  const lists = only(await connection.query(LISTS_SQL));
  const lsn =
    server.timeline === '' ? null : await value(connection, 'SELECT pg_catalog.pg_current_wal_lsn()::text AS value');
  const version = await currentVersion(connection, ledgerSchema);
  const parsed = Object.fromEntries(Object.entries(lists).map(([name, text]) => [name, JSON.parse(text ?? '[]')]));
  const own = await ownFacts(connection, row.name ?? '');
  const { systemIdentifier, timeline } = server;
  const ledger = { ledgerVersion: version, ledgerSchema };
  const limit = { connectionLimit: String(own.connectionLimit) };
  return Object.freeze({ ...row, ...own, ...limit, ...parsed, systemIdentifier, timeline, lsn, ...ledger });
}

/** The facts that belong to a name; from whatever database one is connected to. Undefined: there is none of that name. */
export async function findOwnFacts(connection: Connection, database: string): Promise<OwnFacts | undefined> {
  const [row] = await connection.query(OWN_SQL, [database]);
  return row === undefined ? undefined : parsedOwnFacts(row);
}

async function ownFacts(connection: Connection, database: string): Promise<OwnFacts> {
  return parsedOwnFacts(only(await connection.query(OWN_SQL, [database])));
}

function parsedOwnFacts(row: Row): OwnFacts {
  return Object.freeze({
    owner: row.owner ?? '',
    connectionLimit: Number(row.limit ?? -1),
    comment: row.comment ?? null,
    acl: JSON.parse(row.acl ?? '[]') as readonly string[],
    settings: JSON.parse(row.settings ?? '[]') as OwnFacts['settings'],
  });
}

async function value(connection: Connection, sql: string): Promise<string | null> {
  return only(await connection.query(sql)).value ?? null;
}

/** The ledger's version in the snapshot; null where there is no ledger that this role may read. */
async function currentVersion(connection: Connection, schema: string): Promise<string | null> {
  const [found] = await connection.query(
    `SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = 'ledger' AND pg_catalog.has_table_privilege(c.oid, 'SELECT')`,
    [schema],
  );
  if (found === undefined) return null;
  const [row]: readonly Row[] = await connection.query(
    `SELECT version FROM ${quoted(schema)}.ledger ORDER BY number DESC LIMIT 1`,
  );
  return row?.version ?? null;
}

const OWN_SQL = `SELECT pg_catalog.pg_get_userbyid(d.datdba) AS owner, d.datconnlimit AS "limit",
    pg_catalog.shobj_description(d.oid, 'pg_database') AS comment,
    (SELECT coalesce(pg_catalog.json_agg(item::text ORDER BY item::text), '[]') FROM pg_catalog.unnest(d.datacl) AS item) AS acl,
    (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('role', coalesce(r.rolname, ''), 'setting', setting)
        ORDER BY r.rolname, setting), '[]')
      FROM pg_catalog.pg_db_role_setting s LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole,
        pg_catalog.unnest(s.setconfig) AS setting WHERE s.setdatabase = d.oid) AS settings
  FROM pg_catalog.pg_database d WHERE d.datname = $1`;

function localeColumns(versionNumber: number): string {
  const provider = versionNumber >= 150_000 ? 'd.datlocprovider::text' : "'c'";
  const locale = versionNumber >= 170_000 ? 'd.datlocale' : versionNumber >= 150_000 ? 'd.daticulocale' : 'NULL';
  const rules = versionNumber >= 160_000 ? 'd.daticurules' : 'NULL';
  return `pg_catalog.pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate,
      d.datctype AS ctype, ${provider} AS "localeProvider", ${locale} AS "icuLocale", ${rules} AS "icuRules"`;
}

/** Of the database that one is connected to. */
export async function localeFacts(connection: Connection, versionNumber: number): Promise<LocaleFacts> {
  const row = only(
    await connection.query(
      `SELECT ${localeColumns(versionNumber)} FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()`,
    ),
  );
  return readFacts(row);
}

function momentSql(versionNumber: number): string {
  return `SELECT d.datname AS name, ${localeColumns(versionNumber)},
      (SELECT spcname FROM pg_catalog.pg_tablespace t WHERE t.oid = d.dattablespace) AS tablespace,
      pg_catalog.pg_database_size(d.oid) AS "sizeBytes", pg_catalog.now()::text AS "snapshotTime"
    FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()`;
}

const LISTS_SQL = `SELECT
    (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', extname, 'version', extversion) ORDER BY extname), '[]')
      FROM pg_catalog.pg_extension) AS extensions,
    (SELECT coalesce(pg_catalog.json_agg(DISTINCT r.rolname), '[]') FROM pg_catalog.pg_shdepend s
      JOIN pg_catalog.pg_roles r ON r.oid = s.refobjid AND s.refclassid = 'pg_catalog.pg_authid'::regclass
      WHERE s.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())) AS roles`;

/** Reads what a manifest holds; what is missing or of another type is taken as what a plain database has. */
export function readFacts(database: Readonly<Record<string, unknown>>): StoredFacts {
  const text = (name: string): string | null => (typeof database[name] === 'string' ? database[name] : null);
  const list = (name: string): readonly unknown[] => (Array.isArray(database[name]) ? database[name] : []);
  const limit = Number(database.connectionLimit ?? -1);
  return Object.freeze({
    owner: text('owner') ?? '',
    connectionLimit: Number.isInteger(limit) ? limit : -1,
    comment: text('comment'),
    acl: list('acl').map(String),
    settings: list('settings').map(one => ({ role: textIn(one, 'role'), setting: textIn(one, 'setting') })),
    encoding: text('encoding') ?? 'UTF8',
    collate: text('collate') ?? 'C',
    ctype: text('ctype') ?? 'C',
    localeProvider: text('localeProvider') ?? 'c',
    icuLocale: text('icuLocale'),
    icuRules: text('icuRules'),
    tablespace: text('tablespace') ?? 'pg_default',
    extensions: list('extensions').map(one => ({ name: textIn(one, 'name'), version: textIn(one, 'version') })),
    roles: list('roles').map(String),
    ledgerVersion: text('ledgerVersion'),
  });
}

function textIn(value: unknown, name: string): string {
  return String((value as Readonly<Record<string, unknown>> | null)?.[name] ?? '');
}
