// The manifest of a backup, format 1 (docs/formats.md): what the archive holds and what the database was like. It is
// written last, so that a directory with a valid manifest is a complete backup. Holds names, counts and digests; never
// a row, a password or a connection string.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Attempt } from '../engine/attempt.ts';
import { type Connection, only, QueryError, type Row } from '../engine/connection.ts';
import { digestFiles, type FileDigest } from './volume.ts';

export const MANIFEST_FILE = 'manifest.json';
export const ARCHIVE_DIRECTORY = 'archive';
export const MANIFEST_FORMAT = 1;

export interface ManifestTable {
  readonly schema: string;
  readonly name: string;
  readonly rows: number;
  readonly sha256: string;
}

export interface Manifest {
  readonly format: typeof MANIFEST_FORMAT;
  readonly kind: 'postgresql-dump';
  readonly madeFor: { resource: string; owner: string; attempt: number; runId: number; job: string };
  readonly startedAt: string;
  readonly completedAt: string;
  readonly serverVersion: string;
  readonly clientVersion: string;
  /** Facts of the database at the snapshot, as text. */
  readonly database: Readonly<Record<string, unknown>>;
  readonly tables: readonly ManifestTable[];
  readonly files: readonly FileDigest[];
}

/** Facts that a rename or a restore loses: settings, rights, owner, locale, extensions, roles named; and where it was. */
export async function databaseFacts(
  connection: Connection,
  server: { readonly versionNumber: number; readonly systemIdentifier: string; readonly timeline: string },
  ledgerSchema: string,
): Promise<Readonly<Record<string, unknown>>> {
  const row = only(await connection.query(factsSql(server.versionNumber)));
  const lists = only(await connection.query(LISTS_SQL));
  const lsn =
    server.timeline === '' ? null : await value(connection, 'SELECT pg_catalog.pg_current_wal_lsn()::text AS value');
  const version = await currentVersion(connection, ledgerSchema);
  const parsed = Object.fromEntries(Object.entries(lists).map(([name, text]) => [name, JSON.parse(text ?? '[]')]));
  const { systemIdentifier, timeline } = server;
  return Object.freeze({ ...row, ...parsed, systemIdentifier, timeline, lsn, ledgerVersion: version });
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
  const name = `"${schema.replaceAll('"', '""')}"`;
  const [row]: readonly Row[] = await connection.query(
    `SELECT version FROM ${name}.ledger ORDER BY number DESC LIMIT 1`,
  );
  return row?.version ?? null;
}

function factsSql(versionNumber: number): string {
  const provider = versionNumber >= 150_000 ? 'd.datlocprovider::text' : "'c'";
  const locale = versionNumber >= 170_000 ? 'd.datlocale' : versionNumber >= 150_000 ? 'd.daticulocale' : 'NULL';
  return `SELECT d.datname AS name, pg_catalog.pg_get_userbyid(d.datdba) AS owner,
      pg_catalog.pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate, d.datctype AS ctype,
      ${provider} AS "localeProvider", ${locale} AS "icuLocale", d.datconnlimit AS "connectionLimit",
      (SELECT spcname FROM pg_catalog.pg_tablespace t WHERE t.oid = d.dattablespace) AS tablespace,
      pg_catalog.shobj_description(d.oid, 'pg_database') AS comment, pg_catalog.pg_database_size(d.oid) AS "sizeBytes",
      pg_catalog.now()::text AS "snapshotTime"
    FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()`;
}

const LISTS_SQL = `SELECT
    (SELECT coalesce(pg_catalog.json_agg(item::text ORDER BY item::text), '[]')
      FROM pg_catalog.pg_database d, pg_catalog.unnest(d.datacl) AS item
      WHERE d.datname = pg_catalog.current_database()) AS acl,
    (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('role', coalesce(r.rolname, ''), 'setting', setting)
        ORDER BY r.rolname, setting), '[]')
      FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
      LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole, pg_catalog.unnest(s.setconfig) AS setting
      WHERE d.datname = pg_catalog.current_database()) AS settings,
    (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', extname, 'version', extversion) ORDER BY extname), '[]')
      FROM pg_catalog.pg_extension) AS extensions,
    (SELECT coalesce(pg_catalog.json_agg(DISTINCT r.rolname), '[]') FROM pg_catalog.pg_shdepend s
      JOIN pg_catalog.pg_roles r ON r.oid = s.refobjid AND s.refclassid = 'pg_catalog.pg_authid'::regclass
      WHERE s.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())) AS roles`;

export function madeFor(attempt: Attempt): Manifest['madeFor'] {
  const { resource, owner, number, run, job } = attempt;
  return { resource, owner, attempt: number, runId: run.id, job };
}

/** The manifest as it is stored; its digest is over these bytes. */
export function serialize(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 1)}\n`;
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export interface StoredManifest {
  readonly manifest: Manifest;
  readonly text: string;
}

/** Reads a backup's manifest; undefined when there is none that can be read. */
export async function readManifest(directory: string): Promise<StoredManifest | undefined> {
  try {
    const text = await readFile(join(directory, MANIFEST_FILE), 'utf8');
    const manifest = JSON.parse(text) as Manifest;
    return manifest.format === MANIFEST_FORMAT && Array.isArray(manifest.files) ? { manifest, text } : undefined;
  } catch {
    return undefined;
  }
}

/** Compares the archive's files with the manifest; answers what does not fit, undefined when all is well. */
export async function archiveProblem(directory: string, manifest: Manifest): Promise<string | undefined> {
  let found: ReadonlyMap<string, FileDigest>;
  try {
    found = new Map((await digestFiles(join(directory, ARCHIVE_DIRECTORY), 'read')).map(file => [file.path, file]));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  for (const file of manifest.files) {
    const now = found.get(file.path);
    if (now === undefined) return `the file ${file.path} is missing`;
    if (now.size !== file.size) return `the file ${file.path} has ${now.size} bytes, not ${file.size}`;
    if (now.sha256 !== file.sha256) return `the file ${file.path} has other content`;
  }
  return found.size === manifest.files.length ? undefined : 'there are files that the manifest does not name';
}

/** For a message: which answer of the server went wrong. */
export function queryReason(error: unknown): string {
  if (error instanceof QueryError) return `${error.message} (SQLSTATE ${error.sqlstate})`;
  return error instanceof Error ? error.message : String(error);
}
