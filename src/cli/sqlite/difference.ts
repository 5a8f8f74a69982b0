// What `create --from-diff` writes for SQLite. The schema before is known whole from the files, run in a scratch database; where
// they do not produce what the ledger's snapshot has, only as far as the snapshot remembers it. Changes nothing.
import { join } from 'node:path';
import { openSqlite } from '../../database/sqlite.ts';
import { EngineError } from '../../engine/errors.ts';
import type { Source } from '../../engine/source/files.ts';
import type { SqliteConnection } from '../../engine/sqlite/connection.ts';
import { applySqlite } from '../../engine/sqlite/migrate.ts';
import { readSqliteSnapshot } from '../../engine/sqlite/snapshot.ts';
import { foreseen } from '../../engine/sqlite/trouble.ts';
import { compareSnapshots } from '../../schema/difference.ts';
import { readSqliteObjects } from '../../schema/statements/sqlite/objects.ts';
import { type Remembered, rememberedObjects } from '../../schema/statements/sqlite/remembered.ts';
import { sqliteStatementsBetween } from '../../schema/statements/sqlite/write.ts';
import type { StoredSchema, WrittenDifference } from '../database.ts';
import { makeScratchDirectory } from './scratch.ts';

export async function sqliteDifference(
  openLive: () => SqliteConnection,
  before: StoredSchema,
  source: Source | undefined,
  signal: AbortSignal,
): Promise<Pick<WrittenDifference, 'up' | 'down' | 'notes'>> {
  const now = objectsOf(openLive());
  const fromFiles = await objectsFromFiles(before, source, signal);
  const { objects, unknown } = fromFiles ?? rememberedObjects(before.entries);
  const openMemory = () => openSqlite(':memory:', { mode: 'Create', busyTimeoutMs: 0 });
  const note = `the files do not produce the schema that ${before.version ?? 'the empty database'} left, so that what was before is only known as far as the snapshot tells`;
  return {
    up: sqliteStatementsBetween(objects, now, openMemory),
    down: sqliteStatementsBetween(now, objects, openMemory),
    notes: fromFiles === undefined ? [note, ...unknown] : [],
  };
}

function objectsOf(connection: SqliteConnection) {
  try {
    return readSqliteObjects(connection);
  } catch (error) {
    throw foreseen(error);
  } finally {
    connection.close();
  }
}

/** Undefined where the files do not lead to this schema. */
async function objectsFromFiles(
  before: StoredSchema,
  source: Source | undefined,
  signal: AbortSignal,
): Promise<Remembered | undefined> {
  if (before.version === null) return before.entries.length === 0 ? { objects: [], unknown: [] } : undefined;
  const index = source?.migrations.findIndex(migration => migration.version === before.version) ?? -1;
  const migrations = source?.migrations.slice(0, index + 1) ?? [];
  if (migrations.length === 0) return undefined;
  const directory = makeScratchDirectory();
  const open = () => openSqlite(join(directory.path, 'scratch.db'), { mode: 'Create', busyTimeoutMs: 0 });
  try {
    await applySqlite(
      { connect: open, by: 'scratch', signal, lockWaitMs: 0, log: () => {}, progress: () => {} },
      migrations,
      { from: null, losses: [] },
    );
    const scratch = open();
    try {
      const entries = readSqliteSnapshot(scratch);
      const isIt = compareSnapshots({ entries }, { entries: before.entries }).differences.length === 0;
      return isIt ? { objects: readSqliteObjects(scratch), unknown: [] } : undefined;
    } finally {
      scratch.close();
    }
  } catch (error) {
    if (error instanceof EngineError && !signal.aborted) return undefined;
    throw error;
  } finally {
    directory.release();
  }
}
