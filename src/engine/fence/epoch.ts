// The epoch: one row that says whose the database is and which attempt is the newest. Raised before an attempt's first
// write; read FOR SHARE as the first statement of each transaction, so that an old attempt that wakes up cannot commit.
// It fences nothing outside a transaction; there the lock and the ending of earlier sessions do.
import type { Attempt } from '../attempt.ts';
import { runKey } from '../attempt.ts';
import { type Connection, quoted, type Row, textOf } from '../connection.ts';
import { failure } from '../errors.ts';
import { appendAudit } from '../ledger/audit.ts';
import type { Epoch } from '../ledger/ledger.ts';
import { LEDGER_FORMAT } from '../ledger/ledger-schema.ts';

/** Throws OwnedByAnother or StaleAttempt unless this attempt may go on. `null`: nobody has been here. */
export function assertMayRaise(
  epoch: Pick<Epoch, 'owner' | 'resource' | 'attempt'> | undefined,
  attempt: Attempt,
): void {
  if (epoch === undefined) return;
  assertMayOwn(epoch, attempt);
  if (epoch.attempt >= attempt.number) throw stale(epoch.attempt, attempt);
}

/** Throws OwnedByAnother when the database is neither this owner's nor that of the one it adopts from. */
export function assertMayOwn(
  epoch: Pick<Epoch, 'owner' | 'resource'> | undefined,
  attempt: Pick<Attempt, 'owner' | 'resource' | 'adopts'>,
): void {
  if (epoch?.owner !== attempt.adopts) assertOwner(epoch, attempt);
}

/** Throws OwnedByAnother when the database is somebody else's, adopted or not: after the raise it must be ours. */
export function assertOwner(
  epoch: Pick<Epoch, 'owner' | 'resource'> | undefined,
  attempt: Pick<Attempt, 'owner' | 'resource'>,
): void {
  if (epoch === undefined || epoch.owner === attempt.owner) return;
  const mine = `${attempt.resource} (id ${attempt.owner})`;
  throw failure('OwnedByAnother', { owner: epoch.owner, resource: epoch.resource, mine });
}

function stale(epoch: number, attempt: Attempt) {
  return failure('StaleAttempt', { mine: String(attempt.number), epoch: String(epoch) });
}

/** What a run's first `migrate` writes beside its number: the state that the run found. */
export interface RunStart {
  readonly version: string | null;
  readonly ledgerDigest: string;
  readonly snapshotDigest: string;
}

/**
 * Raises the epoch inside an open transaction; with `start` it names this run. The condition must hit one row. A database
 * that is adopted becomes ours with it, and the audit says from whom.
 */
export async function raiseEpoch(connection: Connection, attempt: Attempt, start: RunStart | undefined): Promise<void> {
  const table = `${quoted(attempt.ledgerSchema)}.epoch`;
  await connection.query(
    `INSERT INTO ${table} (format, owner, resource, attempt) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING`,
    [String(LEDGER_FORMAT), attempt.owner, attempt.resource],
  );
  const before = await lockedEpoch(connection, table);
  const raised = await connection.query(
    `UPDATE ${table} SET owner = $1, resource = $2, attempt = $3
      WHERE owner IN ($1, $4) AND attempt < $3 RETURNING attempt`,
    [attempt.owner, attempt.resource, String(attempt.number), attempt.adopts ?? attempt.owner],
  );
  if (raised.length !== 1) {
    assertMayRaise(await lockedEpoch(connection, table), attempt);
    throw new Error('the epoch could not be raised');
  }
  if (before !== undefined && before.owner !== attempt.owner) {
    await appendAudit(connection, attempt, 'adopted', null, { from: before.owner, resource: before.resource });
  }
  if (start === undefined) return;
  await connection.query(
    `UPDATE ${table} SET run = $1, run_version = $2, run_ledger_digest = $3, run_snapshot_digest = $4`,
    [runKey(attempt.run), start.version, start.ledgerDigest, start.snapshotDigest],
  );
}

async function lockedEpoch(connection: Connection, table: string) {
  const [row] = await connection.query(`SELECT owner, resource, attempt FROM ${table} FOR SHARE`);
  return row === undefined ? undefined : epochOf(row);
}

function epochOf(row: Row) {
  return { owner: textOf(row, 'owner'), resource: textOf(row, 'resource'), attempt: Number(textOf(row, 'attempt')) };
}

/**
 * Begins a transaction, as the login role. Its first statement holds the epoch to the transaction's end and answers, beside
 * it, the columns `also`. Throws StaleAttempt if the epoch moved on; the transaction is then open, and the caller's to end.
 */
export async function beginUnderEpoch(connection: Connection, attempt: Attempt, also: string): Promise<Row> {
  const [row] = await connection.query(
    `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
      SELECT owner, resource, attempt, ${also} FROM ${quoted(attempt.ledgerSchema)}.epoch FOR SHARE`,
  );
  const epoch = row === undefined ? undefined : epochOf(row);
  assertOwner(epoch, attempt);
  if (row === undefined || epoch?.attempt !== attempt.number) throw stale(epoch?.attempt ?? 0, attempt);
  return row;
}
