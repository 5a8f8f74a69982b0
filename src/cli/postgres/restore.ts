// Restores a backup into a new database beside the old one, compares it with the manifest, and only then swaps the two by
// name, both renames in one transaction. The replaced database stays, under a dated name, for whoever wants it back.
//
// The effects in their order, and what a crash after each leaves:
//  1 new database made, archive restored, rows compared: a database with a scratch's name beside the old one
//  2 both renamed: done. Sessions in the old one are named, never ended: they may be anybody's
import { openConnection } from '../../database/postgres.ts';
import { type Connection, only, QueryError, quoted, textOf } from '../../engine/connection.ts';
import { failure } from '../../engine/errors.ts';
import type { RestoreSummary, Surroundings } from '../database.ts';
import { inspectPostgresBackup } from './backup.ts';
import { createDatabase, restoreArchive, SCRATCH_PREFIX } from './scratch.ts';
import type { Sessions } from './sessions.ts';

/** Databases to connect to while ours is renamed, in this order. */
const OTHERS = ['postgres', 'template1'] as const;

export async function restorePostgres(
  sessions: Sessions,
  directory: string,
  { terminal, signal }: Surroundings,
): Promise<RestoreSummary> {
  const backup = await inspectPostgresBackup(directory);
  const stamp = new Date()
    .toISOString()
    .replaceAll(/[-:]|\.\d+/g, '')
    .toLowerCase();
  const fresh = `${SCRATCH_PREFIX}restore_${stamp}`;
  const replaced = `${sessions.settings.database.slice(0, 40)}_replaced_${stamp}`;
  const version = await sessions.reading(async ({ server }) => server.versionNumber);
  terminal.say(terminal.noted('dim', `  restoring ${backup.tables} tables into a new database`));
  await createDatabase(sessions, fresh);
  const elsewhere = await openElsewhere(sessions);
  try {
    await restoreArchive(sessions, { archive: backup.archive, name: fresh, version, signal });
    await compareRows(sessions, fresh, backup.contents);
    terminal.say(terminal.noted('dim', `  ${backup.rows} rows as in the manifest; swapping`));
    await swap(elsewhere, sessions.settings.database, fresh, replaced);
  } catch (error) {
    if (!elsewhere.isLost) await elsewhere.query(`DROP DATABASE IF EXISTS ${quoted(fresh)}`);
    throw error;
  } finally {
    await elsewhere.close();
  }
  const { settings, grants } = backup.ownFacts;
  if (settings + grants > 0) {
    const what = `${settings} settings (ALTER DATABASE … SET) and ${grants} grants of the database itself`;
    terminal.say(
      terminal.noted('warn', `note: ${what} were not carried over; the manifest lists them under "database".`),
    );
  }
  return { version: backup.version, replaced: `database ${replaced}` };
}

async function openElsewhere({ settings }: Sessions): Promise<Connection> {
  let last: unknown;
  for (const database of OTHERS) {
    if (database === settings.database) continue;
    try {
      return await openConnection({ ...settings, database }, { applicationName: 'migrate-cli' });
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

async function compareRows(
  { settings }: Sessions,
  database: string,
  tables: readonly { readonly schema: string; readonly name: string; readonly rows: number }[],
): Promise<void> {
  const connection = await openConnection({ ...settings, database }, { applicationName: 'migrate-cli' });
  try {
    for (const { schema, name, rows } of tables) {
      const table = `${quoted(schema)}.${quoted(name)}`;
      const found = Number(textOf(only(await connection.query(`SELECT count(*) AS rows FROM ONLY ${table}`)), 'rows'));
      if (found === rows) continue;
      throw failure('BackupFailed', {
        reason: `of ${schema}.${name} ${found} rows were restored, the manifest has ${rows}`,
      });
    }
  } finally {
    await connection.close();
  }
}

async function swap(connection: Connection, old: string, fresh: string, replaced: string): Promise<void> {
  const sessions = await connection.query(
    'SELECT pid, usename, application_name FROM pg_catalog.pg_stat_activity WHERE datname = $1',
    [old],
  );
  if (sessions.length > 0) {
    const named = sessions.map(
      row => `pid ${row.pid} (role ${row.usename}, ${row.application_name || 'no application name'})`,
    );
    throw failure('SessionsRemain', { count: sessions.length, waited: '0 s', sessions: named });
  }
  await connection.query('BEGIN');
  try {
    await connection.query(`ALTER DATABASE ${quoted(old)} RENAME TO ${quoted(replaced)}`);
    await connection.query(`ALTER DATABASE ${quoted(fresh)} RENAME TO ${quoted(old)}`);
    await connection.query('COMMIT');
  } catch (error) {
    if (!connection.isLost) await connection.query('ROLLBACK');
    if (error instanceof QueryError && error.sqlstate === '42501') {
      const remedy = 'Only its owner, with CREATEDB, can rename it.';
      throw failure(
        'RightMissing',
        { role: 'of the URL', right: `to rename the database ${old}`, remedy },
        { sqlstate: '42501' },
      );
    }
    throw error;
  }
}
