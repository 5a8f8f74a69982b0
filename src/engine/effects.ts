// Proves from the catalogue whether a statement that had to stand alone was done, and clears what a crash in it left.
// What it looks for was fixed by name and oid before the statement was sent, so that nothing else is ever dropped.
// Runs outside transactions, on the connection that holds the lock. Called by split.ts.

import { type Connection, literal, quoted, textOf } from './connection.ts';
import { failure } from './errors.ts';
import { dropReindexLeftovers, leftoversBefore, scopeOf } from './reindex-leftovers.ts';
import type { Effect } from './sql/classify.ts';
import type { QualifiedName } from './sql/tree.ts';

/** What the progress row keeps of an effect; JSON, so every field may be missing when it is read back. */
export type StoredEffect = Readonly<Record<string, unknown>> & { readonly kind: string };

export type Proof = 'Done' | 'NotDone' | 'Unknown';

interface RelationRow {
  readonly schema: string;
  readonly name: string;
  readonly oid: string;
}

const nameSql = ({ schema, name }: QualifiedName) =>
  schema === undefined ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;

async function relation(connection: Connection, name: QualifiedName): Promise<RelationRow | undefined> {
  const [row] = await connection.query(
    `SELECT n.nspname, c.relname, c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = pg_catalog.to_regclass($1)`,
    [nameSql(name)],
  );
  return row === undefined
    ? undefined
    : { schema: textOf(row, 'nspname'), name: textOf(row, 'relname'), oid: textOf(row, 'oid') };
}

/** Fixes names before the statement runs, under the file's own search_path. Throws InvalidIndex. */
export async function fixEffect(connection: Connection, effect: Effect, file: string): Promise<StoredEffect> {
  switch (effect.kind) {
    case 'IndexCreated': {
      const table = await relation(connection, effect.table);
      if (table === undefined) return { kind: 'IndexCreated', existedBefore: false };
      const index = { schema: table.schema, name: effect.index };
      const before = await indexState(connection, index);
      if (before === 'Invalid' && effect.ifNotExists) throw failure('InvalidIndex', { file, index: nameSql(index) });
      return { kind: 'IndexCreated', ...index, table: table.oid, existedBefore: before !== 'Absent' };
    }
    case 'IndexesDropped': {
      const oids: string[] = [];
      for (const name of effect.indexes) oids.push((await relation(connection, name))?.oid ?? '0');
      return { kind: 'IndexesDropped', oids: oids.filter(oid => oid !== '0') };
    }
    case 'Reindexed': {
      const { of } = effect;
      const oid = await oidOf(connection, effect);
      const before = oid === undefined ? [] : await leftoversBefore(connection, oid, of);
      return { kind: 'Reindexed', of, oid: oid ?? null, before };
    }
    case 'PartitionDetached': {
      const table = await relation(connection, effect.table);
      const partition = await relation(connection, effect.partition);
      return { kind: 'PartitionDetached', table: table?.oid ?? null, partition: partition?.oid ?? null };
    }
    case 'EnumValueAdded': {
      const [type] = await connection.query('SELECT pg_catalog.to_regtype($1)::oid AS oid', [nameSql(effect.type)]);
      const oid = type?.oid ?? null;
      const existedBefore = await hasLabel(connection, oid, effect.value);
      return { kind: 'EnumValueAdded', type: oid, value: effect.value, existedBefore };
    }
    case 'Named': {
      const existedBefore = await isNamed(connection, effect.catalogue, effect.name);
      return { kind: 'Named', catalogue: effect.catalogue, name: effect.name, after: effect.after, existedBefore };
    }
    case 'Repeatable':
    case 'Unprovable':
      return { kind: effect.kind };
  }
}

/**
 * Looks whether a statement with a `started` row was done. `NotDone` means that it may be run again: half-made things of
 * ours are gone; `note` is told of those that this role may not drop. Throws FenceHeld while somebody still builds the index.
 */
export async function proveEffect(
  connection: Connection,
  effect: StoredEffect,
  note: (line: string) => void,
): Promise<Proof> {
  switch (effect.kind) {
    case 'IndexCreated':
      return proveIndex(connection, effect);
    case 'IndexesDropped': {
      const oids = Array.isArray(effect.oids) ? effect.oids.map(String) : [];
      if (oids.length === 0) return 'NotDone';
      const left = await connection.query(
        'SELECT FROM pg_catalog.pg_class WHERE oid = ANY (SELECT pg_catalog.json_array_elements_text($1::json)::oid)',
        [JSON.stringify(oids)],
      );
      return left.length === 0 ? 'Done' : 'NotDone';
    }
    case 'Reindexed':
      return proveReindexed(connection, effect, note);
    case 'PartitionDetached':
      return proveDetached(connection, String(effect.table), String(effect.partition));
    case 'EnumValueAdded': {
      const added = await hasLabel(connection, String(effect.type), String(effect.value));
      return added && effect.existedBefore !== true ? 'Done' : 'NotDone';
    }
    case 'Named': {
      const present = await isNamed(connection, String(effect.catalogue), String(effect.name));
      const was = effect.existedBefore === true;
      return present !== was && present === (effect.after === 'Present') ? 'Done' : 'NotDone';
    }
    case 'Repeatable':
      return 'NotDone';
    default:
      return 'Unknown';
  }
}

type IndexState = 'Absent' | 'Invalid' | 'Valid';

async function indexState(connection: Connection, index: { schema: string; name: string }): Promise<IndexState> {
  const [row] = await connection.query(
    `SELECT coalesce(x.indisvalid AND x.indisready AND x.indislive, true) AS valid
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_index x ON x.indexrelid = c.oid
      WHERE n.nspname = $1 AND c.relname = $2`,
    [index.schema, index.name],
  );
  if (row === undefined) return 'Absent';
  return row.valid === 't' ? 'Valid' : 'Invalid';
}

async function proveIndex(connection: Connection, effect: StoredEffect): Promise<Proof> {
  const { schema, name } = effect;
  if (typeof schema !== 'string' || typeof name !== 'string' || effect.existedBefore === true) return 'NotDone';
  const state = await indexState(connection, { schema, name });
  if (state === 'Absent') return 'NotDone';
  if (state === 'Valid') return 'Done';
  const [ours] = await connection.query(
    `SELECT p.pid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_index x ON x.indexrelid = c.oid
      LEFT JOIN ${await buildersSql(connection)} p ON p.index_relid = c.oid
      WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'i' AND x.indrelid = $3`,
    [schema, name, String(effect.table)],
  );
  if (ours === undefined) return 'NotDone';
  if (ours.pid !== null) {
    throw failure('FenceHeld', { waited: '0 s', holder: `pid ${ours.pid} still builds the index ${name}` });
  }
  await connection.query(`DROP INDEX CONCURRENTLY ${quoted(schema)}.${quoted(name)}`);
  return 'NotDone';
}

/** Who builds which index. Version 11 does not tell; there it is whoever holds the lock that a build holds to its end. */
async function buildersSql(connection: Connection): Promise<string> {
  const view = 'pg_catalog.pg_stat_progress_create_index';
  const [row] = await connection.query(`SELECT pg_catalog.to_regclass('${view}') AS view`);
  if (row?.view !== null) return view;
  return `(SELECT l.pid, i.indexrelid AS index_relid FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_index i ON i.indrelid = l.relation
    JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = pg_catalog.current_database()
    WHERE l.granted AND l.mode = 'ShareUpdateExclusiveLock' AND l.pid <> pg_catalog.pg_backend_pid())`;
}

/** Of what a REINDEX names; of a whole database, which is the one that we are in, any. */
async function oidOf(connection: Connection, effect: Extract<Effect, { kind: 'Reindexed' }>) {
  if (effect.of === 'index' || effect.of === 'table') return (await relation(connection, effect.relation))?.oid;
  if (effect.of === 'database') return '0';
  const [row] = await connection.query('SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1', [
    effect.relation.name,
  ]);
  return row === undefined ? undefined : textOf(row, 'oid');
}

/** It is done again in any case: what it has rebuilt already is rebuilt once more. */
async function proveReindexed(
  connection: Connection,
  { oid, of, before }: StoredEffect,
  note: (line: string) => void,
): Promise<Proof> {
  if (oid === null || oid === undefined) return 'NotDone';
  const others = Array.isArray(before) ? before.map(String) : [];
  const kept = await dropReindexLeftovers(connection, { oid: String(oid), of: scopeOf(of), before: others });
  for (const name of kept) {
    note(`an interrupted REINDEX left an invalid index; as a superuser: DROP INDEX ${name}`);
  }
  return 'NotDone';
}

async function proveDetached(connection: Connection, table: string, partition: string): Promise<Proof> {
  const [row] = await connection.query(
    `SELECT i.inhdetachpending AS pending, i.inhparent::regclass::text AS parent, i.inhrelid::regclass::text AS child
      FROM pg_catalog.pg_inherits i WHERE i.inhparent::text = $1 AND i.inhrelid::text = $2`,
    [table, partition],
  );
  if (row === undefined) return partition === 'null' ? 'NotDone' : 'Done';
  if (row.pending !== 't') return 'NotDone';
  await connection.query(`ALTER TABLE ${textOf(row, 'parent')} DETACH PARTITION ${textOf(row, 'child')} FINALIZE`);
  return 'Done';
}

async function hasLabel(connection: Connection, type: string | null, label: string): Promise<boolean> {
  const rows = await connection.query('SELECT FROM pg_catalog.pg_enum WHERE enumtypid::text = $1 AND enumlabel = $2', [
    type,
    label,
  ]);
  return rows.length > 0;
}

const NAME_COLUMNS: Readonly<Record<string, string>> = {
  pg_database: 'datname',
  pg_tablespace: 'spcname',
  pg_subscription: 'subname',
};

async function isNamed(connection: Connection, catalogue: string, name: string): Promise<boolean> {
  const column = NAME_COLUMNS[catalogue];
  if (column === undefined) throw new Error(`no catalogue ${catalogue}`);
  const rows = await connection.query(`SELECT FROM pg_catalog.${catalogue} WHERE ${column} = ${literal(name)}`);
  return rows.length > 0;
}
