// Keeps the schema that a version made, so that drift can be told from it: after the last migration of a run, after a failure,
// and before a file in pieces begins, whose half would else be taken for what the version below it made. It never stores a
// schema with a half in it, and never fails a migration. Called by migrate.ts and apply.ts, under the fence.
import { lockLimitsOf, readSnapshotBounded } from './bounded-reads.ts';
import { QueryError } from './connection.ts';
import { EngineError } from './errors.ts';
import { readLedger } from './ledger/ledger.ts';
import { isSnapshotStale, storeSnapshot } from './ledger/stored-snapshot.ts';
import { inTransaction } from './transactions.ts';
import type { Work } from './work.ts';

/**
 * Stores the schema where what is stored is of another state of the ledger, and nothing is half done. What was migrated stays
 * migrated if it cannot be stored, which becomes a note: drift then says that it has nothing to compare with. So where the
 * attempt is told to stop meanwhile: whoever goes on after this asks for that himself. A crash before its COMMIT leaves what
 * was stored before; a repeat stores it once.
 */
export async function keepSnapshot(work: Work): Promise<void> {
  const { connection, attempt, server } = work;
  const ledger = await readLedger(connection, attempt.ledgerSchema, server.role);
  if (ledger.progress.length > 0) return;
  if (!(await isSnapshotStale(connection, attempt.ledgerSchema, ledger))) return;
  try {
    const limits = lockLimitsOf(work.execution);
    const entries = await readSnapshotBounded(connection, server, attempt.ledgerSchema, work, limits);
    await inTransaction(work, () => storeSnapshot(connection, server, attempt, entries));
  } catch (error) {
    const isGivenUp = error instanceof EngineError && ['LockTimeout', 'Interrupted'].includes(error.code);
    if (!isGivenUp && !(error instanceof QueryError)) throw error;
    work.note(`the snapshot of the schema could not be stored: ${error.message}`);
  }
}
