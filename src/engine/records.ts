// Writes the ledger's rows: a migration applied or reverted, a segment begun or done. Always inside the caller's transaction, always
// as the login role. The readers are in ledger.ts.
import { runKey } from './attempt.ts';
import { appendAudit } from './audit.ts';
import { quoted } from './connection.ts';
import { failure } from './errors.ts';
import type { Segment } from './statements.ts';
import type { DownFile, PendingFile, RepeatableFile, UpFile, Work } from './work.ts';

const table = (work: Work, name: string) => `${quoted(work.attempt.ledgerSchema)}.${name}`;

/** What makes a script done: its rows and its audit row, one transaction with its statements. */
export async function recordDone(work: Work, file: PendingFile, startedAt: Date): Promise<void> {
  if (file.direction === 'Up') await recordApplied(work, file, startedAt);
  else if (file.direction === 'Down') await recordReverted(work, file);
  else await recordRepeated(work, file, startedAt);
}

/** The row that makes a migration applied, its audit row, and the end of its progress rows. */
async function recordApplied(work: Work, { migration, signature, layout }: UpFile, startedAt: Date): Promise<void> {
  const { attempt, connection } = work;
  await connection.query(
    `INSERT INTO ${table(work, 'ledger')} (version, number, up_checksum, down_checksum, down_script, applied_by, owner,
        attempt, run, job, started_at, finished_at, lsn, signature, signed_by, image, layout)
      VALUES ($1, $2, $3, $4, $5, session_user, $6, $7, $8, $9, $10, pg_catalog.clock_timestamp(), ${lsn(work)}, $11, $12, $13, $14)`,
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
      signature?.signature ?? null,
      signature?.signedBy ?? null,
      attempt.image ?? null,
      layout,
    ],
  );
  await forgetProgress(work, migration.version);
  await appendAudit(connection, attempt, 'applied', migration.version, { upChecksum: migration.up.checksum });
}

/** The end of a version's row: it must be there, or somebody has changed the ledger since it was planned. */
async function recordReverted(work: Work, { migration }: DownFile): Promise<void> {
  const { version, upChecksum, origin, down } = migration;
  const gone = await work.connection.query(
    `DELETE FROM ${table(work, 'ledger')} WHERE version = $1 RETURNING version`,
    [version],
  );
  if (gone.length !== 1) {
    const schema = work.attempt.ledgerSchema;
    throw failure('LedgerDamaged', { schema, reason: `the row of ${version} is gone` }, { migration: version });
  }
  await forgetProgress(work, version);
  await appendAudit(work.connection, work.attempt, 'reverted', version, {
    upChecksum,
    origin,
    downChecksum: down.checksum,
  });
}

/** The row that says with which text a repeatable migration last ran, and its audit row. */
async function recordRepeated(
  work: Work,
  { migration, signature, layout }: RepeatableFile,
  startedAt: Date,
): Promise<void> {
  const { attempt, connection } = work;
  const columns = `checksum, applied_by, owner, attempt, run, job, started_at, finished_at, lsn, signature, signed_by, image,
        origin, imported_from, layout`;
  await connection.query(
    `INSERT INTO ${table(work, 'repeatable')} (name, ${columns})
      VALUES ($1, $2, session_user, $3, $4, $5, $6, $7, pg_catalog.clock_timestamp(), ${lsn(work)}, $8, $9, $10, 'applied', NULL, $11)
      ON CONFLICT (name) DO UPDATE SET (${columns}) = (${columns.replace(/\w+/g, 'EXCLUDED.$&')})`,
    [
      migration.version,
      migration.up.checksum,
      attempt.owner,
      String(attempt.number),
      runKey(attempt.run),
      attempt.job,
      startedAt.toISOString(),
      signature?.signature ?? null,
      signature?.signedBy ?? null,
      attempt.image ?? null,
      layout,
    ],
  );
  await appendAudit(connection, attempt, 'repeated', migration.version, {
    checksum: migration.up.checksum,
    from: null,
  });
}

async function forgetProgress(work: Work, version: string): Promise<void> {
  await work.connection.query(`DELETE FROM ${table(work, 'progress')} WHERE version = $1`, [version]);
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
    `INSERT INTO ${table(work, 'progress')} (version, segment, digest, state, effect, run, attempt, direction, started_at, finished_at)
      VALUES ($1, $2, $3, 'done', $4, $5, $6, $7, pg_catalog.now(), pg_catalog.clock_timestamp())
      ON CONFLICT (version, segment) DO UPDATE SET state = 'done', finished_at = pg_catalog.clock_timestamp()`,
    [
      file.migration.version,
      String(number),
      segment.digest,
      JSON.stringify({ kind: segment.kind }),
      runKey(work.attempt.run),
      String(work.attempt.number),
      file.direction.toLowerCase(),
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
    `INSERT INTO ${table(work, 'progress')} (version, segment, digest, state, effect, run, attempt, direction, started_at)
      VALUES ($1, $2, $3, 'started', $4, $5, $6, $7, pg_catalog.clock_timestamp())`,
    [
      file.migration.version,
      String(number),
      segment.digest,
      JSON.stringify(effect),
      runKey(work.attempt.run),
      String(work.attempt.number),
      file.direction.toLowerCase(),
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
