// What an attempt that holds the fence works with, passed through the functions that write. Data and collaborators only.
import type { Attempt } from './attempt.ts';
import type { Connect, Connection } from './connection.ts';
import type { LayoutName } from './layouts/layout.ts';
import type { Monitor } from './monitor.ts';
import type { Reversal } from './reversal.ts';
import type { Server } from './server.ts';
import type { VersionSignature } from './source/signatures.ts';
import type { Trial } from './sql/reach.ts';
import type { Migration, Repeatable } from './sql/script.ts';
import type { ParsedFile } from './sql/statements.ts';

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
  /** Adds a line to the answer: what a person should know of how it was done. */
  readonly note: (line: string) => void;
  /** On a copy: what reaches beyond the database is not sent. */
  readonly trial: Trial | undefined;
}

/** A script that is to be run, parsed: a migration's up, an applied version's down, or a repeatable migration. */
export type PendingFile = UpFile | DownFile | RepeatableFile;

export interface UpFile {
  readonly direction: 'Up';
  readonly migration: Migration;
  readonly layout: LayoutName;
  readonly parsed: ParsedFile;
  /** By which trusted key it is signed; undefined: it is not. */
  readonly signature: VersionSignature | undefined;
}

/** One transaction, always: it has no progress rows. */
export interface RepeatableFile {
  readonly direction: 'Repeat';
  readonly migration: Repeatable;
  readonly layout: LayoutName;
  readonly parsed: ParsedFile;
  /** By which trusted key it is signed; undefined: it is not. */
  readonly signature: VersionSignature | undefined;
}

export interface DownFile {
  readonly direction: 'Down';
  readonly migration: Reversal;
  readonly parsed: ParsedFile;
  /** What must still hold nothing when it runs: not that whose loss a person has accepted. */
  readonly guards?: readonly Guard[];
  /** All that was counted for the downs together; undefined where something is accepted that cannot be counted. */
  readonly counted?: Counted | undefined;
}

/** What may go: everything else must still be there when a transaction of downs ends (inventory.ts). */
export interface Counted {
  /** Tables, views and columns whose loss was counted, whatever the number: `public.users`, `public.users.email`. */
  readonly names: ReadonlySet<string>;
  /** Names, without a schema, of what the downs make themselves. */
  readonly made: ReadonlySet<string>;
}

/** Looked at again by `migrate`, in the transaction of the down and with writers locked out: still nothing to lose? */
export interface Guard {
  readonly version: string;
  /** Number of the statement that would lose it. */
  readonly statement: number;
  readonly kind: 'Table' | 'Column' | 'Narrowing';
  readonly name: string;
  /** The table in SQL, for LOCK TABLE and FROM. */
  readonly relation: string;
  /** SQL of the rows that would be lost. */
  readonly condition: string;
}
