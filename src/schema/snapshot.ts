// A snapshot of the schema: what pg_catalog says of every object of the user's, as sorted entries, and its SHA-256. Two
// snapshots of one server are equal exactly if nothing but rows has changed. Reads only; holds no row of a user's table,
// no password and no connection string. Called under the migration lock, before a run's first statement and by settle.
import { createHash } from 'node:crypto';
import { type Connection, textOf } from '../engine/connection.ts';
import { type CatalogueQuery, catalogueQueries } from './catalogue.ts';

export interface SnapshotEntry {
  /** `table`, `column`, `index`, … */
  readonly kind: string;
  readonly name: string;
  /** Canonical JSON of everything that defines it. */
  readonly definition: string;
}

/** Reads every entry in one statement, so that it is of one moment. `ledgerSchema` is left out. */
export async function readSnapshot(
  connection: Connection,
  versionNumber: number,
  ledgerSchema: string,
): Promise<readonly SnapshotEntry[]> {
  const rows = await connection.query(snapshotSql(catalogueQueries(versionNumber)), [ledgerSchema]);
  return rows
    .map(row => ({ kind: textOf(row, 'kind'), name: textOf(row, 'name'), definition: textOf(row, 'definition') }))
    .sort(byText);
}

/** SHA-256 of a snapshot. */
export function snapshotDigest(entries: readonly SnapshotEntry[]): string {
  const hash = createHash('sha256');
  for (const { kind, name, definition } of entries) hash.update(`${JSON.stringify([kind, name, definition])}\n`);
  return hash.digest('hex');
}

function byText(a: SnapshotEntry, b: SnapshotEntry): number {
  const left = `${a.kind}\0${a.name}\0${a.definition}`;
  const right = `${b.kind}\0${b.name}\0${b.definition}`;
  return left < right ? -1 : left > right ? 1 : 0;
}

function snapshotSql(queries: readonly CatalogueQuery[]): string {
  const parts = queries.map(
    ({ kind, sql }) =>
      `SELECT '${kind}' AS kind, name::text, definition::text FROM (${sql}) AS ${kind}_entries (name, definition)`,
  );
  return `WITH spaces AS (
      SELECT oid, nspname FROM pg_namespace
      WHERE nspname <> 'information_schema' AND NOT starts_with(nspname, 'pg_') AND nspname <> $1
    ), members AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
    relations AS (
      SELECT c.*, n.nspname, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS full_name
      FROM pg_class c JOIN spaces n ON n.oid = c.relnamespace
      WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
    )
    ${parts.join('\n    UNION ALL\n    ')}`;
}
