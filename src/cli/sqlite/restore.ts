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
// Both copies are for their maker alone in that directory, and have the rights of what is there before they get a name outside it.
// What fails before the last effect takes the one before back, so that nothing is left that no message names.
import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { syncPath } from '../../backup/volume.ts';
import { openSqlite } from '../../database/sqlite.ts';
import { EngineError, failure } from '../../engine/errors.ts';
import { RESULT, type SqliteConnection, SqliteFailure } from '../../engine/sqlite/connection.ts';
import { type Patience, whenFree } from '../../engine/sqlite/lock.ts';
import { thisUser } from '../../engine/user.ts';
import type { RestoreSummary } from '../database.ts';
import { assertUnchanged } from '../stored-backup.ts';
import type { Terminal } from '../terminal.ts';
import { ARCHIVED_FILE, readSqliteBackup, setJournalMode } from './backup.ts';
import { type FilePlace, isLikelyDatabase, restoredPlace } from './file.ts';
import { type FileRights, makeEmpty, takeRights } from './file-rights.ts';
import { holdDirectory } from './held-directory.ts';
import { giveName, keepCopy, putAside } from './kept.ts';
import { type Preparing, prepareCopy } from './restored-copy.ts';

/** How often a writer may come between the copy and the change. */
const TRIES = 5;

interface Restoring extends Preparing {
  readonly path: string;
  /** The copy of what is there. */
  readonly kept: string;
  readonly terminal: Terminal;
}

/** Who restores, how long that one waits, and where that is said. */
export interface Restorer {
  readonly by: string;
  readonly patience: Patience;
  readonly terminal: Terminal;
}

/** Throws UsageError, RestoreRefused, RestoreFailed, FenceHeld, Interrupted and SqliteFailure; the file is as it was then. */
export async function restoreSqlite(
  file: FilePlace,
  { directory, shown }: { readonly directory: string; readonly shown: string },
  restorer: Restorer,
): Promise<RestoreSummary> {
  const backup = await readSqliteBackup(directory);
  assertUnchanged(directory, backup.digest, shown);
  const path = restoredPlace(file);
  const beside = holdDirectory(`${path}.restoring`);
  if (beside === undefined) throw failure('FenceHeld', { waited: '0 s', holder: `another restore of ${path}` });
  const restoring: Restoring = {
    ...{ path, ...restorer, ...backup },
    archived: join(directory, ARCHIVED_FILE),
    fresh: join(beside.path, 'restored.sqlite'),
    kept: join(beside.path, 'replaced.sqlite'),
  };
  try {
    const live = existsSync(path) ? await whenFree(restorer.patience, path, () => openReadable(path)) : undefined;
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
    makeEmpty(kept);
    await whenFree(patience, path, () => live.copyTo(kept, patience.signal));
    const { version, unread } = await prepareCopy(restoring, { path: kept });
    await whenFree(patience, path, () => assertPagesFit(restoring, live));
    takeRights(path, kept);
    const replaced = await keepCopy(kept, path);
    if ((await writePages(restoring, live, before, replaced)) === 'Written') {
      sayUnread(restoring, replaced, unread);
      return { version, replaced, remedy: 'Delete it when nobody wants it back.' };
    }
    rmSync(replaced);
  }
  throw failure('FenceHeld', { waited: `${TRIES} tries`, holder: `a writer of ${path}` });
}

/** Throws RestoreRefused where SQLite would write none of the pages: https://www.sqlite.org/c3ref/backup_finish.html#sqlite3backupstep */
function assertPagesFit({ path, fresh }: Restoring, live: SqliteConnection): void {
  if (live.query('PRAGMA journal_mode')[0]?.journal_mode !== 'wal') return;
  const source = openSqlite(fresh, { mode: 'ReadOnly', busyTimeoutMs: 0 });
  try {
    const [there, wanted] = [live, source].map(one => one.query('PRAGMA page_size')[0]?.page_size);
    if (there === wanted) return;
    const reason = `it is in WAL mode with pages of ${there} bytes, the backup has pages of ${wanted}, and SQLite changes that in no file in WAL mode; run PRAGMA journal_mode = DELETE on it before, and PRAGMA journal_mode = WAL afterwards`;
    throw failure('RestoreRefused', { database: path, reasons: [reason] });
  } finally {
    source.close();
  }
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
    const overwrite = async () => {
      if (stateOf(live) !== before) return 'Overtaken';
      await source.copyTo(path, patience.signal);
      return 'Written';
    };
    return await whenFree(patience, path, overwrite, 'a reader or writer');
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
  const wasThere = existsSync(path);
  const { version, journalMode, unread } = await prepareCopy(restoring, wasThere ? 'Unreadable' : 'Nothing');
  if (journalMode === 'wal') setJournalMode(fresh, 'wal');
  const missed = wasThere ? takeRights(path, fresh) : undefined;
  await syncPath(fresh);
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
  if (missed !== undefined) sayRights(restoring, missed);
  if (aside === undefined) return { version, replaced: null, remedy: null };
  sayUnread(restoring, aside.name, unread);
  return { version, replaced: aside.name, remedy: 'Delete it when nobody wants it back.' };
}

function sayRights({ terminal, path }: Restoring, { owner, mode }: FileRights): void {
  const note = `note: ${path} has not the owner and the group of the file that it replaces: ${thisUser()} may not give it these. For who needs them, let root run on it: chown ${owner}, then chmod ${mode}.`;
  terminal.say(terminal.noted('warn', note));
}

function sayUnread({ terminal }: Restoring, replaced: string, unread: string | undefined): void {
  if (unread === undefined) return;
  const note = `note: the audit of what was replaced cannot be read (${unread}). It is not carried on; what there is of it is in ${replaced}.`;
  terminal.say(terminal.noted('warn', note));
}
