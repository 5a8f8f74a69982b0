// What SQLite says of the file itself, or of the disk, as errors of the catalogue: never of a statement. Looks at rights, writes
// nothing. Called by whoever opens, reads, migrates or copies a file.
import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { failure } from '../errors.ts';
import { thisUser } from '../user.ts';
import { isBusy, RESULT, SqliteFailure } from './connection.ts';
import { realPathOf } from './real-path.ts';

/** SQLite says that the file or the disk is at fault, or somebody else; not the statement. In memory there is none of these. */
export const isTrouble = (error: SqliteFailure) =>
  error.path !== ':memory:' &&
  ((
    [
      RESULT.full,
      RESULT.ioError,
      RESULT.corrupt,
      RESULT.readOnly,
      RESULT.cannotOpen,
      RESULT.notADatabase,
    ] as readonly number[]
  ).includes(error.code) ||
    isBusy(error));

/** Gives a place in the catalogue to what SQLite says of the file itself. */
export function foreseen(error: unknown): unknown {
  if (!(error instanceof SqliteFailure)) return error;
  const { code, path, message } = error;
  switch (code) {
    case RESULT.busy:
    case RESULT.locked:
      return failure('LockTimeout', { waited: 'the time given', blockers: [`another user of ${path}`], setting: null });
    case RESULT.corrupt:
      return failure('ServerInTrouble', {
        reason: `${path} is damaged (${message}). Restore a backup of it, or save what can still be read: sqlite3 ${path} .recover`,
      });
    case RESULT.readOnly:
      return failure('FileReadOnly', { path, reason: obstacleOf(path) ?? 'it is read-only' });
    case RESULT.cannotOpen: {
      const reason = obstacleOf(path);
      if (reason !== undefined) return failure('FileReadOnly', { path, reason });
      return failure('ServerInTrouble', { reason: `${path}: ${message}` });
    }
    case RESULT.ioError:
      return failure('ServerInTrouble', {
        reason: `${path} could not be read or written (${message}). Look at its disk, at quotas and at the limit of file sizes (ulimit -f); nothing of it was kept`,
      });
    case RESULT.full:
      return failure('ServerInTrouble', {
        reason: `the disk of ${path} is full. Make room and run it again; nothing of it was kept`,
      });
    default:
      return failure('ServerInTrouble', { reason: `${path}: ${message}` });
  }
}

/** Why a file cannot be written by us: SQLite needs to write it and to make its journal beside it. */
function obstacleOf(path: string): string | undefined {
  for (const [place, what] of [
    [path, 'the file'],
    [dirname(realPathOf(path)), 'its directory, where SQLite makes a journal,'],
  ] as const) {
    try {
      accessSync(place, constants.W_OK);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EROFS') return 'the file system is read-only';
      if (code === 'EACCES' || code === 'EPERM') return `${what} may not be written by ${thisUser()}`;
    }
  }
  return undefined;
}
