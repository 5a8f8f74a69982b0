// What the path of a SQLite URL leads to, looked at before SQLite opens it: SQLite's own words for a directory, a text file
// and a folder that is not there are nearly the same. Reads twenty bytes, makes nothing. Called by database.ts and restore.ts.
import { closeSync, lstatSync, openSync, readlinkSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { hasJournal } from '../../database/sqlite.ts';
import { RESULT, SqliteFailure } from '../../engine/sqlite/connection.ts';
import { realPathOf } from '../../engine/sqlite/real-path.ts';
import { thisUser } from '../../engine/user.ts';
import { UsageError } from '../failure.ts';

/** https://www.sqlite.org/fileformat.html#magic_header_string */
const HEAD = 'SQLite format 3\0';
/** https://www.sqlite.org/fileformat.html#file_format_version_numbers */
const READ_VERSION = { at: 19, wal: 2 } as const;
/** Of a hot journal: https://www.sqlite.org/rescode.html#readonly_rollback, and #ioerr_delete where it cannot be removed. */
const HOT_JOURNAL: readonly number[] = [776, 2570];

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
  const obstacle = doing === 'Reading' ? readingObstacle(error, file) : undefined;
  if (obstacle !== undefined) return new UsageError(obstacle);
  if (error.code !== RESULT.cannotOpen) return undefined;
  return new UsageError(`${file.place} cannot be opened or made. May you write there? Or correct ${file.urlVariable}.`);
}

/** Why SQLite would have to write before it can read, where it may not. */
function readingObstacle({ code, extendedCode }: SqliteFailure, { path, place }: FilePlace): string | undefined {
  const isHot = HOT_JOURNAL.includes(extendedCode);
  if (!isHot && code !== RESULT.readOnly && code !== RESULT.cannotOpen) return undefined;
  const isInWalMode = headOf(path)[READ_VERSION.at] === READ_VERSION.wal;
  // Where the file may be written and its journal may not, SQLite cannot open that.
  if (isHot || (!isInWalMode && code === RESULT.cannotOpen && hasJournal(path))) {
    return `${place} was left half written by a process that was killed. Before it can be read that must be rolled back, and you may not write there. Run any command as somebody who may.`;
  }
  if (!isInWalMode) return undefined;
  const real = realPathOf(path);
  const name = basename(real);
  return `${place} is in WAL mode: SQLite reads it only with ${name}-wal and ${name}-shm beside it, which in ${dirname(real)} may not be opened or made by ${thisUser()}. Run the command as somebody who may, or, while nobody has the file open, let its owner run PRAGMA journal_mode = DELETE on it.`;
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
  return head.length === 0 || head.toString('latin1').startsWith(HEAD) || hasJournal(path);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function headOf(path: string): Buffer {
  const descriptor = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(READ_VERSION.at + 1);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(descriptor);
  }
}
