// A directory that one running process has to itself: the lock is SQLite's, of a file in it, so that the kernel lets go of it
// however the process ends. What a killed one left there is deleted by the next holder: keep nothing in it that is nowhere
// else. A directory that somebody else made is never touched: ours is empty, or has the lock file from its first moment to
// its last. Called by restore.ts (one restore of a file at a time) and scratch.ts.
import { existsSync, lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openSqlite } from '../../database/sqlite.ts';
import { isBusy, RESULT, type SqliteConnection, SqliteFailure } from '../../engine/sqlite/connection.ts';
import { UsageError } from '../failure.ts';

const LOCK_FILE = 'lock';

export interface HeldDirectory {
  readonly path: string;
  /** Removes the directory with all that is in it. */
  release(): void;
}

/** `Held`: a directory that a process has, or had when it was killed. `Free`: nothing, or a directory with nothing in it. */
export function standingOf(path: string): 'Held' | 'Free' | 'Foreign' {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 'Free';
  if (!stat.isDirectory()) return 'Foreign';
  const names = namesIn(path);
  if (names.length === 0) return 'Free';
  if (!names.includes(LOCK_FILE)) return 'Foreign';
  // Nothing is ever written into the file of the lock; its holder may have removed it by now.
  const lock = lstatSync(join(path, LOCK_FILE), { throwIfNoEntry: false });
  return lock === undefined || (lock.isFile() && lock.size === 0) ? 'Held' : 'Foreign';
}

/** None where its holder has removed it meanwhile. */
function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  }
}

/**
 * Makes it, or takes over what a killed process left; undefined while another process has it. Throws UsageError where
 * something stands there that is no such directory.
 */
export function holdDirectory(path: string): HeldDirectory | undefined {
  for (;;) {
    makeOne(path);
    const lock = lockOf(path);
    if (lock === 'Taken') return undefined;
    // Between our opening and our lock the last holder may have removed the file.
    const again = lock === 'Gone' ? 'Gone' : lockOf(path);
    if (lock !== 'Gone' && again === 'Taken') {
      for (const name of readdirSync(path)) {
        if (!name.startsWith(LOCK_FILE)) rmSync(join(path, name), { recursive: true, force: true });
      }
      return { path, release: () => release(path, lock) };
    }
    for (const one of [lock, again]) if (typeof one !== 'string') one.close();
  }
}

/** The lock goes last, so that what a kill leaves is known for ours; the next holder may be there before the directory is gone. */
function release(path: string, lock: SqliteConnection): void {
  try {
    for (const name of [...namesIn(path)].sort(lockLast)) rmSync(join(path, name), { recursive: true, force: true });
    rmdirSync(path);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    lock.close();
  }
}

function lockLast(a: string, b: string): number {
  return Number(a === LOCK_FILE) - Number(b === LOCK_FILE);
}

function makeOne(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (standingOf(path) !== 'Foreign') return;
    throw new UsageError(
      `${path} is in the way: this command works in a directory of that name, and what is there was made by somebody else. Nothing was done. Move it away, or delete it if nobody wants it.`,
    );
  }
}

function lockOf(path: string): SqliteConnection | 'Taken' | 'Gone' {
  let lock: SqliteConnection | undefined;
  try {
    lock = openSqlite(join(path, LOCK_FILE), { mode: 'Create', busyTimeoutMs: 0 });
    lock.execute('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock?.close();
    if (isBusy(error)) return 'Taken';
    const isGone = error instanceof SqliteFailure && error.code === RESULT.cannotOpen && !existsSync(path);
    if (isGone) return 'Gone';
    throw error;
  }
}
