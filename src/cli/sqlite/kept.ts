// What a restore replaces, under a name of its own: FILE.replaced-<date>, never one that is taken. Each name is given by a
// link, which fails where there is a file, so that nothing is overwritten and the data is under one name at every moment.
// Called by restore.ts, which holds the lock of restores.
import { createReadStream, createWriteStream, existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { syncPath } from '../../backup/volume.ts';
import { makeEmpty, takeRights } from './file-rights.ts';

/** What belongs to the name of a SQLite file, first what holds pages. */
const SIDECARS = ['-wal', '-journal', '-shm'] as const;
/** File systems without links, or without one between these two; and a file of somebody else, where the kernel protects those. */
const LINKLESS: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EMLINK'];

/** A second name for a file, durably; `Taken` where that name is somebody's. */
export async function giveName(from: string, to: string): Promise<'Given' | 'Taken'> {
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return 'Taken';
    throw error;
  }
  try {
    await syncPath(to);
    await syncPath(dirname(to));
  } catch (error) {
    rmSync(to);
    throw error;
  }
  return 'Given';
}

async function link(from: string, to: string): Promise<void> {
  try {
    linkSync(from, to);
  } catch (error) {
    if (!LINKLESS.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await copy(from, to);
  }
}

/** Not by Node's copyFile, which gives it the mode before it has the owner and the group that the mode is meant for. */
async function copy(from: string, to: string): Promise<void> {
  makeEmpty(to);
  try {
    await pipeline(createReadStream(from), createWriteStream(to, { flags: 'r+' }));
    takeRights(from, to);
  } catch (error) {
    rmSync(to);
    throw error;
  }
}

/** Gives a copy of what will be replaced its name, and answers that: with a number where the second was not enough. */
export async function keepCopy(copy: string, path: string): Promise<string> {
  for (const name of namesFor(path)) if ((await giveName(copy, name)) === 'Given') return name;
  throw new Error('the names have an end');
}

/**
 * Puts a file that SQLite cannot read, and what belongs to its name, under the name that is answered; the file itself keeps
 * its old name too, until that is given to another. Where only something that belongs to its name is left, the answer names
 * that. Undefined where there was nothing; what fails midway is taken back.
 */
export async function putAside(path: string): Promise<{ readonly name: string; undo(): void } | undefined> {
  const there = ['', ...SIDECARS].filter(ending => existsSync(path + ending));
  const [first] = there;
  if (first === undefined) return undefined;
  const sidecars = there.filter(ending => ending !== '');
  for (const name of namesFor(path)) {
    if (SIDECARS.some(ending => existsSync(name + ending))) continue;
    if (first === '' ? (await giveName(path, name)) === 'Taken' : existsSync(name)) continue;
    const moved: string[] = [];
    const undo = () => {
      for (const ending of moved) renameSync(name + ending, path + ending);
      if (first === '') rmSync(name, { force: true });
    };
    try {
      for (const ending of sidecars) {
        renameSync(path + ending, name + ending);
        moved.push(ending);
      }
      await syncPath(dirname(path));
    } catch (error) {
      undo();
      throw error;
    }
    return { name: name + first, undo };
  }
  throw new Error('the names have an end');
}

function* namesFor(path: string): Iterable<string> {
  const name = `${path}.replaced-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
  yield name;
  for (let number = 2; ; number += 1) yield `${name}-${number}`;
}
