// Writes the ledger's rows: a migration applied or reverted, a segment begun or done. Always inside the caller's transaction, always
// as the login role. The readers are in ledger.ts.
import { runKey } from '../attempt.ts';
import { literal, quoted } from '../connection.ts';
import { failure } from '../errors.ts';
import type { Segment } from '../sql/statements.ts';
import type { DownFile, PendingFile, RepeatableFile, UpFile, Work } from '../work.ts';
import { appendAudit, auditSql } from './audit.ts';

const table = (work: Work, name: string) => `${quoted(work.attempt.ledgerSchema)}.${name}`;

/**
 * What makes a script done: its rows and its audit row, one transaction with its statements; in one message, so that it may
 * be sent behind them. `pieces`: whether the version has progress rows, which end with it.
 */
export async function recordDone(
  work: Work,
  file: PendingFile,
  startedAt: Date,
  pieces: 'HasProgress' | 'NoProgress',
): Promise<void> {
  const { version } = file.migration;
  const forget =
    pieces === 'HasProgress' ? [`DELETE FROM ${table(work, 'progress')} WHERE version = ${literal(version)}`] : [];
  if (file.direction === 'Down') return recordReverted(work, file, forget);
  const rows = file.direction === 'Up' ? applied(work, file, startedAt) : repeated(work, file, startedAt);
  await work.connection.query([...forget, ...rows].join(';\n'));
}

/** The row that makes a migration applied, and its audit row. */
function applied(work: Work, { migration, signature, layout }: UpFile, startedAt: Date): readonly string[] {
  const { attempt } = work;
  const { version, up, down } = migration;
  const texts = [version, String(migration.number), up.checksum, down?.checksum, down?.text].map(textOrNull);
  const by = [attempt.owner, String(attempt.number), runKey(attempt.run), attempt.job].map(literal);
  const signed = [signature?.signature, signature?.signedBy, attempt.image, layout].map(textOrNull);
  return [
    `INSERT INTO ${table(work, 'ledger')} (version, number, up_checksum, down_checksum, down_script, applied_by, owner,
        attempt, run, job, started_at, finished_at, lsn, signature, signed_by, image, layout)
      VALUES (${texts.join(', ')}, session_user, ${by.join(', ')}, ${literal(startedAt.toISOString())},
        pg_catalog.clock_timestamp(), ${lsn(work)}, ${signed.join(', ')})`,
    auditSql(attempt, 'applied', version, { upChecksum: up.checksum }),
  ];
}

function textOrNull(value: string | undefined): string {
  return literal(value ?? null);
}

/** The end of a version's row: it must be there, or somebody has changed the ledger since it was planned. */
async function recordReverted(work: Work, { migration }: DownFile, forget: readonly string[]): Promise<void> {
  const { version, upChecksum, origin, down } = migration;
  const audit = auditSql(work.attempt, 'reverted', version, { upChecksum, origin, downChecksum: down.checksum });
  const remove = `DELETE FROM ${table(work, 'ledger')} WHERE version = ${literal(version)} RETURNING version`;
  const gone = await work.connection.query([...forget, audit, remove].join(';\n'));
  if (gone.length !== 1) {
    const schema = work.attempt.ledgerSchema;
    throw failure('LedgerDamaged', { schema, reason: `the row of ${version} is gone` }, { migration: version });
  }
}

/** The row that says with which text a repeatable migration last ran, and its audit row. */
function repeated(work: Work, { migration, signature, layout }: RepeatableFile, startedAt: Date): readonly string[] {
  const { attempt } = work;
  const { version, up } = migration;
  const columns = `checksum, applied_by, owner, attempt, run, job, started_at, finished_at, lsn, signature, signed_by, image,
        origin, imported_from, layout`;
  const by = [attempt.owner, String(attempt.number), runKey(attempt.run), attempt.job].map(literal);
  const signed = [signature?.signature, signature?.signedBy, attempt.image].map(textOrNull);
  return [
    `INSERT INTO ${table(work, 'repeatable')} (name, ${columns})
      VALUES (${literal(version)}, ${literal(up.checksum)}, session_user, ${by.join(', ')}, ${literal(startedAt.toISOString())},
        pg_catalog.clock_timestamp(), ${lsn(work)}, ${signed.join(', ')}, 'applied', NULL, ${textOrNull(layout)})
      ON CONFLICT (name) DO UPDATE SET (${columns}) = (${columns.replace(/\w+/g, 'EXCLUDED.$&')})`,
    auditSql(attempt, 'repeated', version, { checksum: up.checksum, from: null }),
  ];
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
