// A snapshot of the schema: what pg_catalog says of every object of the user's, as sorted entries, and its SHA-256. Two
// snapshots of one server are equal exactly if nothing but rows has changed. Reads only; holds no row of a user's table,
// no password and no connection string. Called under the migration lock, before a run's first statement and by settle.
import { createHash } from 'node:crypto';
import { type Connection, textOf } from '../engine/connection.ts';
import { loadGrammar } from '../engine/sql/statements.ts';
import { catalogueQueries } from './catalogue.ts';
import type { CatalogueQuery } from './catalogue-sql.ts';
import { normalizedDefinition } from './normalize.ts';

export interface SnapshotEntry {
  /** What a person calls it: `table`, `column`, `index`, … */
  readonly kind: string;
  /** With its schema, quoted where SQL would need it; a column is `public.users.email`. */
  readonly name: string;
  /** JSON: an object of named properties; what is as usual is left out. The same text for the same definition. */
  readonly definition: string;
}

/** Reads every entry in one statement, so that it is of one moment. `ledgerSchema` is left out. */
export async function readSnapshot(
  connection: Connection,
  versionNumber: number,
  ledgerSchema: string,
): Promise<readonly SnapshotEntry[]> {
  await loadGrammar();
  // Of a union this long, compiling would take four times as long as running it.
  await connection.query('SET jit TO off');
  const rows = await connection.query(snapshotSql(catalogueQueries(versionNumber), versionNumber), [ledgerSchema]);
  return rows
    .map(row => {
      const [kind, name] = [textOf(row, 'kind'), textOf(row, 'name')];
      return { kind, name, definition: normalizedDefinition(kind, textOf(row, 'definition')) };
    })
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

function snapshotSql(queries: readonly CatalogueQuery[], versionNumber: number): string {
  // Up to version 11 an oid is a hidden column, which a star leaves out.
  const oid = versionNumber < 120_000 ? 'c.oid, ' : '';
  const parts = queries.map(
    ({ kind, sql }) =>
      `SELECT '${kind}' AS kind, name::text, definition::text FROM (${sql}) AS entries (name, definition)`,
  );
  return `WITH spaces AS (
      SELECT oid, nspname FROM pg_namespace
      WHERE nspname <> 'information_schema' AND NOT starts_with(nspname, 'pg_') AND nspname <> $1
    ), members AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
    relations AS (
      SELECT ${oid}c.*, n.nspname, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS full_name
      FROM pg_class c JOIN spaces n ON n.oid = c.relnamespace
      WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
    )
    ${parts.join('\n    UNION ALL\n    ')}`;
}
