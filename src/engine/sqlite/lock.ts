// The write lock of a SQLite file: taken by trying and polling, so that a signal is heard, and let go by COMMIT. Also what
// SQLite says of the file itself, as errors of the catalogue. Called by migrate.ts.
import { failure } from '../errors.ts';
import { jittered, seconds, sleep, wordOfWaiting } from '../pace.ts';
import { isBusy, RESULT, type SqliteConnection, SqliteFailure } from './connection.ts';

export interface Patience {
  readonly signal: AbortSignal | undefined;
  /** How long another writer is waited for. */
  readonly lockWaitMs: number;
  /** Told what is waited for, when that takes long. */
  readonly log: (line: string) => void;
}

const POLL_MS = 50;

/** Takes SQLite's write lock by trying and polling, so that a signal is heard. Throws FenceHeld. */
export async function beginImmediate(patience: Patience, connection: SqliteConnection): Promise<void> {
  const deadline = Date.now() + patience.lockWaitMs;
  const said = wordOfWaiting(
    patience.log,
    () => `a writer of ${connection.path}, up to ${seconds(patience.lockWaitMs)}`,
  );
  for (;;) {
    try {
      connection.execute('BEGIN IMMEDIATE');
      return;
    } catch (error) {
      if (!isBusy(error)) throw foreseen(error, connection.path);
      if (Date.now() >= deadline) {
        throw failure('FenceHeld', { waited: seconds(patience.lockWaitMs), holder: `a writer of ${connection.path}` });
      }
    }
    await said();
    await sleep(jittered(POLL_MS), patience.signal, 'while waiting for the write lock');
  }
}

/** Readers may hold a COMMIT back for a while; the transaction stays open until it is had. */
export async function commit(patience: Patience, connection: SqliteConnection): Promise<void> {
  const deadline = Date.now() + patience.lockWaitMs;
  const said = wordOfWaiting(
    patience.log,
    () => `a reader of ${connection.path}, up to ${seconds(patience.lockWaitMs)}`,
  );
  for (;;) {
    try {
      connection.execute('COMMIT');
      return;
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (Date.now() >= deadline) {
        throw failure('LockTimeout', {
          waited: seconds(patience.lockWaitMs),
          blockers: [`a reader of ${connection.path}`],
        });
      }
    }
    await said();
    await sleep(jittered(POLL_MS), patience.signal, 'while waiting to commit');
  }
}

/** SQLite says that the file or the disk is at fault, or somebody else; not the statement. */
export const isTrouble = (error: SqliteFailure) =>
  (
    [
      RESULT.full,
      RESULT.ioError,
      RESULT.corrupt,
      RESULT.readOnly,
      RESULT.cannotOpen,
      RESULT.notADatabase,
    ] as readonly number[]
  ).includes(error.code) || isBusy(error);

/** Gives a place in the catalogue to what SQLite says of the file itself. */
export function foreseen(error: unknown, path: string): unknown {
  if (!(error instanceof SqliteFailure)) return error;
  switch (error.code) {
    case RESULT.busy:
    case RESULT.locked:
      return failure('LockTimeout', { waited: 'the time given', blockers: [`another user of ${path}`] });
    case RESULT.notADatabase:
    case RESULT.corrupt:
      return failure('ServerInTrouble', { reason: `${path}: ${error.message}` });
    case RESULT.readOnly:
      return failure('ServerReadOnly', { host: path, reason: 'the file or its directory is read-only' });
    case RESULT.full:
      return failure('ServerInTrouble', {
        reason: `the disk of ${path} is full. Make room and run it again; nothing of it was kept`,
      });
    default:
      return failure('ServerInTrouble', { reason: `${path}: ${error.message}` });
  }
}
