// Makes a folder for what a command writes, and those above it. One by one, because Node's recursive mkdir tries again
// without end where a file system answers "not there" below a folder that is, as /proc does. Called by create and erd.
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from './failure.ts';

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
