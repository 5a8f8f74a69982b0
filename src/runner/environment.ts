// What a step is given by the world: the connection URL, directories, programs, a log and a signal. Built by main.ts in a
// container and by tests in process. Also the one place where the runner opens connections.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { JobInput } from '../api/job-contract.ts';
import { type OpenedConnection, openConnection } from '../database/postgres.ts';
import { type ConnectionSettings, type Host, parseConnectionUrl } from '../database/url.ts';
import { type Attempt, applicationName } from '../engine/attempt.ts';
import type { Surroundings } from '../engine/work.ts';

export interface StepEnvironment {
  readonly databaseUrl: string;
  /** Where ConfigMap number i is mounted at `<i>/`; files directly in it count too. */
  readonly migrationsDirectory: string;
  /** Root of the backup volume. */
  readonly backupsDirectory: string;
  /** Directory of pg_dump and pg_restore; without it, Debian's for the server's major, then PATH. */
  readonly postgresBinaries?: string;
  readonly log: (line: string) => void;
  /** Ends the step: the running statement is cancelled and its transaction rolled back. */
  readonly signal?: AbortSignal;
  /** How long an earlier session or the lock is waited for; default 30 s. */
  readonly fenceWaitMs?: number;
}

const FENCE_WAIT_MS = 30_000;

/** Connections of one step: all to the server that the first one reached, all under the attempt's name. */
export class StepConnections {
  readonly settings: ConnectionSettings;
  readonly applicationName: string;
  readonly #log: (line: string) => void;
  #host: Host | undefined;

  constructor(input: JobInput, environment: StepEnvironment) {
    this.settings = parseConnectionUrl(environment.databaseUrl);
    this.applicationName = applicationName(input.owner, input.attempt);
    this.#log = environment.log;
  }

  /** The server of the latest first connection; pg_dump must reach the same. */
  get host(): Host {
    return this.#host ?? this.settings.hosts[0] ?? { host: 'localhost', port: 5432 };
  }

  readonly open = async (): Promise<OpenedConnection> => {
    const connection = await openConnection(this.settings, {
      applicationName: this.applicationName,
      notice: (severity, message) => this.#log(`${severity}: ${message}`),
    });
    this.#host = connection.endpoint;
    return connection;
  };
}

export function attemptOf(input: JobInput): Attempt {
  return Object.freeze({
    owner: input.owner,
    resource: input.resource,
    number: input.attempt,
    run: { uid: input.resourceUid ?? '', id: input.runId },
    job: input.job,
    ledgerSchema: input.ledgerSchema,
    ...(input.image === undefined ? {} : { image: input.image }),
    ...(input.adopts === undefined ? {} : { adopts: input.adopts }),
  });
}

export function surroundingsOf(connections: StepConnections, environment: StepEnvironment): Surroundings {
  return {
    connect: connections.open,
    log: environment.log,
    signal: environment.signal,
    fenceWaitMs: environment.fenceWaitMs ?? FENCE_WAIT_MS,
  };
}

/** Path of a PostgreSQL program for a server of this major. */
export function programPath(name: string, versionNumber: number, environment: StepEnvironment): string {
  if (environment.postgresBinaries !== undefined) return join(environment.postgresBinaries, name);
  const debian = join('/usr/lib/postgresql', String(Math.floor(versionNumber / 10_000)), 'bin', name);
  return existsSync(debian) ? debian : name;
}
