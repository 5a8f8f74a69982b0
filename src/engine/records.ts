// Writes the ledger's rows: a migration applied, a segment begun or done. Always inside the caller's transaction, always
// as the login role. The readers are in ledger.ts.
import { runKey } from './attempt.ts';
import { appendAudit } from './audit.ts';
import { quoted } from './connection.ts';
import type { Segment } from './statements.ts';
import type { PendingFile, Work } from './work.ts';

const table = (work: Work, name: string) => `${quoted(work.attempt.ledgerSchema)}.${name}`;

/** The row that makes a migration applied, its audit row, and the end of its progress rows: one transaction. */
export async function recordApplied(work: Work, { migration }: PendingFile, startedAt: Date): Promise<void> {
  const { attempt, connection } = work;
  await connection.query(
    `INSERT INTO ${table(work, 'ledger')} (version, number, up_checksum, down_checksum, down_script, applied_by, owner,
        attempt, run, job, started_at, finished_at, lsn)
      VALUES ($1, $2, $3, $4, $5, session_user, $6, $7, $8, $9, $10, pg_catalog.clock_timestamp(), ${lsn(work)})`,
    [
      migration.version,
      String(migration.number),
      migration.up.checksum,
      migration.down?.checksum ?? null,
      migration.down?.text ?? null,
      attempt.owner,
      String(attempt.number),
      runKey(attempt.run),
      attempt.job,
      startedAt.toISOString(),
    ],
  );
  await connection.query(`DELETE FROM ${table(work, 'progress')} WHERE version = $1`, [migration.version]);
  await appendAudit(connection, attempt, 'applied', migration.version, { upChecksum: migration.up.checksum });
}

/** Where the write-ahead log was: for point-in-time recovery. Not every managed server tells. */
function lsn(work: Work): string {
  return work.server.timeline === '' ? 'NULL' : 'pg_catalog.pg_current_wal_lsn()::text';
}

/** A segment of ordinary statements is done; written in their own transaction. */
export async function recordSegmentDone(
  work: Work,
  file: PendingFile,
  number: number,
  segment: Segment,
): Promise<void> {
  await work.connection.query(
    `INSERT INTO ${table(work, 'progress')} (version, segment, digest, state, effect, run, attempt, started_at, finished_at)
      VALUES ($1, $2, $3, 'done', $4, $5, $6, pg_catalog.now(), pg_catalog.clock_timestamp())
      ON CONFLICT (version, segment) DO UPDATE SET state = 'done', finished_at = pg_catalog.clock_timestamp()`,
    [
      file.migration.version,
      String(number),
      segment.digest,
      JSON.stringify({ kind: segment.kind }),
      runKey(work.attempt.run),
      String(work.attempt.number),
    ],
  );
}

/** A statement that stands alone is about to be sent: committed before it, so that a crash in it is seen. */
export async function recordSegmentStarted(
  work: Work,
  file: PendingFile,
  number: number,
  segment: Segment,
  effect: object,
): Promise<void> {
  await work.connection.query(
    `INSERT INTO ${table(work, 'progress')} (version, segment, digest, state, effect, run, attempt, started_at)
      VALUES ($1, $2, $3, 'started', $4, $5, $6, pg_catalog.clock_timestamp())`,
    [
      file.migration.version,
      String(number),
      segment.digest,
      JSON.stringify(effect),
      runKey(work.attempt.run),
      String(work.attempt.number),
    ],
  );
}

/** A statement that stood alone has failed and left nothing: as if it had never been begun. */
export async function recordSegmentCleared(work: Work, file: PendingFile, number: number): Promise<void> {
  const { version } = file.migration;
  await work.connection.query(`DELETE FROM ${table(work, 'progress')} WHERE version = $1 AND segment = $2`, [
    version,
    String(number),
  ]);
  await appendAudit(work.connection, work.attempt, 'cleared', version, { segment: number });
}
