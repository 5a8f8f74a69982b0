// Runs a file that cannot be one transaction: each run of ordinary statements is a transaction with its progress row;
// each statement that must stand alone gets a committed `started` row first, and is proven from the catalogue after.
// A crash anywhere leaves rows from which the next attempt goes on. An attempt that is told to stop leaves no `started` row of a
// statement that it has not sent. Called by apply.ts only.
import { ConnectionLost, inTurn, LostAlone, only, QueryError, textOf } from './connection.ts';
import { asOwnerAfterDeferred } from './deferred.ts';
import { fixEffect, type Proof, proveEffect, type StoredEffect } from './effects.ts';
import { EngineError, failure } from './errors.ts';
import { prepareSession, runStatement, runStatements, StatementFailure } from './execute.ts';
import { firstOf, lastOf, outcomeUnknown, whereOf } from './half-done.ts';
import type { ProgressRow } from './ledger/ledger.ts';
import { recordDone, recordSegmentCleared, recordSegmentDone, recordSegmentStarted } from './ledger/records.ts';
import { assertStillLossless } from './losses/guards.ts';
import { assertOnlyCounted, takeInventory } from './losses/inventory.ts';
import { assertNotInterrupted, seconds } from './pace.ts';
import { isLeftOut } from './sql/reach.ts';
import type { Segment, Statement } from './sql/statements.ts';
import { asOwner, inTransaction, withLockRetries } from './transactions.ts';
import type { DownFile, PendingFile, Work } from './work.ts';

type Alone = Extract<Segment, { kind: 'Alone' }>;

/** How long CREATE INDEX CONCURRENTLY and its like may wait for others in one go; `lock-timeout=` of the file overrides. */
const CONCURRENT_WAIT_MS = 600_000;
/** How long the clearing up after a failure may wait; what is left is the next attempt's. */
const CLEARING_WAIT_MS = 3_000;
const FIRST_LOOK_MS = 500;

/** Goes through the segments, from wherever the progress rows say. Throws OutcomeUnknown. */
export async function applySplit(work: Work, file: PendingFile, progress: readonly ProgressRow[]): Promise<void> {
  const startedAt = new Date();
  const rows = new Map(progress.filter(row => row.version === file.migration.version).map(row => [row.segment, row]));
  let done = 0;
  for (const [number, segment] of file.parsed.segments.entries()) {
    const row = rows.get(number);
    try {
      if (row?.state !== 'done') await runSegment(work, file, number, segment, row);
    } catch (error) {
      throw error instanceof StatementFailure ? error.behind(done) : error;
    }
    done = lastOf(segment).number;
  }
  await inTransaction(work, async transaction => {
    transaction.where = file.parsed.file;
    await recordDone(work, transaction, file, startedAt, 'HasProgress');
  });
}

async function runSegment(
  work: Work,
  file: PendingFile,
  number: number,
  segment: Segment,
  row: ProgressRow | undefined,
): Promise<void> {
  if (segment.kind === 'Ordinary') await runOrdinary(work, file, number, segment);
  else await runAlone(work, file, number, segment, row);
}

async function runOrdinary(work: Work, file: PendingFile, number: number, segment: Segment): Promise<void> {
  if (segment.kind !== 'Ordinary') return;
  await withLockRetries(work, () =>
    inTransaction(work, async transaction => {
      transaction.where = whereOf(file.parsed, firstOf(segment));
      await prepareSession(work, file, firstOf(segment));
      if (file.direction === 'Down') await assertStillLossless(work, guardedFrom(file, firstOf(segment)));
      const inventory = await takeInventory(work, [file]);
      await runStatements(work, file, segment.statements, () => asOwnerAfterDeferred(work, file, segment.statements));
      await assertOnlyCounted(work, [file], inventory);
      await inTurn([recordSegmentDone(work, transaction, file, number, segment), transaction.seal()]);
    }),
  );
}

/** What an earlier piece has taken away or narrowed already is measured no more. */
function guardedFrom(file: DownFile, { number }: Statement): DownFile {
  return { ...file, guards: (file.guards ?? []).filter(guard => guard.statement >= number) };
}

async function runAlone(
  work: Work,
  file: PendingFile,
  number: number,
  segment: Alone,
  row: ProgressRow | undefined,
): Promise<void> {
  assertNotInterrupted(work.signal, `before ${whereOf(file.parsed, segment.statement)}`);
  const effect = row === undefined ? await begin(work, file, number, segment) : (row.effect as StoredEffect);
  const proof: Proof = row === undefined ? 'NotDone' : await prove(work, file, effect);
  if (proof === 'Unknown') throw outcomeUnknown(file.migration.version, file.parsed, segment.statement);
  if (proof === 'Done') work.log(`${whereOf(file.parsed, segment.statement)} was done by an earlier attempt`);
  else if (!isLeftOut(segment.statement.reach, work.trial)) await sendAlone(work, file, number, segment, effect);
  await inTransaction(work, async transaction => {
    transaction.where = whereOf(file.parsed, segment.statement);
    await recordSegmentDone(work, transaction, file, number, segment);
  });
}

async function begin(work: Work, file: PendingFile, number: number, segment: Alone): Promise<StoredEffect> {
  await prepareSession(work, file, segment.statement);
  const effect = await fixEffect(work.connection, segment.effect, file.parsed.file);
  await asOwner(work);
  await inTransaction(work, transaction => recordSegmentStarted(work, transaction, file, number, segment, effect));
  return effect;
}

async function sendAlone(
  work: Work,
  file: PendingFile,
  number: number,
  segment: Alone,
  effect: StoredEffect,
): Promise<void> {
  const isPatient = PATIENT.has(segment.effect.kind);
  const limit = file.parsed.directives.lockTimeoutMs ?? CONCURRENT_WAIT_MS;
  const watching = isPatient
    ? { firstLookMs: FIRST_LOOK_MS, blockedLimitMs: limit }
    : { firstLookMs: Math.min(FIRST_LOOK_MS, work.execution.lockTimeoutMilliseconds / 2 || FIRST_LOOK_MS) };
  let left: Left = 'Nothing';
  const send = async () => {
    await prepareSession(work, file, segment.statement);
    if (isPatient) await work.connection.query('SET lock_timeout TO 0; SET statement_timeout TO 0');
    const before = effect.kind === 'Unprovable' ? await transactionsBegun(work) : 0;
    assertNotInterrupted(work.signal, `before ${whereOf(file.parsed, segment.statement)}`);
    left = 'Perhaps';
    try {
      await runStatement(work, file, segment.statement, watching);
    } catch (error) {
      if (effect.kind === 'Unprovable' && error instanceof StatementFailure) left = await leftSince(work, before);
      throw error;
    }
  };
  try {
    await withLockRetries(work, send, () => left === 'Nothing' || effect.kind !== 'Unprovable');
  } catch (error) {
    if (left === 'Nothing' || error instanceof StatementFailure) await clear(work, file, number, effect, left);
    throw error instanceof ConnectionLost ? new LostAlone(error.message, { cause: error }) : error;
  } finally {
    if (!work.connection.isLost) await asOwner(work);
  }
}

/** What a statement that was not done has left. */
type Left = 'Nothing' | 'Perhaps';

/**
 * Of a DO or a CALL that has failed: where it had one transaction, that was rolled back; with more it has committed a part. The last
 * one is that of the question.
 */
async function leftSince(work: Work, before: number): Promise<Left> {
  try {
    return (await transactionsBegun(work)) === before + 2 ? 'Nothing' : 'Perhaps';
  } catch (error) {
    if (error instanceof QueryError) return 'Perhaps';
    throw error;
  }
}

/** How many transactions this session has begun, that of the question included; whatever the search_path. */
async function transactionsBegun({ connection }: Work): Promise<number> {
  const sql = `SELECT pg_catalog.split_part(virtualtransaction, '/', 2) AS begun FROM pg_catalog.pg_locks
    WHERE locktype OPERATOR(pg_catalog.=) 'virtualxid' AND pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()`;
  return Number(textOf(only(await connection.query(sql)), 'begun'));
}

/** These wait for old transactions of others, which a lock timeout would end without need. */
const PATIENT: ReadonlySet<string> = new Set(['IndexCreated', 'IndexesDropped', 'Reindexed', 'PartitionDetached']);

/** Proves an effect; dropping what is half made may have to wait for others, so it is watched and has an end. */
async function prove(work: Work, file: PendingFile, effect: StoredEffect, waitMs?: number): Promise<Proof> {
  const limit = waitMs ?? file.parsed.directives.lockTimeoutMs ?? CONCURRENT_WAIT_MS;
  const note = (line: string) => work.note(`${file.parsed.file}: ${line}`);
  await work.connection.query(`SET lock_timeout TO ${limit}`);
  try {
    const watching = { firstLookMs: Math.min(FIRST_LOOK_MS, limit / 2) };
    return await work.monitor.watch(() => proveEffect(work.connection, effect, note), watching);
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    const place = { migration: file.migration.version, sqlstate: error.sqlstate };
    if (work.signal?.aborted) throw failure('Interrupted', { during: `in ${file.parsed.file}` }, place);
    if (error.sqlstate === '55P03' || error.sqlstate === '40P01') {
      throw failure(
        'LockTimeout',
        { where: file.parsed.file, waited: seconds(limit), blockers: work.monitor.blockers },
        place,
      );
    }
    const reason = `what an earlier try left could not be cleared: ${error.message}`;
    throw failure('MigrationFailed', { where: file.parsed.file, reason }, place);
  } finally {
    if (!work.connection.isLost) await asOwner(work);
  }
}

/** Removes the row of a statement that has left nothing, and of one that failed where the catalogue can tell; what it left goes first. */
async function clear(work: Work, file: PendingFile, number: number, effect: StoredEffect, left: Left): Promise<void> {
  if (work.connection.isLost || (left === 'Perhaps' && work.signal?.aborted)) return;
  try {
    await asOwner(work);
    if (left === 'Perhaps' && (await prove(work, file, effect, CLEARING_WAIT_MS)) !== 'NotDone') return;
    await inTransaction(work, () => recordSegmentCleared(work, file, number));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    work.log(`what ${file.parsed.file} left behind could not be removed: ${error.message}`);
  }
}
