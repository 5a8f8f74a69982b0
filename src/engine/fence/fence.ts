// The fence: after it no earlier attempt of this owner can still write, and nobody else is at work. In this order:
// earlier sessions are ended and waited for; the lock is taken; the epoch, read under the lock, must allow us. Only then
// is the ledger believed. Called by migrate.ts, settle.ts and recovery.ts; `plan` and `backup` never fence.
import type { Attempt } from '../attempt.ts';
import type { Connection } from '../connection.ts';
import { type Ledger, readLedger } from '../ledger/ledger.ts';
import { LEDGER_FORMAT } from '../ledger/ledger-schema.ts';
import { upgradeLedger } from '../ledger/ledger-upgrade.ts';
import type { Server } from '../server.ts';
import type { Surroundings } from '../work.ts';
import { endEarlierAttempts } from './earlier-attempts.ts';
import { assertMayRaise, type RunStart, raiseEpoch } from './epoch.ts';
import { takeMigrationLock } from './migration-lock.ts';

export interface Fenced {
  readonly connection: Connection;
  readonly server: Server;
  readonly surroundings: Surroundings;
  /** As it was under the lock, before this attempt wrote anything. */
  readonly ledger: Ledger;
}

/** Points 1 to 3, and the reading half of 4: writes nothing. The connection stays the caller's to close. */
export async function takeFence(
  connection: Connection,
  server: Server,
  attempt: Attempt,
  surroundings: Surroundings,
  ownLostPid?: number,
): Promise<Fenced> {
  const { signal, log, fenceWaitMs } = surroundings;
  const lost = ownLostPid === undefined ? {} : { ownLostPid };
  await endEarlierAttempts(connection, attempt, { waitMs: fenceWaitMs, signal, log, ...lost });
  await takeMigrationLock(connection, surroundings);
  const ledger = await readLedger(connection, attempt.ledgerSchema, server.role);
  if (ownLostPid === undefined) assertMayRaise(ledger.epoch, attempt);
  return { connection, server, surroundings, ledger };
}

/**
 * Point 4: raises the epoch in a transaction of its own, with whatever else belongs to it. A ledger of an older format is
 * brought to ours in the same transaction: behind the lock, and only by an attempt that the epoch lets in.
 */
export async function raiseEpochAlone(
  connection: Connection,
  attempt: Attempt,
  format: number,
  start: RunStart | undefined,
  also: () => Promise<void>,
): Promise<void> {
  await connection.query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE');
  try {
    await raiseEpoch(connection, attempt, start);
    if (format < LEDGER_FORMAT) await upgradeLedger(connection, attempt, format);
    await also();
    await connection.query('COMMIT');
  } catch (error) {
    if (!connection.isLost) await connection.query('ROLLBACK');
    throw error;
  }
}
