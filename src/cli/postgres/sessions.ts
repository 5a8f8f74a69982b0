// Who the command line is to a PostgreSQL server, and its sessions there. The owner is this machine and its user, so that
// two people's commands keep each other out as two resources in a cluster do.
import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type OpenedConnection, openConnection } from '../../database/postgres.ts';
import { type ConnectionSettings, type Host, parseConnectionUrl } from '../../database/url.ts';
import { type Attempt, applicationName } from '../../engine/attempt.ts';
import type { LockLimits } from '../../engine/bounded-reads.ts';
import type { Connection } from '../../engine/connection.ts';
import { type Ledger, readLedger } from '../../engine/ledger/ledger.ts';
import { openSession, type Server } from '../../engine/server.ts';
import { userLabel } from '../../engine/user.ts';
import type { Surroundings as EngineSurroundings } from '../../engine/work.ts';
import type { SnapshotEntry } from '../../schema/snapshot.ts';
import type { Surroundings } from '../database.ts';
import type { Settings } from '../settings.ts';
import { Progress } from './progress.ts';

/** Sessions that only read: not of the form of an attempt's name, or a later attempt of ours would end them. */
export const READER = 'migrate-cli';
const FENCE_WAIT_MS = 30_000;

export interface Reading {
  readonly connection: Connection;
  readonly server: Server;
}

export class Sessions {
  readonly settings: ConnectionSettings;
  readonly owner: string;
  readonly fenceWaitMs = FENCE_WAIT_MS;
  readonly resource: string;
  /** The ledger's schema. */
  readonly schema: string;
  readonly #surroundings: Surroundings;
  #host: Host | undefined;

  constructor(settings: Settings, surroundings: Surroundings) {
    this.settings = parseConnectionUrl(settings.url ?? '');
    this.resource = `${userLabel()}@${hostname()}`;
    this.owner = createHash('sha256').update(`cli\0${hostname()}\0${userLabel()}`).digest('hex').slice(0, 16);
    this.schema = settings.ledgerSchema;
    this.#surroundings = surroundings;
  }

  /** The server of the latest session; pg_dump must reach the same. */
  get host(): Host {
    return this.#host ?? this.settings.hosts[0] ?? { host: 'localhost', port: 5432 };
  }

  readonly #notice = (severity: string, message: string) =>
    this.#surroundings.terminal.say(this.#surroundings.terminal.noted('dim', `${severity}: ${message}`));

  async #open(name: string): Promise<OpenedConnection> {
    const connection = await openConnection(this.settings, { applicationName: name, notice: this.#notice });
    this.#host = connection.endpoint;
    return connection;
  }

  /** A session in another database of the same server. The caller closes it. */
  async openIn(database: string, name: string): Promise<OpenedConnection> {
    const host = this.#host === undefined ? {} : { host: this.#host };
    const settings = { ...this.settings, database };
    const connection = await openConnection(settings, { applicationName: name, notice: this.#notice, ...host });
    this.#host = connection.endpoint;
    return connection;
  }

  /** Opens a session as it comes, without asking whether the server takes writes: also for the application's role. */
  async plain<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.#open(READER);
    try {
      return await use(connection);
    } finally {
      await connection.close();
    }
  }

  /** A session for reading; closed at the end, and by the signal. */
  async reading<T>(use: (reading: Reading) => Promise<T>): Promise<T> {
    const { connection, server } = await openSession({ ...this.engine(READER), connect: () => this.#open(READER) });
    const end = () => void connection.close();
    this.#surroundings.signal.addEventListener('abort', end);
    try {
      return await use({ connection, server });
    } finally {
      this.#surroundings.signal.removeEventListener('abort', end);
      await connection.close();
    }
  }

  ledger({ connection, server }: Reading): Promise<Ledger> {
    return readLedger(connection, this.schema, server.role);
  }

  /** The schema as it is. Throws LockTimeout with who holds the lock that it waited for. */
  async snapshot({ connection, server }: Reading, limits: LockLimits): Promise<readonly SnapshotEntry[]> {
    const { readSnapshotBounded } = await import('../../engine/bounded-reads.ts');
    return readSnapshotBounded(connection, server, this.schema, this.engine(READER), limits);
  }

  /** The next attempt of ours. Each call of the command line is a run of its own. */
  attempt(ledger: Ledger, adopts: string | undefined): Attempt {
    const number = (ledger.epoch?.attempt ?? 0) + 1;
    return Object.freeze({
      owner: this.owner,
      resource: this.resource,
      number,
      run: { uid: `cli-${randomUUID()}`, id: 1 },
      job: 'migrate',
      ledgerSchema: this.schema,
      ...(adopts === undefined ? {} : { adopts }),
    });
  }

  /** What the engine is given, its sessions under this name. */
  engine(name: string): EngineSurroundings {
    const { terminal, signal } = this.#surroundings;
    const progress = new Progress(line => terminal.say(terminal.noted('dim', line)));
    return {
      connect: () => this.#open(name),
      log: progress.note,
      signal,
      fenceWaitMs: this.fenceWaitMs,
    };
  }

  engineFor(attempt: Attempt): EngineSurroundings {
    return this.engine(applicationName(attempt.owner, attempt.number));
  }
}
