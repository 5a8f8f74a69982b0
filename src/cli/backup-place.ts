// The directory that a backup is to be made in: new, in a place that can be written. Proven before anything is read, for a
// dump of an hour must not end there. Called by both kinds' backups.
import { mkdtemp, readdir, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { exists, makeDirectory, PARTIAL } from '../backup/volume.ts';
import { UsageError } from './failure.ts';
import type { Terminal } from './terminal.ts';

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is a file, not a directory',
  EEXIST: 'a part of the path is a file, not a directory',
  ENOENT: 'this file system takes no new directories there',
};

/**
 * Makes the directories above it, and names what a killed backup of this name has left. Throws UsageError where it exists
 * already or cannot be made.
 */
export async function proveBackupPlace(directory: string, terminal: Terminal): Promise<void> {
  if (await exists(directory))
    throw new UsageError(`${directory} exists already. Name a directory that is not there yet.`);
  try {
    await makeDirectory(dirname(directory));
    await rmdir(await mkdtemp(`${directory}.`));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new UsageError(
      `The backup ${directory} cannot be made: ${REASONS[code] ?? code}. Name a directory in a place that can be written.`,
    );
  }
  for (const name of await readdir(dirname(directory))) {
    if (!name.startsWith(`${basename(directory)}${PARTIAL}`)) continue;
    const left = join(dirname(directory), name);
    terminal.say(
      terminal.noted(
        'warn',
        `note: ${left} is there: what a backup that was killed has left, or one that is at work. Delete it if none is.`,
      ),
    );
  }
}
