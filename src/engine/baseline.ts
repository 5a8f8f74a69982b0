// Adopts a database that has tables and no ledger: writes a row for every version up to the given one without running it,
// marked `baseline`, or `imported` where another tool's history says when it was applied. Under the fence, and only where
// no ledger has rows. A repeat is refused (LedgerNotEmpty); a crash leaves all rows or none. Called by the CLI.
//
//   const outcome = await baselineDatabase(request, surroundings);   // throws EngineError

import type { Attempt } from './attempt.ts';
import type { Source } from './files.ts';

/** What another tool's table says of one version. */
export interface ImportedMigration {
  readonly version: string;
  /** ISO 8601; null where the tool keeps no time. */
  readonly appliedAt: string | null;
  readonly appliedBy: string | null;
}

export interface BaselineRequest {
  readonly attempt: Attempt;
  readonly source: Source;
  /** The highest version that the database has: its name among the files. */
  readonly version: string;
  /** Another tool's name and history; undefined: a person says so. */
  readonly imported: { readonly from: string; readonly history: readonly ImportedMigration[] } | undefined;
  readonly appRoles: readonly string[];
}
