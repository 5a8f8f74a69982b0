// What a downgrade runs: for each applied version above the target, highest first, its down script: the source's if the
// source still has that version, else the one that the ledger kept. Planned by planMigrations (which knows the source's
// only), completed from the ledger by `completeReversals`; run by migrate.ts like an upgrade. Shown whole before it runs.
//
//   const plan = planMigrations(source, ledger, target);                    // plan.direction === 'Down'
//   const reversals = await completeReversals(connection, schema, plan, trust);   // throws IrreversibleMigration
//   const losses = await countLosses(connection, server, reversals, limits);      // losses.ts
import type { Script } from './files.ts';

/** The target below the first migration: everything is reverted. */
export const EMPTY_TARGET = 'empty';

/** One version to be taken back, with the text that does it. */
export interface Reversal {
  readonly version: string;
  readonly number: bigint;
  /** `Ledger`: the source has no such version any more. */
  readonly origin: 'Source' | 'Ledger';
  readonly down: Script;
  /** The up that was applied, as the ledger has it. */
  readonly upChecksum: string;
}
