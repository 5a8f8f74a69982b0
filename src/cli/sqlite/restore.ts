// Restores a backup over a SQLite file. The file is never renamed or removed while somebody may have it open: its -wal, -shm and
// -journal belong to its name, and who has it open would go on writing to what is gone. SQLite itself writes the pages, in one
// transaction of the file. The effects in their order, and what a crash after each leaves:
//  1 FILE.restoring made and locked: that directory, which the next restore clears; it holds copies alone
//  2 what is replaced copied into it; the backup copied into it, compared with the manifest, its audit carried on: the same
//  3 the copy of what is replaced synced and named FILE.replaced-<date>: the same, and that copy
//  4 pages written in one transaction: done, or, in its middle, rolled back by whoever opens the file next
//  5 FILE.restoring removed
// A file that SQLite cannot read, with which nobody can work, has no pages to be written, as one that is not there:
//  3 linked to its second name FILE.replaced-<date>: the file as it was, under two names
//  4 -wal, -shm and -journal renamed after it, or they would be taken for those of what comes: the same, all of it kept
//  5 the restored copy given the file's name in one rename: done
// What fails before the last effect takes the one before back, so that nothing is left that no message names.
import { existsSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { unnamed } from '../../backup/manifest.ts';
import { syncPath } from '../../backup/volume.ts';
import { openSqlite } from '../../database/sqlite.ts';
import { EngineError, failure } from '../../engine/errors.ts';
import { assertNotInterrupted } from '../../engine/pace.ts';
import { carrySqliteAudit } from '../../engine/sqlite/carried-audit.ts';
import { RESULT, type SqliteConnection, SqliteFailure } from '../../engine/sqlite/connection.ts';
import { type Patience, whenFree } from '../../engine/sqlite/lock.ts';
import type { RestoreSummary } from '../database.ts';
import { assertUnchanged } from '../stored-backup.ts';
import {
  ARCHIVED_FILE,
  inspectCopy,
  type JournalMode,
  readSqliteBackup,
  type SqliteManifest,
  setJournalMode,
} from './backup.ts';
import { isLikelyDatabase } from './file.ts';
import { holdDirectory } from './held-directory.ts';
import { giveName, keepCopy, putAside } from './kept.ts';

/** How often a writer may come between the copy and the change. */
const TRIES = 5;
const BEFORE = 'before anything was changed';

interface Restoring {
  readonly path: string;
  readonly by: string;
  readonly patience: Patience;
  /** The copy in the backup. */
  readonly archived: string;
  readonly manifest: SqliteManifest;
  /** Of the backup's manifest. */
  readonly digest: string;
  /** The copy that is made of it. */
  readonly fresh: string;
  /** The copy of what is there. */
  readonly kept: string;
}

/** Throws UsageError, RestoreFailed, FenceHeld, Interrupted and SqliteFailure; the file is as it was then. */
export async function restoreSqlite(
  place: string,
  { directory, shown }: { readonly directory: string; readonly shown: string },
  by: string,
  patience: Patience,
): Promise<RestoreSummary> {
  const backup = await readSqliteBackup(directory);
  assertUnchanged(directory, backup.digest, shown);
  const path = existsSync(place) ? realpathSync(place) : place;
  const beside = holdDirectory(`${path}.restoring`);
  if (beside === undefined) throw failure('FenceHeld', { waited: '0 s', holder: `another restore of ${path}` });
  const restoring: Restoring = {
    ...{ path, by, patience, ...backup },
    archived: join(directory, ARCHIVED_FILE),
    fresh: join(beside.path, 'restored.sqlite'),
    kept: join(beside.path, 'replaced.sqlite'),
  };
  try {
    const live = existsSync(path) ? await whenFree(patience, path, () => openReadable(path)) : undefined;
    try {
      return live === undefined ? await put(restoring) : await write(restoring, live);
    } finally {
      live?.close();
    }
  } finally {
    beside.release();
  }
}

/** Undefined where SQLite cannot read what is there. */
function openReadable(path: string): SqliteConnection | undefined {
  if (!isLikelyDatabase(path)) return undefined;
  let live: SqliteConnection | undefined;
  try {
    live = openSqlite(path, { mode: 'ReadOnly', busyTimeoutMs: 0 });
    live.query('SELECT count(*) FROM sqlite_schema');
    return live;
  } catch (error) {
    live?.close();
    const unreadable: readonly number[] = [RESULT.corrupt, RESULT.notADatabase];
    if (!(error instanceof SqliteFailure) || !unreadable.includes(error.code)) throw error;
    return undefined;
  }
}

/** Over a file that somebody may have open. */
async function write(restoring: Restoring, live: SqliteConnection): Promise<RestoreSummary> {
  const { path, kept, patience } = restoring;
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const before = await whenFree(patience, path, () => stateOf(live));
    rmSync(kept, { force: true });
    await whenFree(patience, path, () => live.copyTo(kept, patience.signal));
    const { version } = await prepare(restoring, kept);
    const replaced = await keepCopy(kept, path);
    if ((await writePages(restoring, live, before, replaced)) === 'Written') {
      return { version, replaced, remedy: 'Delete it when nobody wants it back.' };
    }
    rmSync(replaced);
  }
  throw failure('FenceHeld', { waited: `${TRIES} tries`, holder: `a writer of ${path}` });
}

/** Changes when somebody else has written: https://www.sqlite.org/pragma.html#pragma_data_version */
function stateOf(live: SqliteConnection): unknown {
  return live.query('PRAGMA data_version')[0]?.data_version;
}

async function writePages(
  { path, fresh, patience }: Restoring,
  live: SqliteConnection,
  before: unknown,
  replaced: string,
): Promise<'Written' | 'Overtaken'> {
  const source = openSqlite(fresh, { mode: 'ReadOnly', busyTimeoutMs: 0 });
  try {
    return await whenFree(patience, path, async () => {
      if (stateOf(live) !== before) return 'Overtaken';
      await source.copyTo(path, patience.signal);
      return 'Written';
    });
  } catch (error) {
    // SQLite has rolled back. Where the disk itself may be at fault, a second copy is worth its room.
    const sound: readonly number[] = [RESULT.full, RESULT.readOnly, RESULT.cannotOpen];
    const isSound = error instanceof EngineError || (error instanceof SqliteFailure && sound.includes(error.code));
    if (!isSound) {
      const reason = `${error instanceof Error ? error.message : error}; a copy of what ${path} held is kept as ${replaced}`;
      throw failure('RestoreFailed', { reason }, {}, { cause: error });
    }
    rmSync(replaced);
    throw error;
  } finally {
    source.close();
  }
}

/** Where there is no file, or one that nobody can read. */
async function put(restoring: Restoring): Promise<RestoreSummary> {
  const { path, fresh } = restoring;
  const { version, journalMode } = await prepare(restoring, undefined);
  if (journalMode === 'wal') setJournalMode(fresh, 'wal');
  await syncPath(fresh);
  const wasThere = existsSync(path);
  const aside = await putAside(path);
  try {
    if (wasThere) renameSync(fresh, path);
    else if ((await giveName(fresh, path)) === 'Taken') {
      throw failure('RestoreFailed', { reason: `${path} was made by somebody else meanwhile` });
    }
  } catch (error) {
    aside?.undo();
    throw error;
  }
  await syncPath(dirname(path));
  if (aside === undefined) return { version, replaced: null, remedy: null };
  return { version, replaced: aside.name, remedy: 'Delete it when nobody wants it back.' };
}

interface Prepared {
  /** Null: no ledger. */
  readonly version: string | null;
  /** Of the file that was backed up. SQLite leaves one that is there in the mode that it has. */
  readonly journalMode: JournalMode;
}

/** The copy that takes the place: checked, with its audit carried on. The last look at the signal before a change. */
async function prepare(restoring: Restoring, kept: string | undefined): Promise<Prepared> {
  const { archived, fresh, manifest, digest, by, patience } = restoring;
  rmSync(fresh, { force: true });
  const source = openSqlite(archived, { mode: 'Immutable', busyTimeoutMs: 0 });
  try {
    await source.copyTo(fresh, patience.signal);
  } finally {
    source.close();
  }
  const archivedMode = setJournalMode(fresh, 'delete');
  assertAsBackedUp(fresh, manifest);
  const version = carry(fresh, kept, by, { backup: digest, madeAt: manifest.completedAt });
  // A signal is heard only when the loop of events gets its turn.
  await new Promise(resolve => setImmediate(resolve));
  assertNotInterrupted(patience.signal, BEFORE);
  return { version, journalMode: manifest.database.journalMode ?? archivedMode };
}

function assertAsBackedUp(path: string, manifest: Pick<SqliteManifest, 'tables'>): void {
  const { tables } = inspectCopy(path);
  const found = new Map(tables.map(({ name, rows }) => [name, rows]));
  const named = new Set(manifest.tables.map(({ name }) => name));
  for (const { name } of tables) {
    if (!named.has(name)) throw failure('RestoreFailed', { reason: unnamed([name]) });
  }
  for (const { name, rows } of manifest.tables) {
    if (found.get(name) === rows) continue;
    const reason = `of ${name} ${found.get(name) ?? 'no'} rows came back, the manifest has ${rows}`;
    throw failure('RestoreFailed', { reason });
  }
}

function carry(fresh: string, replaced: string | undefined, by: string, detail: object): string | null {
  const into = openSqlite(fresh, { mode: 'Existing', busyTimeoutMs: 0 });
  const from = replaced === undefined ? undefined : openSqlite(replaced, { mode: 'ReadOnly', busyTimeoutMs: 0 });
  try {
    return carrySqliteAudit(into, from, by, { ...detail });
  } finally {
    from?.close();
    into.close();
  }
}
