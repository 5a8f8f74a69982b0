// What a downgrade runs: for each applied version above the target, highest first, its down script: the source's if the
// source still has that version, else the one that the ledger kept. Planned by planMigrations (which knows the source's
// only), completed from the ledger by `completeReversals`; run by migrate.ts like an upgrade. Shown whole before it runs.
//
//   const plan = planMigrations(source, ledger, target);                        // plan.direction === 'Down'
//   const reversals = await completeReversals(connection, attempt, plan.reverts);   // throws IrreversibleMigration
//   const { losses } = await countLosses(connection, server, files);               // loss-counter.ts
import { type Connection, quoted, textOf } from './connection.ts';
import { failure } from './errors.ts';
import { keptScript } from './kept-script.ts';
import { assertVersionSigned, type Trust } from './source/signatures.ts';
import type { Script } from './sql/script.ts';

/** One version to be taken back, with the text that does it. */
export interface Reversal {
  readonly version: string;
  readonly number: bigint;
  /** `Ledger`: the source has no such version any more. */
  readonly origin: 'Source' | 'Ledger';
  readonly down: Script;
  /** What goes up again, by which it is judged what the down loses; undefined: the source has it no more. */
  readonly up: Script | undefined;
  /** The up that was applied, as the ledger has it. */
  readonly upChecksum: string;
}

/** Before the ledger was asked for its scripts. */
export type PlannedReversal = Omit<Reversal, 'down'> & {
  readonly down: Script | undefined;
  /** Where the source would have it, for messages. */
  readonly wayDown: string;
};

interface LedgerPlace {
  readonly ledgerSchema: string;
  readonly format: number;
}

/**
 * Takes from the ledger the scripts that have left the source. With `trust`, those must be signed by a trusted key; a
 * signature that is there is checked in any case. Throws IrreversibleMigration, NotSigned or LedgerDamaged.
 */
export async function completeReversals(
  connection: Connection,
  ledger: LedgerPlace,
  planned: readonly PlannedReversal[],
  trust?: Trust,
): Promise<readonly Reversal[]> {
  const wanted = planned.filter(one => one.down === undefined && one.origin === 'Ledger').map(one => one.version);
  const kept = wanted.length === 0 ? new Map<string, Script>() : await keptScripts(connection, ledger, wanted, trust);
  const reversals = planned.map(one => ({ ...one, down: one.down ?? kept.get(one.version) }));
  const without = reversals.filter(one => one.down === undefined);
  const [first] = without;
  if (first !== undefined) {
    const facts = { versions: without.map(one => one.version), missing: without.map(one => one.wayDown) };
    throw failure('IrreversibleMigration', facts, { migration: first.version });
  }
  return Object.freeze(
    reversals.flatMap(({ wayDown: _, down, ...one }) => (down === undefined ? [] : [{ ...one, down }])),
  );
}

async function keptScripts(
  connection: Connection,
  { ledgerSchema, format }: LedgerPlace,
  versions: readonly string[],
  trust: Trust | undefined,
): Promise<ReadonlyMap<string, Script>> {
  const signed = format === 1 ? 'NULL AS signature, NULL AS signed_by' : 'signature, signed_by';
  const rows = await connection.query(
    `SELECT version, up_checksum, down_checksum, down_script, ${signed} FROM ${quoted(ledgerSchema)}.ledger
      WHERE down_script IS NOT NULL AND version = ANY (SELECT pg_catalog.json_array_elements_text($1::json))`,
    [JSON.stringify(versions)],
  );
  const scripts = new Map<string, Script>();
  for (const row of rows) {
    const version = textOf(row, 'version');
    const script = keptScript(ledgerSchema, version, textOf(row, 'down_script'), row.down_checksum ?? null);
    const checksums = { version, up: textOf(row, 'up_checksum'), down: script.checksum };
    assertVersionSigned(checksums, row.signature ?? undefined, row.signed_by ?? undefined, trust);
    scripts.set(version, script);
  }
  return scripts;
}
