// Migrates one database to a version: the order of everything that `migrate` does. It never trusts a note of an earlier
// attempt, only the ledger under the fence. Called by the runner; opens and closes its own sessions; throws nothing.
//
// The effects in their order, and what a crash after each leaves:
//  1 earlier sessions ended   what they had open was rolled back; nothing of ours is written
//  2 migration lock taken     it ends with our session; nothing is written
//  3 ledger made              an empty ledger, without an epoch: the next attempt goes on from here
//  4 epoch raised, run named  older attempts can no longer commit; `settle` sees "begun, nothing changed"; the rows of an
//                             adopted database come in the same transaction (adoption.ts), and so does what a downgrade
//                             may lose, by which later attempts go (accepted-losses.ts)
//  5 each script committed with its ledger row and audit row: applied (or reverted), or not at all; the next goes on after it
//  6 in a split file: the snapshot of the version below it, where another is stored (as 9); then a `started` row, the
//                             statement, a `done` row: the next attempt proves the effect from the catalogue
//  7 last row of a split file the ledger row comes (or goes) and the progress rows go in one transaction
//  8 grants                   repeated by every attempt
//  9 snapshot stored          the stored one names an older ledger: whoever reads it sees that; the next attempt stores.
//                             While a file is half done none is: the one of before it stays the truth
// 10 the answer               lost: `settle` reads the same from the ledger

import { snapshotDigest } from '../schema/snapshot.ts';
import { type Adoption, findAdoption, writeAdoption } from './adoption.ts';
import { applyMigrations } from './apply.ts';
import { runKey } from './attempt.ts';
import { lockLimitsOf, readSnapshotBounded } from './bounded-reads.ts';
import { ConnectionLost } from './connection.ts';
import { EngineError } from './errors.ts';
import { waitForApplicationToLeave } from './fence/application-sessions.ts';
import { type Fenced, raiseEpochAlone, takeFence } from './fence/fence.ts';
import { recoverCommit } from './fence/recovery.ts';
import { keepSnapshot } from './kept-snapshot.ts';
import { grantApplication } from './ledger/app-grants.ts';
import { type AuditHead, appendAudit, readAuditHead } from './ledger/audit.ts';
import { hasLedger, type Ledger, readLedger } from './ledger/ledger.ts';
import { createLedger } from './ledger/ledger-schema.ts';
import type { AcceptedLosses } from './losses/accepted-losses.ts';
import type { MigrateRequest } from './migrate-request.ts';
import { Monitor } from './monitor.ts';
import { transactionMode } from './plan.ts';
import { assertAsPlanned, scriptsToRun } from './scripts-to-run.ts';
import { openSession, type Server } from './server.ts';
import { loadGrammar } from './sql/statements.ts';
import { CommitUnknown } from './transactions.ts';
import type { PendingFile, Surroundings, Work } from './work.ts';

export interface MigrateOutcome {
  /** Whether anything may have been written: ledger, epoch or a migration. */
  readonly wrote: boolean;
  /** The ledger as it was under the fence after the last write; undefined when it could not be read any more. */
  readonly ledger: Ledger | undefined;
  readonly server: Server | undefined;
  /** Versions, and repeatable migrations. */
  readonly appliedNow: number;
  readonly revertedNow: number;
  /** The last row of the audit, to be noted elsewhere; null where it could not be read. */
  readonly auditHead: AuditHead | null;
  readonly notes: readonly string[];
  readonly error: unknown;
}

/** What is known while it goes on, so that a failure at any point is answered truly. */
interface Course {
  wrote: boolean;
  ledger: Ledger | undefined;
  server: Server | undefined;
  auditHead: AuditHead | null;
  before: number;
  readonly notes: string[];
}

/** Runs the whole; a repeat with a higher attempt goes on where this one ended. */
export async function migrateDatabase(request: MigrateRequest, surroundings: Surroundings): Promise<MigrateOutcome> {
  const course: Course = { wrote: false, ledger: undefined, server: undefined, auditHead: null, before: 0, notes: [] };
  let error: unknown;
  try {
    await loadGrammar();
    const { connection, server } = await openSession(surroundings);
    course.server = server;
    try {
      await underFence(request, surroundings, course, connection, server);
    } finally {
      await connection.close();
    }
  } catch (thrown) {
    error = thrown;
  }
  const { wrote, ledger, server, notes, auditHead } = course;
  const change = ledger === undefined ? 0 : ledger.applied.length - course.before;
  const repeated = ledger?.repeatables.filter(row => row.attempt === request.attempt.number).length ?? 0;
  const [appliedNow, revertedNow] = [Math.max(0, change) + repeated, Math.max(0, -change)];
  return { wrote, ledger, server, appliedNow, revertedNow, auditHead, notes, error };
}

async function underFence(
  request: MigrateRequest,
  surroundings: Surroundings,
  course: Course,
  connection: Fenced['connection'],
  server: Server,
): Promise<void> {
  const { attempt, applicationSessions } = request;
  if (applicationSessions !== undefined) {
    await waitForApplicationToLeave(connection, attempt, applicationSessions, surroundings);
  }
  const found = await takeFence(connection, server, attempt, surroundings);
  const { ledgerSchema } = attempt;
  const { source, baseline } = request;
  const adoption = await findAdoption(connection, found.ledger, source, { ledgerSchema, baseline });
  const fenced = adoption === undefined ? found : { ...found, ledger: adoption.ledger };
  course.before = fenced.ledger.applied.length;
  const isFirst = fenced.ledger.epoch?.run !== runKey(attempt.run);
  assertAsPlanned(request, fenced.ledger, isFirst);
  const { files, accepted } = await scriptsToRun(request, fenced, isFirst);
  course.notes.push(...files.flatMap(file => file.parsed.notes));
  await begin(request, fenced, course, isFirst, { adoption, accepted });
  const monitor = new Monitor(surroundings.connect, connection.pid, surroundings.signal);
  const { execution, trial } = request;
  const note = (line: string) => void course.notes.push(line);
  const work: Work = { ...surroundings, connection, server, attempt, execution, monitor, note, trial };
  try {
    await applyAll(request, work, files, fenced.ledger, course);
    const missing = await grantApplication(connection, attempt.ledgerSchema, request.appRoles);
    if (missing.length > 0) course.notes.push(`these application roles do not exist: ${missing.join(', ')}`);
    await keepSnapshot(work);
  } catch (thrown) {
    const error = await afterFailure(thrown, work, course, request);
    if (error === undefined) return;
    throw error;
  } finally {
    await monitor.close();
  }
  await readCourse(work, course);
}

async function readCourse({ connection, attempt, server }: Work, course: Course): Promise<void> {
  course.ledger = await readLedger(connection, attempt.ledgerSchema, server.role);
  course.auditHead = await readAuditHead(connection, attempt.ledgerSchema);
}

/** Effects 3 and 4. */
async function begin(
  request: MigrateRequest,
  fenced: Fenced,
  course: Course,
  isFirst: boolean,
  { adoption, accepted }: { readonly adoption: Adoption | undefined; readonly accepted: AcceptedLosses | undefined },
): Promise<void> {
  const { attempt } = request;
  const { connection, server, surroundings, ledger } = fenced;
  if (ledger.epoch === undefined && !(await hasLedger(connection, attempt.ledgerSchema))) {
    course.wrote = true;
    try {
      await createLedger(connection, attempt.ledgerSchema, server.role);
    } catch (error) {
      if (error instanceof EngineError) course.wrote = false;
      throw error;
    }
  }
  const limits = lockLimitsOf(request.execution);
  const start = isFirst
    ? {
        version: ledger.version,
        ledgerDigest: ledger.digest,
        snapshotDigest: snapshotDigest(
          await readSnapshotBounded(connection, server, attempt.ledgerSchema, surroundings, limits),
        ),
      }
    : undefined;
  await raiseEpochAlone(connection, attempt, ledger.format, start, async () => {
    if (isFirst) await appendAudit(connection, attempt, 'began', ledger.version, { to: request.to, ...accepted });
    if (adoption !== undefined) await writeAdoption(connection, request, adoption);
    course.wrote = true;
  });
}

async function applyAll(
  request: MigrateRequest,
  work: Work,
  files: readonly PendingFile[],
  ledger: Ledger,
  course: Course,
): Promise<void> {
  const parsed = files.map(file => file.parsed);
  const { mode, notes } = transactionMode(parsed, request.execution.transaction, request.strategy);
  if (request.execution.transaction !== 'PerMigration') course.notes.push(...notes);
  await grantApplication(work.connection, request.attempt.ledgerSchema, request.appRoles);
  await applyMigrations(work, files, mode, ledger.progress);
}

/** Finds out and notes what is true after a failure; answers the error for the result, undefined if all was done. */
async function afterFailure(thrown: unknown, work: Work, course: Course, request: MigrateRequest): Promise<unknown> {
  if (thrown instanceof CommitUnknown || thrown instanceof ConnectionLost) {
    const recovered = await recoverCommit(work, thrown, request);
    course.ledger = recovered.ledger;
    course.auditHead = recovered.auditHead;
    return recovered.error;
  }
  const error = thrown;
  try {
    if (error instanceof EngineError && error.exitCode === 20) {
      const { code, place } = error;
      await appendAudit(work.connection, work.attempt, 'failed', place.migration ?? null, { code, ...place });
    }
    if (error instanceof EngineError) await keepSnapshot(work);
    await readCourse(work, course);
  } catch {
    // The failure itself is what counts; `settle` reads the ledger again.
  }
  return error;
}
