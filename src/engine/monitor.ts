// Watches a statement from a second session while it runs: who blocks it, and how long; and ends it when the attempt is
// told to stop or has waited too long. The second session holds no lock and does no work, so it may come and go; it is
// opened only for a statement that takes long. Called by execute.ts.
import { type Connect, type Connection, type Row, textOf } from './connection.ts';
import { withoutConstants } from './sql/constants.ts';

export interface Watching {
  /** When to look for the first time. */
  readonly firstLookMs: number;
  /** Cancel the statement when the same wait has lasted this long; undefined: never. */
  readonly blockedLimitMs?: number | undefined;
}

const LOOK_MS = 1_000;

export class Monitor {
  readonly #connect: Connect;
  readonly #pid: number;
  readonly #signal: AbortSignal | undefined;
  #session: Connection | undefined;
  #blockers: readonly string[] = [];
  #blockedSince: number | undefined;
  #cancelled: 'Waited' | undefined;

  constructor(connect: Connect, pid: number, signal: AbortSignal | undefined) {
    this.#connect = connect;
    this.#pid = pid;
    this.#signal = signal;
  }

  /** Who was last seen to block the watched statement. */
  get blockers(): readonly string[] {
    return this.#blockers;
  }

  /** Whether the last statement was cancelled because it had waited too long. */
  get hasCancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  /** Runs the statement under watch and answers as it does. */
  async watch<T>(run: () => Promise<T>, watching: Watching): Promise<T> {
    this.#blockers = [];
    this.#blockedSince = undefined;
    this.#cancelled = undefined;
    const looks = this.#looks(watching);
    try {
      return await run();
    } finally {
      await looks.end();
    }
  }

  /** Looks after a while, then again and again, and as soon as the attempt is told to stop; never twice at a time. */
  #looks(watching: Watching): { end(): Promise<void> } {
    let looking = Promise.resolve();
    let isLooking = false;
    let isUrgent = false;
    let hasEnded = false;
    const look = async (): Promise<void> => {
      clearTimeout(timer);
      isLooking = true;
      isUrgent = false;
      await this.#look(watching);
      isLooking = false;
      if (!hasEnded) timer = setTimeout(begin, isUrgent ? 0 : LOOK_MS);
    };
    const begin = (): void => {
      looking = look();
    };
    const stop = (): void => {
      isUrgent = true;
      if (!isLooking) begin();
    };
    let timer = setTimeout(begin, watching.firstLookMs);
    this.#signal?.addEventListener('abort', stop);
    return {
      end: async () => {
        hasEnded = true;
        clearTimeout(timer);
        this.#signal?.removeEventListener('abort', stop);
        await looking;
      },
    };
  }

  /** Ends the second session. */
  async close(): Promise<void> {
    await this.#session?.close();
  }

  /** A look that fails changes nothing: the statement's own connection tells what happens to it. */
  async #look(watching: Watching): Promise<void> {
    try {
      if (this.#session === undefined || this.#session.isLost) this.#session = await this.#connect();
      if (this.#signal?.aborted) {
        await this.#cancel();
        return;
      }
      const blockers = await blockersOf(this.#session, this.#pid);
      if (blockers.length === 0) {
        this.#blockedSince = undefined;
        return;
      }
      this.#blockers = blockers;
      this.#blockedSince ??= Date.now();
      const limit = watching.blockedLimitMs;
      if (limit !== undefined && Date.now() - this.#blockedSince >= limit) {
        this.#cancelled = 'Waited';
        await this.#cancel();
      }
    } catch {
      this.#session = undefined;
    }
  }

  async #cancel(): Promise<void> {
    await this.#session?.query('SELECT pg_catalog.pg_cancel_backend($1::int)', [String(this.#pid)]);
  }
}

async function blockersOf(session: Connection, pid: number): Promise<readonly string[]> {
  const rows = await session.query(
    `SELECT pid, usename, application_name, state,
        pg_catalog.to_char(coalesce(xact_start, backend_start) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"') AS since,
        pg_catalog.left(nullif(query, '<insufficient privilege>'), 400) AS query
      FROM pg_catalog.pg_stat_activity WHERE pid = ANY (pg_catalog.pg_blocking_pids($1::int)) LIMIT 5`,
    [String(pid)],
  );
  return rows.map(describe);
}

/** Names a session for a person; constants in its query are left out, they may be somebody's data. */
function describe(row: Row): string {
  const query = withoutConstants(row.query ?? '');
  const shown = query.length > 60 ? `${query.slice(0, 60)}…` : query;
  const since = row.since === null ? '' : `since ${row.since}`;
  const parts = [`role ${row.usename}`, row.application_name || 'no application name', since, row.state ?? ''];
  return `pid ${textOf(row, 'pid')} (${[...parts, shown].filter(part => part !== '').join(', ')})`;
}
