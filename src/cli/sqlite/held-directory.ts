// A directory that one running process has to itself: the lock is SQLite's, of a file in it, so that the kernel lets go of it
// however the process ends. What a killed one left there is deleted by the next holder: keep nothing in it that is nowhere
// else. Called by restore.ts (one restore of a file at a time) and scratch.ts.
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openSqlite } from '../../database/sqlite.ts';
import { isBusy, RESULT, type SqliteConnection, SqliteFailure } from '../../engine/sqlite/connection.ts';

/** Its being there tells that the directory is one of these. */
export const LOCK_FILE = 'lock';

export interface HeldDirectory {
  readonly path: string;
  /** Removes the directory with all that is in it. */
  release(): void;
}

/** Makes it, or takes over what a killed process left; undefined while another process has it. */
export function holdDirectory(path: string): HeldDirectory | undefined {
  for (;;) {
    makeOne(path);
    const lock = lockOf(path);
    if (lock === 'Taken') return undefined;
    // Between our opening and our lock the last holder may have removed the file.
    if (lock !== 'Gone' && lockOf(path) === 'Taken') {
      for (const name of readdirSync(path)) {
        if (!name.startsWith(LOCK_FILE)) rmSync(join(path, name), { recursive: true, force: true });
      }
      return { path, release: () => release(path, lock) };
    }
    if (lock !== 'Gone') lock.close();
  }
}

function release(path: string, lock: SqliteConnection): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } finally {
    lock.close();
  }
}

function makeOne(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
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
