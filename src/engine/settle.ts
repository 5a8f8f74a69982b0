// Settles what became of a run: fences first, then reads ledger, progress and snapshot. Its answer, unlike a plan's, may
// end a run and start the application: after it no earlier attempt can change the ledger any more. It writes nothing but
// the epoch's number (and the empty ledger where there was none, or there would be nothing to fence with).

import { snapshotDigest } from '../schema/snapshot.ts';
import { type Attempt, runKey } from './attempt.ts';
import { fenceLimitsOf, readSnapshotBounded } from './bounded-reads.ts';
import { type Connection, quoted, textOf } from './connection.ts';
import { EngineError } from './errors.ts';
import { raiseEpochAlone, takeFence } from './fence/fence.ts';
import { type AuditHead, appendAudit, readAuditHead } from './ledger/audit.ts';
import { type Epoch, hasLedger, type Ledger, readLedger } from './ledger/ledger.ts';
import { createLedger } from './ledger/ledger-schema.ts';
import { openSession, type Server } from './server.ts';
import type { Surroundings } from './work.ts';

export interface Settlement {
  readonly server: Server;
  readonly ledger: Ledger;
  /** Whether the epoch names this run: if not, no `migrate` of it ever began. */
  readonly hasBegun: boolean;
  readonly schemaSinceEpoch: 'Same' | 'Changed' | 'Unknown';
  /** Ledger and schema are as the run found them. */
  readonly unchanged: boolean;
  /** Versions, then repeatable migrations. */
  readonly appliedByRun: readonly string[];
  readonly revertedByRun: readonly string[];
  /** The last row of the audit, to be noted elsewhere. */
  readonly auditHead: AuditHead | null;
  readonly notes: readonly string[];
}

/** A repeat with a higher attempt answers the same. Throws FenceHeld, OwnedByAnother, StaleAttempt and the like. */
export async function settleRun(attempt: Attempt, surroundings: Surroundings): Promise<Settlement> {
  const { connection, server } = await openSession(surroundings);
  try {
    const fenced = await takeFence(connection, server, attempt, surroundings);
    const schema = attempt.ledgerSchema;
    const notes: string[] = [];
    try {
      if (!(await hasLedger(connection, schema))) await createLedger(connection, schema, server.role);
      await raiseEpochAlone(connection, attempt, fenced.ledger.format, undefined, async () => {
        await appendAudit(connection, attempt, 'settled', fenced.ledger.version, {});
      });
    } catch (error) {
      // Where this role may not make a ledger, no attempt with the same URL could: nothing was ever begun.
      if (!(error instanceof EngineError) || error.code !== 'RightMissing') throw error;
      notes.push(`no ledger was made: ${error.message}`);
    }
    const ledger = await readLedger(connection, schema, server.role);
    const hasBegun = ledger.epoch?.run === runKey(attempt.run);
    const snapshot = hasBegun
      ? snapshotDigest(await readSnapshotBounded(connection, server, schema, surroundings, fenceLimitsOf(surroundings)))
      : undefined;
    const revertedByRun = hasBegun ? await revertedBy(connection, attempt) : [];
    const auditHead = await readAuditHead(connection, schema);
    const compared = comparison(ledger, attempt, snapshot);
    return Object.freeze({ server, ledger, hasBegun, ...compared, revertedByRun, auditHead, notes });
  } finally {
    await connection.close();
  }
}

/** The rows are gone; the audit, written with them, is what is left. Not what was applied again afterwards. */
async function revertedBy(connection: Connection, { ledgerSchema, run }: Attempt): Promise<readonly string[]> {
  const s = quoted(ledgerSchema);
  const rows = await connection.query(
    `SELECT version FROM ${s}.audit WHERE event = 'reverted' AND run = $1
        AND version NOT IN (SELECT version FROM ${s}.ledger) GROUP BY version ORDER BY max(id)`,
    [runKey(run)],
  );
  return rows.map(row => textOf(row, 'version'));
}

function comparison(ledger: Ledger, attempt: Attempt, snapshot: string | undefined) {
  const run = runKey(attempt.run);
  const appliedByRun = [...ledger.applied, ...ledger.repeatables]
    .filter(row => row.run === run && row.origin === 'applied')
    .map(row => row.version);
  if (snapshot === undefined) return { schemaSinceEpoch: 'Unknown' as const, unchanged: true, appliedByRun };
  const isSameSchema = ledger.epoch?.runSnapshotDigest === snapshot;
  return {
    schemaSinceEpoch: isSameSchema ? ('Same' as const) : ('Changed' as const),
    unchanged: isSameSchema && isAsFound(ledger, ledger.epoch),
    appliedByRun,
  };
}

/** The same version and the same digest: progress rows of an earlier run that were there before do not count. */
function isAsFound(ledger: Ledger, epoch: Epoch | undefined): boolean {
  return epoch !== undefined && ledger.version === epoch.runVersion && ledger.digest === epoch.runLedgerDigest;
}
