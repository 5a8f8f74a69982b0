// The locks of a SQLite file: had by trying and polling, so that a signal is heard; the write lock is let go by COMMIT. Called
// by migrate.ts, and by the command line for whatever it reads or copies.
import { type EngineError, failure } from '../errors.ts';
import { jittered, seconds, sleep, wordOfWaiting } from '../pace.ts';
import { isBusy, type SqliteConnection } from './connection.ts';
import { foreseen } from './trouble.ts';

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
  try {
    await whenFree(patience, connection.path, () => connection.execute('BEGIN IMMEDIATE'));
  } catch (error) {
    throw foreseen(error);
  }
}

/** Does what somebody else's lock stands in the way of, again and again until that one is done. Throws FenceHeld. */
export function whenFree<T>(
  patience: Patience,
  path: string,
  act: () => T | Promise<T>,
  who: 'a writer' | 'a reader or writer' = 'a writer',
): Promise<T> {
  const holder = `${who} of ${path}`;
  return polled(patience, act, {
    holder,
    during: 'while waiting for the file',
    late: waited => failure('FenceHeld', { waited, holder }),
  });
}

/** Readers may hold a COMMIT back for a while; the transaction stays open until it is had. */
export function commit(patience: Patience, connection: SqliteConnection): Promise<void> {
  const holder = `a reader of ${connection.path}`;
  return polled(patience, () => connection.execute('COMMIT'), {
    holder,
    during: 'while waiting to commit',
    late: waited => failure('LockTimeout', { waited, blockers: [holder], setting: null }),
  });
}

interface Wait {
  readonly holder: string;
  readonly during: string;
  /** What is thrown when it was in vain. */
  readonly late: (waited: string) => EngineError;
}

async function polled<T>(patience: Patience, act: () => T | Promise<T>, { holder, during, late }: Wait): Promise<T> {
  const deadline = Date.now() + patience.lockWaitMs;
  const said = wordOfWaiting(patience.log, () => `${holder}, up to ${seconds(patience.lockWaitMs)}`);
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (Date.now() >= deadline) throw late(seconds(patience.lockWaitMs));
    }
    await said();
    await sleep(jittered(POLL_MS), patience.signal, during);
  }
}
