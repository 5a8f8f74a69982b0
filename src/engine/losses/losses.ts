// What a downgrade would lose: rows of tables that the downs drop, values of columns that they drop or narrow, and
// statements whose loss cannot be counted. Counted by loss-counter.ts; shown by `plan`; `migrate` counts again under the
// fence and refuses with DowngradeWouldLoseData unless the plan's digest was confirmed. Pure.
import { digestOf } from '../../api/digest.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Reversal } from '../reversal.ts';
import type { Counted, Guard } from '../work.ts';

/** One thing that is lost. Never the data itself. */
export interface Loss {
  /** Version whose down loses it. */
  readonly version: string;
  readonly kind: 'Table' | 'Column' | 'Narrowing' | 'Statement';
  /** `public.users`, `public.users.email`, or `004_x.down.sql, statement 2 (line 7)`. */
  readonly name: string;
  /** Rows, or values that going up again would not bring back; null when it cannot be counted. */
  readonly rows: number | null;
  /** The first statement that loses it: `004_x.down.sql, statement 2 (line 7)`. */
  readonly where: string;
}

export interface LossCount {
  /** Empty: lossless. */
  readonly losses: readonly Loss[];
  /** Of what is not among the losses. */
  readonly guards: readonly Guard[];
  /** Undefined: a statement among the losses may take away anything. */
  readonly counted: Counted | undefined;
}

export interface LossLimits {
  readonly statementMs: number;
  /** For all counts together; what is left then is not counted. */
  readonly totalMs: number;
}

export const LOSS_LIMITS: LossLimits = Object.freeze({ statementMs: 10_000, totalMs: 60_000 });

/** `public.users (12 rows)`, for a person. */
export function describeLoss({ kind, name, rows }: Loss): string {
  if (rows === null) return `${name} (cannot be counted)`;
  const [one, many] = kind === 'Table' ? ['row', 'rows'] : ['value', 'values'];
  return `${name} (${rows} ${rows === 1 ? one : many}${kind === 'Narrowing' ? ' changed' : ''})`;
}

/**
 * What a confirmation is bound to: the scripts, the ledger, by which attempts the versions were applied, and what is lost by name.
 * Applied once more, they hold other data. Not the numbers: an application that still runs changes them.
 */
export function downgradeDigest(
  ledger: Pick<Ledger, 'digest' | 'applied'>,
  target: string,
  reversals: readonly Reversal[],
  losses: readonly Loss[],
): string {
  const scripts = reversals.map(({ version, origin, down }) => [version, origin, down.checksum]);
  const names = losses.map(({ kind, name }) => `${kind} ${name}`).sort();
  const reverted = new Set(reversals.map(({ version }) => version));
  const applied = ledger.applied
    .filter(({ version }) => reverted.has(version))
    .map(({ version, attempt, run }) => [version, attempt, run]);
  return digestOf({ ledgerDigest: ledger.digest, target, scripts, applied, names });
}
