// The backup volume as a file system: prove it writable, write a file so that it survives a crash (temporary name, sync,
// rename, sync of the directory), digest what lies there. Knows nothing of databases.
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { failure } from '../engine/errors.ts';

/** What the name of a backup goes on with until it is whole. */
export const PARTIAL = '.partial';

export interface FileDigest {
  /** Path below the backup's directory, with slashes. */
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** Writes and deletes a file. Throws BackupVolumeNotWritable or BackupVolumeFull. */
export async function proveWritable(directory: string): Promise<void> {
  const path = join(directory, `.writable-${randomUUID()}`);
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile('written by the plan to prove that a backup can be\n');
      await file.sync();
    } finally {
      await file.close();
      await rm(path, { force: true });
    }
  } catch (error) {
    throw volumeFailure(error, directory);
  }
}

/** What a failed write says: full, or not writable. */
export function volumeFailure(error: unknown, directory: string) {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
  if (code === 'ENOSPC' || code === 'EDQUOT') return failure('BackupVolumeFull', { directory });
  const reasons: Readonly<Record<string, string>> = {
    EACCES: 'permission denied',
    EPERM: 'not permitted',
    EROFS: 'it is mounted read-only',
    ENOENT: 'it is not there',
    ENOTDIR: 'it is not a directory',
  };
  return failure('BackupVolumeNotWritable', { directory, reason: reasons[code] ?? code });
}

/** Bytes that may still be written, and bytes in all. */
export async function roomOf(directory: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }> {
  const { bsize, bavail, blocks } = await statfs(directory);
  return { freeBytes: bsize * bavail, totalBytes: bsize * blocks };
}

/** Writes a file under a temporary name, syncs it and gives it its name. */
export async function writeDurably(path: string, content: string): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await renameDurably(temporary, path);
}

export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncPath(dirname(to));
}

/** Where a directory is to be made in one rename: beside it, under a name that is nobody else's. Those above are there. */
export function makeDirectoryBeside(final: string): Promise<string> {
  return mkdtemp(`${final}${PARTIAL}-`);
}

/** Gives a directory its name, durably, if that is nobody's. Throws BadInput. */
export async function renameToNew(from: string, to: string): Promise<void> {
  const taken = failure('BadInput', {
    reason: `${to} is there by now, made by somebody else meanwhile; it was left as it is. Name a directory that is not there yet`,
  });
  // A rename takes the place of an empty directory; one with something in it refuses.
  if (await exists(to)) throw taken;
  try {
    await renameDurably(from, to);
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw taken;
    throw error;
  }
}

/**
 * Makes a directory and those above it, unless they are there. Not by a recursive mkdir of Node: where a file system answers
 * "not there" below a directory that is (/proc does), that tries again without end.
 */
export async function makeDirectory(path: string): Promise<void> {
  const above = dirname(path);
  if (above !== path && !(await exists(above))) await makeDirectory(above);
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (!(await stat(path).catch(() => undefined))?.isDirectory()) throw error;
  }
}

export async function removeDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some file systems do not sync directories; their rename is as durable as they can make it.
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
  } finally {
    await handle.close();
  }
}

/** Digests every file below a directory, in order of their paths; with `sync` each is written through first. */
export async function digestFiles(directory: string, durability: 'sync' | 'read'): Promise<readonly FileDigest[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .sort();
  const digests: FileDigest[] = [];
  for (const path of paths) {
    if (durability === 'sync') await syncPath(path);
    digests.push(Object.freeze({ path: relative(directory, path), ...(await digestFile(path)) }));
  }
  if (durability === 'sync') await syncPath(directory);
  return Object.freeze(digests);
}

async function digestFile(path: string): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const bytes = chunk as Buffer;
    hash.update(bytes);
    size += bytes.length;
  }
  return { size, sha256: hash.digest('hex') };
}
