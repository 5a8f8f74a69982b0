// Connections to a SQLite file, each opened for one thing that is asked: who waits for whom and how long, and what is said when
// the file cannot be opened. Reading never makes a file. Called by database.ts.
import { hostname } from 'node:os';
import { openSqlite, type SqliteOptions } from '../../database/sqlite.ts';
import { assertNotInterrupted } from '../../engine/pace.ts';
import { isBusy, type SqliteConnection } from '../../engine/sqlite/connection.ts';
import { type Patience, whenFree } from '../../engine/sqlite/lock.ts';
import { foreseen } from '../../engine/sqlite/trouble.ts';
import { userLabel } from '../../engine/user.ts';
import type { Surroundings } from '../database.ts';
import { UsageError } from '../failure.ts';
import { type FilePlace, lookAtFile, openingMistake } from './file.ts';

const LOCK_WAIT_MS = 30_000;
const STATEMENT_WAIT_MS = 5_000;

export class SqliteSessions {
  readonly file: FilePlace;
  readonly #surroundings: Surroundings;

  constructor(file: FilePlace, surroundings: Surroundings) {
    this.file = file;
    this.#surroundings = surroundings;
  }

  open(mode: SqliteOptions['mode'] = 'Create', busyTimeoutMs = STATEMENT_WAIT_MS): SqliteConnection {
    lookAtFile(this.file);
    try {
      return openSqlite(this.file.path, { mode, busyTimeoutMs });
    } catch (error) {
      // Somebody else's lock is for whoever waits for it.
      throw isBusy(error) ? error : this.told(error, mode === 'ReadOnly' ? 'Reading' : 'Writing');
    }
  }

  /** What went wrong with the file, in words. */
  told(error: unknown, doing: 'Reading' | 'Writing'): unknown {
    return openingMistake(error, doing, this.file) ?? foreseen(error);
  }

  /** For the ledger. */
  get by(): string {
    return `${userLabel()}@${hostname()}`;
  }

  patience(lockWaitMs = LOCK_WAIT_MS): Patience {
    const { terminal, signal } = this.#surroundings;
    return { signal, lockWaitMs, log: line => terminal.say(terminal.noted('dim', `  ${line}`)) };
  }

  /** Waits for whoever writes; where there is no file yet, answers what an empty one would. */
  async read<T>(whenMissing: T, read: (connection: SqliteConnection) => T | Promise<T>, waitMs?: number): Promise<T> {
    if (lookAtFile(this.file) === 'NotYet') return whenMissing;
    // A signal is heard only when the loop of events gets its turn.
    await new Promise(resolve => setImmediate(resolve));
    assertNotInterrupted(this.#surroundings.signal, 'before the database was read');
    try {
      return await whenFree(this.patience(waitMs), this.file.path, async () => {
        const connection = this.open('ReadOnly', 0);
        try {
          return await read(connection);
        } finally {
          connection.close();
        }
      });
    } catch (error) {
      throw this.told(error, 'Reading');
    }
  }

  /** Of a file that must be there: a mistyped path is no empty database. */
  async reading<T>(read: (connection: SqliteConnection) => T | Promise<T>): Promise<T> {
    this.assertThere();
    return this.read<T>(undefined as never, read);
  }

  assertThere(): void {
    if (lookAtFile(this.file) === 'There') return;
    throw new UsageError(
      `${this.file.place} is not there. Make it with migrate upgrade, or correct ${this.file.urlVariable}.`,
    );
  }
}
