// The connection of a run on a SQLite file, which knows whether anybody else has written since the run's own last COMMIT: what was
// looked at then need not be looked at again, and what the run itself has made is not taken for somebody else's doing.
// By PRAGMA data_version, which changes with the commits of other connections alone: https://sqlite.org/pragma.html#pragma_data_version
// Called by migrate.ts.
import { isBusy, type SqliteConnect, type SqliteConnection } from './connection.ts';
import { commit, type Patience } from './lock.ts';

export class SoleWriter {
  readonly #connect: SqliteConnect;
  #connection: SqliteConnection;
  /** Of the file at our last COMMIT, as this connection counts. */
  #seen: number | undefined;
  #standing: 'Unseen' | 'Alone' | 'Joined' = 'Unseen';

  constructor(connect: SqliteConnect) {
    this.#connect = connect;
    this.#connection = connect();
  }

  get connection(): SqliteConnection {
    return this.#connection;
  }

  /**
   * Under the lock: `Unseen` before our first COMMIT, `Joined` from the first time on that something was committed beside ours, or may
   * have been.
   */
  standing(): 'Unseen' | 'Alone' | 'Joined' {
    if (this.#standing === 'Alone' && dataVersion(this.#connection) !== this.#seen) this.#standing = 'Joined';
    return this.#standing;
  }

  async commit(patience: Patience): Promise<void> {
    // Under the lock still: a moment later another's would be counted in.
    const seen = dataVersion(this.#connection);
    await commit(patience, this.#connection);
    this.#seen = seen;
    if (this.#standing === 'Unseen') this.#standing = 'Alone';
  }

  /** Opens another connection in its place, between two files. The old one tells whether anybody wrote until the new one counts. */
  renew(): void {
    const old = this.#connection;
    this.#connection = this.#connect();
    try {
      // A file may have kept the lock for itself; the next read lets it go.
      old.execute('PRAGMA locking_mode = NORMAL; SELECT 1 FROM sqlite_schema LIMIT 1');
      const now = dataVersion(this.#connection);
      this.#seen = dataVersion(old) === this.#seen ? now : undefined;
    } catch (error) {
      // Somebody writes just now.
      if (!isBusy(error)) throw error;
      this.#seen = undefined;
    } finally {
      old.close();
    }
  }

  close(): void {
    this.#connection.close();
  }
}

function dataVersion(connection: SqliteConnection): number {
  return Number(connection.query('PRAGMA data_version')[0]?.data_version);
}
