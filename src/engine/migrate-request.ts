// What `migrate` is asked to do: what the plan saw, and how it is to be run. Data only, from the Job's input or the command
// line; judged by scripts-to-run.ts, done by migrate.ts.

import type { Attempt } from './attempt.ts';
import type { ApplicationSessions } from './fence/application-sessions.ts';
import type { Source } from './source/files.ts';
import type { Trust } from './source/signatures.ts';
import type { Trial } from './sql/reach.ts';
import type { Script } from './sql/script.ts';
import type { ParsedFile } from './sql/statements.ts';
import type { Execution } from './work.ts';

export interface MigrateRequest {
  readonly attempt: Attempt;
  readonly source: Source;
  /** What the plan saw. */
  readonly from: string | null;
  readonly to: string;
  readonly ledgerDigest: string;
  readonly execution: Execution;
  readonly strategy: 'Recreate' | 'Rolling' | 'None';
  readonly appRoles: readonly string[];
  readonly applicationSessions: ApplicationSessions | undefined;
  /** What this process has parsed already, for its plan; a script that is not in it is parsed. */
  readonly parsed?: ReadonlyMap<Script, ParsedFile>;
  /** What was planned; `Up` unless given. */
  readonly direction?: 'Up' | 'Down';
  /** The version at which a database with tables and no ledger is adopted; `from` is then this one. */
  readonly baseline?: string;
  /** Digest of the downgrade whose losses a person has accepted. */
  readonly confirmedLoss?: string;
  /** Whose signature the files must bear; undefined: none is asked for. */
  readonly trust?: Trust;
  /** On a copy: whose it is, and what is left out there. */
  readonly trial?: Trial;
}
