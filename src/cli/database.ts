// What the commands ask of a database, the same for PostgreSQL and SQLite. A command never asks which of the two it has,
// unless it is to say so. Types only; each implementation is a folder beside this, and opening.ts chooses.
import type { ImportedHistory } from '../engine/baseline.ts';
import type { HistoryTable } from '../engine/histories/history.ts';
import type { ToolName } from '../engine/histories/tools.ts';
import type { AuditReport } from '../engine/ledger/chain.ts';
import type { Ledger } from '../engine/ledger/ledger.ts';
import type { Loss } from '../engine/losses/losses.ts';
import type { Source } from '../engine/source/files.ts';
import type { Dialect } from '../engine/sql/dialect.ts';
import type { Difference } from '../schema/difference.ts';
import type { SchemaModel } from '../schema/erd/model.ts';
import type { SnapshotEntry } from '../schema/snapshot.ts';
import type { Script } from '../schema/statements/text.ts';
import type { Terminal } from './terminal.ts';

/** One applied version as history shows it. Times are ISO 8601 in UTC. */
export interface AppliedVersion {
  readonly version: string;
  readonly origin: 'applied' | 'baseline' | 'imported';
  readonly appliedBy: string;
  readonly appliedAt: string;
  readonly milliseconds: number;
}

export interface State {
  readonly ledger: Ledger;
  readonly applied: readonly AppliedVersion[];
  /** As they last ran, in order of their names. */
  readonly repeatables: readonly AppliedVersion[];
  /** Where there is no ledger: schemas of this database that have one. */
  readonly otherLedgers: readonly string[];
}

/** Statements that are committed together, or one that stands alone. */
export interface PlannedTransaction {
  readonly kind: 'Transaction' | 'Alone';
  /** Of a migration that is half done: `Begun` is run only if the catalogue shows then that it was not done. */
  readonly state: 'ToRun' | 'Begun' | 'Done';
  readonly statements: readonly PlannedStatement[];
}

export interface PlannedStatement {
  readonly version: string;
  readonly line: number;
  readonly text: string;
  /** Only in a scratch database: what it would do outside of it, and so why it is not run there: `CREATE ROLE`. */
  readonly leftOut?: string;
}

export interface Plan {
  readonly from: string | null;
  /** `null`: the empty database, below the first version. */
  readonly to: string | null;
  readonly direction: 'Up' | 'None' | 'Down';
  /** In the order in which they run. */
  readonly versions: readonly string[];
  readonly transactions: readonly PlannedTransaction[];
  readonly losses: readonly Loss[];
  /** Of a plan with nothing to run: the application's roles that may not ask for the version yet, and can be let to. */
  readonly ungranted: readonly string[];
  readonly notes: readonly string[];
}

/** How a plan is carried out. */
export interface Consent {
  /** The other owner's id that a person has quoted; undefined: the database must be ours or nobody's. */
  readonly adopts: string | undefined;
  /** Told of each version that was run, also where an error ends the rest. */
  readonly done?: (version: string) => void;
}

export interface Outcome {
  readonly version: string | null;
  /** Versions that were run by this call, in order. */
  readonly versions: readonly string[];
  readonly notes: readonly string[];
}

export interface StoredSchema {
  readonly version: string | null;
  readonly entries: readonly SnapshotEntry[];
  /** For PostgreSQL: the server's version, because another major prints some expressions otherwise. */
  readonly serverVersionNumber: number;
  /** Of one that an older release stored: what it could hold (src/schema/revisions.ts). */
  readonly revision?: number;
}

/** What another tool has applied here, as far as its table tells. */
export interface OtherHistory extends ImportedHistory {
  readonly table: string;
  readonly version: string;
}

/** Why versions may be noted that were not run. */
export interface Grounds {
  /** Another tool's, with its times and people. */
  readonly history: OtherHistory | undefined;
  /** Above what the ledger has: that the files were seen to make this schema. */
  readonly onTopOf: (StoredSchema & { readonly version: string }) | undefined;
}

/** A database made for one command and removed with it. */
export interface Scratch {
  readonly database: Database;
  remove(): Promise<void>;
}

/** The statements between two schemas, there and back. */
export interface WrittenDifference {
  readonly up: Script;
  readonly down: Script;
  readonly notes: readonly string[];
}

export interface BackupSummary {
  readonly directory: string;
  /** SHA-256 of the manifest. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** The user's: without the ledger's own. */
  readonly tables: number;
  readonly rows: number;
  /** What the ledger in it says; null where there is none. */
  readonly version: string | null;
}

export interface RestoreSummary {
  readonly version: string | null;
  /** Where what was there before is kept; null: there was nothing. */
  readonly replaced: string | null;
  /** What can be done with that. */
  readonly remedy: string | null;
}

/** What a person has agreed to before a restore. */
export interface RestoreConsent extends Consent {
  /** Of the backup that was shown; another one is not restored. */
  readonly digest: string;
  /** Of those who are connected. */
  readonly sessions: 'Refuse' | 'End';
  /** Of logical replication, which stays with the replaced database. */
  readonly replicationLoss: 'Refuse' | 'Accepted';
}

export interface Database {
  readonly dialect: Dialect;
  /** For messages; never a password. */
  readonly place: string;
  readonly ledgerSchema: string;
  state(): Promise<State>;
  /** What would run to reach the target (`latest`, a version, or `empty`). Writes nothing. Throws EngineError. */
  plan(source: Source, target: string): Promise<Plan>;
  /** Carries a plan out under the lock; a plan that is outdated by then is refused. Throws EngineError. */
  migrate(source: Source, plan: Plan, consent: Consent): Promise<Outcome>;
  /** Lets the application's roles ask for the version, where nothing else is to do. */
  grantApplication(roles: Plan['ungranted']): Promise<void>;
  /** Whether anything is in it that migrations could have made. Throws LedgerElsewhere, and for a file that is not there. */
  adoptable(): Promise<'Something' | 'Nothing'>;
  /** Notes versions up to one as applied without running them: those that the ledger does not have yet. */
  baseline(source: Source, version: string, grounds: Grounds, consent: Consent): Promise<Outcome>;
  /** What another tool's table says it applied. `auto`: whichever tool's table is there. Throws EngineError. */
  otherHistory(source: Source, tool: ToolName | 'auto', version: string | undefined): Promise<OtherHistory>;
  /** The tables in which other tools keep their histories, as the snapshot names them. */
  historyTables(): Promise<readonly HistoryTable[]>;
  /** The highest applied version as the application's role may know it; null: nothing applied, or no ledger yet. */
  currentVersion(): Promise<string | null>;
  /** Throws UsageError for a file that is not there, as `model` does. */
  schema(): Promise<StoredSchema>;
  /** The schema that the last migration left; undefined when none was stored. */
  storedSchema(): Promise<StoredSchema | undefined>;
  /** What became of the first to be the second, object by object. */
  compare(before: StoredSchema, after: StoredSchema): Promise<readonly Difference[]>;
  /** What leads from a schema to the live one, as statements and comments; the files tell what a snapshot does not. */
  writeDifference(before: StoredSchema, source: Source | undefined): Promise<WrittenDifference>;
  verifyAudit(): Promise<AuditReport>;
  model(): Promise<SchemaModel>;
  /**
   * An empty database, or a copy of this one with its rows. On a `Shared` server, statements that reach beyond the database
   * are left out in it; on a `Disposable` one only those that name this database.
   */
  scratch(content: 'Empty' | 'Copy', server: 'Shared' | 'Disposable'): Promise<Scratch>;
  backup(directory: string): Promise<BackupSummary>;
  /** What a restore would replace and with what, checked against the backup's manifest. Writes nothing. */
  inspectBackup(directory: string): Promise<BackupSummary & { readonly madeAt: string }>;
  restore(directory: string, consent: RestoreConsent): Promise<RestoreSummary>;
  close(): Promise<void>;
}

export interface Surroundings {
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /**
   * From here on SIGINT, SIGTERM and SIGHUP end the process at once, unheard. For SQLite, whose statements no signal reaches, and
   * whose file is whole whenever its process ends, or made whole by whoever opens it next.
   */
  readonly letSignalsEnd: () => void;
}
