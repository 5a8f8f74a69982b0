// What the path of a SQLite URL leads to, looked at before SQLite opens it: SQLite's own words for a directory, a text file
// and a folder that is not there are nearly the same. Reads sixteen bytes, makes nothing. Called by database.ts and restore.ts.
import { closeSync, existsSync, lstatSync, openSync, readlinkSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { RESULT, SqliteFailure } from '../../engine/sqlite/connection.ts';
import { UsageError } from '../failure.ts';

/** https://www.sqlite.org/fileformat.html#magic_header_string */
const HEAD = 'SQLite format 3\0';

export interface FilePlace {
  readonly path: string;
  /** The path as messages show it. */
  readonly place: string;
  readonly urlVariable: string;
}

/** Whether the file is there. Throws UsageError for what can be no database, and where none could be made. */
export function lookAtFile(file: FilePlace): 'There' | 'NotYet' {
  const found = assertFilePlace(file);
  if (found === 'SomethingElse') throw noDatabase(file);
  return found;
}

/**
 * The path that a restore gives to its file: what a link leads to, be that there or not. A file of something else may be in
 * its place, for it is put aside. Throws UsageError for all else that is no database.
 */
export function restoredPlace(file: FilePlace): string {
  if (assertFilePlace(file) !== 'NotYet') return realpathSync(file.path);
  const link = lstatSync(file.path, { throwIfNoEntry: false });
  if (link?.isSymbolicLink() !== true) return file.path;
  const path = resolve(realpathSync(dirname(file.path)), readlinkSync(file.path));
  return restoredPlace({ ...file, path, place: path });
}

/** Where the file of a restore is part of the backup, that would be lost to what it restores. Throws UsageError. */
export function assertNotWithin(directory: string, file: FilePlace): void {
  const path = restoredPlace(file);
  const within = relative(realpathSync(directory), join(realpathSync(dirname(path)), basename(path)));
  if (within === '..' || within.startsWith(`..${sep}`) || isAbsolute(within)) return;
  throw new UsageError(
    `${file.place} is in the backup ${directory} itself, which the restore would overwrite. Correct ${file.urlVariable}.`,
  );
}

/** `SomethingElse`: a file, and no database. */
function assertFilePlace(file: FilePlace): 'There' | 'NotYet' | 'SomethingElse' {
  const correct = `Correct ${file.urlVariable}`;
  switch (kindOf(file.path)) {
    case 'Missing':
      return 'NotYet';
    case 'Database':
      return 'There';
    case 'Directory':
      throw new UsageError(`${file.place} is a directory. ${correct}: it names a file.`);
    case 'NoDirectory':
      throw new UsageError(
        `${file.place} cannot be made: its directory is not there. Make it, or correct ${file.urlVariable}.`,
      );
    case 'BelowFile':
      throw new UsageError(
        `${file.place} cannot be made: ${dirname(file.place)} is a file, not a directory. ${correct}.`,
      );
    case 'Unreadable':
      throw new UsageError(
        `${file.place} cannot be read: permission denied. Ask its owner, or correct ${file.urlVariable}.`,
      );
    case 'Loop':
      throw new UsageError(`${file.place} is a link that leads to itself. ${correct}.`);
    case 'NoFile':
      throw new UsageError(`${file.place} is a pipe, a socket or a device. ${correct}: it names a file.`);
    case 'SomethingElse':
      return 'SomethingElse';
  }
}

/** What SQLite could not open for want of a right, or for what it is, in words; undefined: something else. */
export function openingMistake(error: unknown, doing: 'Reading' | 'Writing', file: FilePlace): UsageError | undefined {
  if (!(error instanceof SqliteFailure) || error.path !== file.path) return undefined;
  if (error.code === RESULT.notADatabase) return noDatabase(file);
  if (error.code === RESULT.cannotOpen) {
    return new UsageError(
      `${file.place} cannot be opened or made. May you write there? Or correct ${file.urlVariable}.`,
    );
  }
  if (doing !== 'Reading' || error.code !== RESULT.readOnly) return undefined;
  return new UsageError(
    `${file.place} was left half written by a process that was killed. Before it can be read that must be rolled back, and you may not write there. Run any command as somebody who may.`,
  );
}

function noDatabase({ place, urlVariable }: FilePlace): UsageError {
  return new UsageError(
    `${place} is no SQLite database: it does not begin as one (it may be encrypted). Nothing was written. Correct ${urlVariable}.`,
  );
}

function kindOf(path: string) {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return 'Directory';
    // Of a pipe there may be no end.
    if (!stat.isFile()) return 'NoFile';
    return isLikelyDatabase(path) ? 'Database' : 'SomethingElse';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') return 'Unreadable';
    if (code === 'ENOTDIR') return 'BelowFile';
    if (code === 'ELOOP') return 'Loop';
    if (code !== 'ENOENT') throw error;
    return isDirectory(dirname(path)) ? 'Missing' : 'NoDirectory';
  }
}

/**
 * Whether SQLite is to judge a regular file. An empty one is an empty database, and one whose first transaction is not over has no
 * head yet. Of another SQLite would delete the -wal, which may be the last copy of something.
 */
export function isLikelyDatabase(path: string): boolean {
  const head = headOf(path);
  return head === '' || head === HEAD || existsSync(`${path}-journal`);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function headOf(path: string): string {
  const descriptor = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(HEAD.length);
    return bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(descriptor);
  }
}
