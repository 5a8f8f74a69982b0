// What a restore replaces, under a name of its own: FILE.replaced-<date>, never one that is taken. Each name is given by a
// link, which fails where there is a file, so that nothing is overwritten and the data is under one name at every moment.
// Called by restore.ts, which holds the lock of restores.
import { constants, copyFileSync, existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncPath } from '../../backup/volume.ts';

/** What belongs to the name of a SQLite file. */
const SIDECARS = ['-wal', '-shm', '-journal'] as const;
/** File systems without links, or without one between these two. */
const LINKLESS: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EMLINK'];

/** A second name for a file, durably; `Taken` where that name is somebody's. */
export async function giveName(from: string, to: string): Promise<'Given' | 'Taken'> {
  try {
    link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return 'Taken';
    throw error;
  }
  await syncPath(to);
  await syncPath(dirname(to));
  return 'Given';
}

function link(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (!LINKLESS.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    copyFileSync(from, to, constants.COPYFILE_EXCL);
  }
}

/** Gives a copy of what will be replaced its name, and answers that: with a number where the second was not enough. */
export async function keepCopy(copy: string, path: string): Promise<string> {
  for (const name of namesFor(path)) if ((await giveName(copy, name)) === 'Given') return name;
  throw new Error('the names have an end');
}

/**
 * Puts a file that SQLite cannot read, and what belongs to its name, under the name that is answered; the file itself keeps
 * its old name too, until that is given to another. Undefined where there was nothing.
 */
export async function putAside(path: string): Promise<{ readonly name: string; undo(): void } | undefined> {
  const there = ['', ...SIDECARS].filter(ending => existsSync(path + ending));
  if (there.length === 0) return undefined;
  for (const name of namesFor(path)) {
    if (SIDECARS.some(ending => existsSync(name + ending))) continue;
    if (there.includes('') && (await giveName(path, name)) === 'Taken') continue;
    const sidecars = there.filter(ending => ending !== '');
    for (const ending of sidecars) renameSync(path + ending, name + ending);
    await syncPath(dirname(path));
    const undo = () => {
      for (const ending of sidecars) renameSync(name + ending, path + ending);
      rmSync(name, { force: true });
    };
    return { name, undo };
  }
  throw new Error('the names have an end');
}

function* namesFor(path: string): Iterable<string> {
  const name = `${path}.replaced-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
  yield name;
  for (let number = 2; ; number += 1) yield `${name}-${number}`;
}
