// Writes the ledger's rows: a migration applied or reverted, a segment begun or done. Always inside the caller's transaction, always
// as the login role. Nothing is written once that transaction has ended, and what the server did not write is found out before
// COMMIT: a row that is missing would let a migration run twice. The readers are in ledger.ts.
import { runKey } from '../attempt.ts';
import { literal, only, QueryError, quoted } from '../connection.ts';
import { failure } from '../errors.ts';
import { keptText } from '../kept-script.ts';
import type { Segment } from '../sql/statements.ts';
import type { DownFile, PendingFile, RepeatableFile, UpFile, Work } from '../work.ts';
import { appendAudit, auditSql, checksumsOf } from './audit.ts';
import type { KeptRow, Recording } from './kept-rows.ts';

const table = (work: Work, name: string) => `${quoted(work.attempt.ledgerSchema)}.${name}`;

const DIVISION_BY_ZERO = '22012';
/** What a rule without a row answers to who wants to know what was written. */
const NOTHING_TO_RETURN = '0A000';

/**
 * One message, so that it may be sent behind the file's statements. It begins with a question that fails where the transaction
 * is another one, or none: what stands behind it in a message is then not run. Each of `rows` must have written one.
 */
async function write(
  work: Work,
  { id, expect }: Recording,
  kept: KeptRow,
  before: readonly string[],
  rows: readonly string[],
) {
  const { file } = kept;
  expect(kept);
  const guard = `SELECT 1 / (pg_catalog.txid_current() = ${id})::integer`;
  const steps = rows.map((row, index) => `row_${index} AS (${row} RETURNING 1)`).join(',\n');
  const counts = rows.map((_, index) => `(SELECT pg_catalog.count(*) FROM row_${index}) AS row_${index}`).join(', ');
  let written: readonly (string | null)[];
  try {
    written = Object.values(
      only(await work.connection.query([guard, ...before, `WITH ${steps}\nSELECT ${counts}`].join(';\n'))),
    );
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    if (error.sqlstate === DIVISION_BY_ZERO) throw failure('TransactionBroken', { where: file.parsed.file });
    if (error.sqlstate !== NOTHING_TO_RETURN) throw error;
    throw notWritten(work, file);
  }
  if (written.some(count => count !== '1')) throw notWritten(work, file);
}

/** Found when a row is written, and once more before COMMIT. */
export function notWritten(work: Pick<Work, 'attempt'>, file: PendingFile) {
  const { version } = file.migration;
  const tables = `its tables in schema "${work.attempt.ledgerSchema}"`;
  const reason = `its row was not written or is gone: somebody has changed the ledger, a statement behind it went back to a savepoint, or a trigger or a rule on ${tables} keeps rows out`;
  return failure('MigrationFailed', { where: file.parsed.file, reason }, { migration: version });
}

/**
 * What makes a script done: its rows and its audit row, one transaction with its statements. `pieces`: whether the version has
 * progress rows, which end with it.
 */
export async function recordDone(
  work: Work,
  transaction: Recording,
  file: PendingFile,
  startedAt: Date,
  pieces: 'HasProgress' | 'NoProgress',
): Promise<void> {
  const { version } = file.migration;
  const forget =
    pieces === 'HasProgress' ? [`DELETE FROM ${table(work, 'progress')} WHERE version = ${literal(version)}`] : [];
  await write(work, transaction, { of: 'Script', file }, forget, rowsOf(work, file, startedAt));
}

function rowsOf(work: Work, file: PendingFile, startedAt: Date): readonly string[] {
  switch (file.direction) {
    case 'Up':
      return applied(work, file, startedAt);
    case 'Repeat':
      return repeated(work, file, startedAt);
    case 'Down':
      return reverted(work, file);
  }
}

/** The row that makes a migration applied, and its audit row. */
function applied(work: Work, { migration, signature, layout }: UpFile, startedAt: Date): readonly string[] {
  const { attempt } = work;
  const { version, up, down } = migration;
  const kept = down === undefined ? undefined : keptText(down);
  const texts = [version, String(migration.number), up.checksum, down?.checksum, kept].map(textOrNull);
  const by = [attempt.owner, String(attempt.number), runKey(attempt.run), attempt.job].map(literal);
  const signed = [signature?.signature, signature?.signedBy, attempt.image, layout].map(textOrNull);
  return [
    `INSERT INTO ${table(work, 'ledger')} (version, number, up_checksum, down_checksum, down_script, applied_by, owner,
        attempt, run, job, started_at, finished_at, lsn, signature, signed_by, image, layout)
      VALUES (${texts.join(', ')}, session_user, ${by.join(', ')}, ${literal(startedAt.toISOString())},
        pg_catalog.clock_timestamp(), ${lsn(work)}, ${signed.join(', ')})`,
    auditSql(attempt, 'applied', version, checksumsOf(migration)),
  ];
}

function textOrNull(value: string | undefined): string {
  return literal(value ?? null);
}

/** The end of a version's row: it must be there, or somebody has changed the ledger since it was planned. */
function reverted(work: Work, { migration }: DownFile): readonly string[] {
  const { version, upChecksum, origin, down } = migration;
  return [
    `DELETE FROM ${table(work, 'ledger')} WHERE version = ${literal(version)}`,
    auditSql(work.attempt, 'reverted', version, { upChecksum, origin, downChecksum: down.checksum }),
  ];
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

/** A segment is done; of ordinary statements, written in their own transaction. */
export async function recordSegmentDone(
  work: Work,
  transaction: Recording,
  file: PendingFile,
  number: number,
  segment: Segment,
): Promise<void> {
  const now = ['pg_catalog.now()', 'pg_catalog.clock_timestamp()'];
  const row = progressRow(work, file, number, segment, { state: 'done', effect: { kind: segment.kind } });
  await write(
    work,
    transaction,
    { of: 'Segment', file, segment: number, state: 'done' },
    [],
    [
      `INSERT INTO ${table(work, 'progress')} (${PROGRESS}, started_at, finished_at) VALUES (${[...row, ...now].join(', ')})
      ON CONFLICT (version, segment) DO UPDATE SET state = 'done', finished_at = pg_catalog.clock_timestamp()`,
    ],
  );
}

/** A statement that stands alone is about to be sent: committed before it, so that a crash in it is seen. */
export async function recordSegmentStarted(
  work: Work,
  transaction: Recording,
  file: PendingFile,
  number: number,
  segment: Segment,
  effect: object,
): Promise<void> {
  const row = progressRow(work, file, number, segment, { state: 'started', effect });
  await write(
    work,
    transaction,
    { of: 'Segment', file, segment: number, state: 'started' },
    [],
    [
      `INSERT INTO ${table(work, 'progress')} (${PROGRESS}, started_at) VALUES (${row.join(', ')}, pg_catalog.clock_timestamp())`,
    ],
  );
}

const PROGRESS = 'version, segment, digest, state, effect, run, attempt, direction';

function progressRow(
  work: Work,
  file: PendingFile,
  number: number,
  segment: Segment,
  { state, effect }: { readonly state: 'started' | 'done'; readonly effect: object },
): readonly string[] {
  const { run, attempt } = { run: runKey(work.attempt.run), attempt: String(work.attempt.number) };
  const values = [file.migration.version, String(number), segment.digest, state, JSON.stringify(effect), run, attempt];
  return [...values, file.direction.toLowerCase()].map(literal);
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
