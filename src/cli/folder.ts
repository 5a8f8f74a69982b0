// Files and folders that a person has named: read and made so that what fails is told with its path. Folders are made one
// by one, because Node's recursive mkdir tries again without end where a file system answers "not there" below a folder
// that is, as /proc does.
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from './failure.ts';

/** Node's own errors name no path for what fails after the opening: a directory, a full disk. */
export function readText(path: string): string {
  return namingPath(path, () => readFileSync(path, 'utf8'));
}

export function writeText(path: string, text: string): void {
  namingPath(path, () => writeFileSync(path, text));
}

function namingPath<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw Object.assign(error as Error, { path });
  }
}

/** Nothing happens where it is there already. Throws UsageError where it cannot be made. */
export function makeFolder(path: string): void {
  if (isFolder(path)) return;
  const above = dirname(path);
  if (above !== path) makeFolder(above);
  try {
    mkdirSync(path);
  } catch (error) {
    if (isFolder(path)) return;
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`The folder ${path} cannot be made (${code}). Name one in a place that can be written.`);
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
