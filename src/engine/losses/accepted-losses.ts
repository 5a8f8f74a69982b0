// What a run may lose: written into its `began` row by the attempt that begins it, in the transaction that names the run in
// the epoch, and read by every later attempt under the fence. A later attempt finds the ledger further on and so another
// digest; the confirmation that it is given proves nothing, because the first attempt may never have been asked for one.
// Called by scripts-to-run.ts.
import { type Attempt, runKey } from '../attempt.ts';
import { type Connection, quoted } from '../connection.ts';
import type { Downgrade } from '../downgrade.ts';
import type { Loss } from './losses.ts';

/** The `detail` of a `began` row, as far as it speaks of losses. */
export interface AcceptedLosses {
  /** SHA-256 of each script, by its version. */
  readonly scripts: Readonly<Record<string, string>>;
  /** Objects, and statements whose loss could not be counted: `Table public.users`. Never numbers. */
  readonly losses: readonly string[];
}

/** What the attempt that begins a run was allowed: nothing is in it where nothing is lost. */
export function acceptedBy({ scripts, losses }: Pick<Downgrade, 'scripts' | 'losses'>): AcceptedLosses {
  return Object.freeze({ scripts, losses: losses.map(nameOf) });
}

/** What this run was begun with; undefined: it was begun by a program that did not write it down. */
export async function readAcceptedLosses(
  connection: Connection,
  { ledgerSchema, run }: Attempt,
): Promise<AcceptedLosses | undefined> {
  const [row] = await connection.query(
    `SELECT detail->'scripts' AS scripts, detail->'losses' AS losses FROM ${quoted(ledgerSchema)}.audit
      WHERE event = 'began' AND run = $1 ORDER BY id DESC LIMIT 1`,
    [runKey(run)],
  );
  if (row?.scripts == null || row.losses == null) return undefined;
  return { scripts: JSON.parse(row.scripts), losses: JSON.parse(row.losses) };
}

/**
 * Whether everything that is lost now was accepted then: by its own name, or because the statement that loses it was
 * accepted when it could not be counted. A script that has changed since was not.
 */
export function isAccepted(accepted: AcceptedLosses, losses: readonly Loss[], scripts: AcceptedLosses['scripts']) {
  const known = new Set(accepted.losses);
  return losses.every(
    loss =>
      accepted.scripts[loss.version] === scripts[loss.version] &&
      (known.has(nameOf(loss)) || known.has(`Statement ${loss.where}`)),
  );
}

const nameOf = ({ kind, name }: Pick<Loss, 'kind' | 'name'>) => `${kind} ${name}`;
