// The exporter: one session that fixes the moment of a backup. It locks every table that will be dumped (ACCESS SHARE),
// only then takes its snapshot, then reads the list of tables again, because one made or rewritten in between would be
// empty in the dump. It stays open until pg_dump has ended. Reads only. Called by backup.ts.
import { type Connection, only, QueryError, quoted, type Row, textOf } from '../engine/connection.ts';
import { failure } from '../engine/errors.ts';

export interface DumpedTable {
  readonly schema: string;
  readonly name: string;
}

export interface Export {
  /** What pg_dump is given as --snapshot. */
  readonly snapshot: string;
  /** Ordinary tables with rows of their own, partitions among them, in order of their names. */
  readonly tables: readonly DumpedTable[];
}

const TRIES = 5;
const LOCK_WAIT_MS = 30_000;

/** Opens the transaction and leaves it open. Throws RightMissing, LockTimeout or BackupFailed. */
export async function openExport(connection: Connection): Promise<Export> {
  await connection.query(`SET row_security TO off; SET lock_timeout TO ${LOCK_WAIT_MS}; SET extra_float_digits TO 3`);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const before = await listTables(connection);
    await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    if (await lockTables(connection, before)) {
      const snapshot = textOf(only(await connection.query('SELECT pg_catalog.pg_export_snapshot() AS id')), 'id');
      const after = await listTables(connection);
      if (isSameList(before, after))
        return Object.freeze({ snapshot, tables: Object.freeze(after.filter(isCounted).map(tableOf)) });
    }
    await connection.query('ROLLBACK');
  }
  throw failure('BackupFailed', {
    reason: `tables were made or dropped during each of ${TRIES} tries to lock them all`,
  });
}

/** Tables with rows of their own, in order of their names, as a backup of this database would name them. */
export async function storedTables(connection: Connection): Promise<readonly DumpedTable[]> {
  return (await listTables(connection)).filter(isCounted).map(tableOf);
}

async function listTables(connection: Connection): Promise<readonly Row[]> {
  const rows = await connection.query(
    `SELECT n.nspname, c.relname, c.oid, c.relfilenode, c.relkind,
        pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
        AND n.nspname <> 'information_schema' AND NOT pg_catalog.starts_with(n.nspname, 'pg_')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
          WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      ORDER BY 1, 2`,
  );
  const hidden = rows.filter(row => row.readable === 'f').map(row => `${row.nspname}.${row.relname}`);
  if (hidden.length > 0) {
    const role = textOf(only(await connection.query('SELECT session_user AS role')), 'role');
    const right = `SELECT on ${hidden.slice(0, 5).join(', ')}${hidden.length > 5 ? ` and ${hidden.length - 5} more` : ''}`;
    throw failure('RightMissing', { role, right, remedy: 'A backup without these tables would be none: grant it.' });
  }
  return rows;
}

/** False when a table went away in between: to be tried again. */
async function lockTables(connection: Connection, tables: readonly Row[]): Promise<boolean> {
  if (tables.length === 0) return true;
  const names = tables.map(row => `${quoted(textOf(row, 'nspname'))}.${quoted(textOf(row, 'relname'))}`);
  try {
    await connection.query(`LOCK TABLE ${names.join(', ')} IN ACCESS SHARE MODE`);
    return true;
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    if (error.sqlstate === '42P01' || error.sqlstate === '3F000') return false;
    if (error.sqlstate === '55P03') {
      throw failure('LockTimeout', { waited: `${LOCK_WAIT_MS / 1000} s`, blockers: [] }, { sqlstate: '55P03' });
    }
    const advice = error.sqlstate === '53200' ? '; raise max_locks_per_transaction on the server' : '';
    const reason = `${names.length} tables could not be locked: ${error.message}${advice}`;
    throw failure('BackupFailed', { reason }, { sqlstate: error.sqlstate });
  }
}

/** The same tables in the same files: none made, dropped or rewritten between the list and the snapshot. */
function isSameList(before: readonly Row[], after: readonly Row[]): boolean {
  const key = (row: Row) => `${row.oid} ${row.nspname} ${row.relname}`;
  return before.length === after.length && before.every((row, index) => key(row) === key(after[index] ?? {}));
}

const isCounted = (row: Row) => row.relkind === 'r';
const tableOf = (row: Row): DumpedTable =>
  Object.freeze({ schema: textOf(row, 'nspname'), name: textOf(row, 'relname') });

/** Counts the rows of each table in the exported snapshot: what the archive must hold. */
export async function countRows(connection: Connection, tables: readonly DumpedTable[]): Promise<readonly number[]> {
  const counts: number[] = [];
  for (const { schema, name } of tables) {
    const row = only(await connection.query(`SELECT count(*) AS rows FROM ONLY ${quoted(schema)}.${quoted(name)}`));
    counts.push(Number(textOf(row, 'rows')));
  }
  return counts;
}
