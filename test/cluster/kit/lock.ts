// One at a time across processes: a lock is a file that holds its owner's pid and
// start time. A lock whose owner has ended is taken over, so a killed build blocks
// nobody. Held only as long as the action runs.

import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, type ProcessId, thisProcess } from './processes.ts';

const pollMs = 300;

export async function withLock<T>(file: string, action: () => Promise<T>, onWait: () => void = () => {}): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  let hasSaid = false;
  while (!tryLock(file)) {
    if (!hasSaid) onWait();
    hasSaid = true;
    await sleep(pollMs);
  }
  try {
    return await action();
  } finally {
    rmSync(file, { force: true });
  }
}

/** Links a complete file into place, so that nobody ever reads half a lock. */
function tryLock(file: string): boolean {
  const mine = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  writeFileSync(mine, JSON.stringify(thisProcess()));
  try {
    linkSync(mine, file);
    return true;
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    removeIfStale(file, mine);
    return false;
  } finally {
    rmSync(mine, { force: true });
  }
}

/**
 * Two waiters may find the same stale lock. Each renames what it finds to a name of its own and looks at it again;
 * who got hold of a living one puts it back.
 */
function removeIfStale(file: string, mine: string): void {
  if (!isStale(file)) return;
  const taken = `${mine}.stale`;
  try {
    renameSync(file, taken);
    if (!isStale(taken)) linkSync(taken, file);
  } catch (error) {
    if (!isCode(error, 'ENOENT') && !isCode(error, 'EEXIST')) throw error;
  } finally {
    rmSync(taken, { force: true });
  }
}

function isStale(file: string): boolean {
  try {
    return !isAlive(JSON.parse(readFileSync(file, 'utf8')) as ProcessId);
  } catch {
    return false; // gone in the meantime
  }
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
