// What an attempt that holds the fence works with, passed through the functions that write. Data and collaborators only.
import type { Attempt } from './attempt.ts';
import type { Connect, Connection } from './connection.ts';
import type { Migration } from './files.ts';
import type { Monitor } from './monitor.ts';
import type { Server } from './server.ts';
import type { ParsedFile } from './statements.ts';

export interface Execution {
  readonly transaction: 'Auto' | 'PerRun' | 'PerMigration';
  readonly lockTimeoutMilliseconds: number;
  readonly lockRetrySeconds: number;
}

/** What the outside gives to an attempt. */
export interface Surroundings {
  readonly connect: Connect;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal | undefined;
  /** How long earlier sessions and the lock are waited for. */
  readonly fenceWaitMs: number;
}

export interface Work extends Surroundings {
  readonly connection: Connection;
  readonly server: Server;
  readonly attempt: Attempt;
  readonly execution: Execution;
  readonly monitor: Monitor;
}

/** A migration that is to be run, parsed. */
export interface PendingFile {
  readonly migration: Migration;
  readonly parsed: ParsedFile;
}
