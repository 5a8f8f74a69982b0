// Runs scripts under the fence, ups or downs: all in one transaction (PerRun), or each in its own (PerMigration), and those
// that cannot be a transaction in pieces (split.ts). What a script does and its ledger row are committed together, so that
// whatever ends this process leaves the ledger true. Called by migrate.ts only.
import { inTurn } from './connection.ts';
import { asOwnerAfterDeferred, Deferral } from './deferred.ts';
import { failure } from './errors.ts';
import {
  DeferredTooLong,
  type DeferredUntil,
  prepareSession,
  runStatements,
  StatementFailure,
  statementError,
} from './execute.ts';
import { keepSnapshot } from './kept-snapshot.ts';
import type { ProgressRow } from './ledger/ledger.ts';
import { recordDone } from './ledger/records.ts';
import { assertStillLossless } from './losses/guards.ts';
import { assertOnlyCounted, takeInventory } from './losses/inventory.ts';
import { seconds } from './pace.ts';
import type { TransactionMode } from './plan.ts';
import { applySplit } from './split.ts';
import { asOwner, inTransaction, type OpenTransaction, withLockRetries } from './transactions.ts';
import type { PendingFile, Work } from './work.ts';

const statementCount = (count: number) => (count === 1 ? '1 statement' : `${count} statements`);
const DOING = { Up: 'applying', Down: 'reverting', Repeat: 'applying' } as const;
const beginning = ({ direction, migration, parsed }: PendingFile) =>
  `${DOING[direction]} ${migration.version} (${statementCount(parsed.statements.length)})`;
const DONE = { Up: 'applied', Down: 'reverted', Repeat: 'applied' } as const;

/** Runs all files in order. Throws EngineError, ConnectionLost or CommitUnknown. */
export async function applyMigrations(
  work: Work,
  files: readonly PendingFile[],
  mode: TransactionMode,
  progress: readonly ProgressRow[],
): Promise<void> {
  try {
    if (mode === 'PerMigration' || files.length < 2) await applyEach(work, files, progress);
    else await applyAll(work, files, progress);
  } catch (error) {
    if (error instanceof DeferredTooLong) {
      throw failure('MigrationFailed', { where: 'The transaction', reason: error.message });
    }
    throw error instanceof StatementFailure ? statementError(work, error) : error;
  }
}

/** In one transaction, if it can be had at all: what a try shows of deferred work is no reason to commit a part of it. */
async function applyAll(work: Work, files: readonly PendingFile[], progress: readonly ProgressRow[]): Promise<void> {
  for (let until: DeferredUntil = 'CommonEnd'; ; ) {
    try {
      return await applyTogether(work, files, progress, until);
    } catch (error) {
      const added = enumValueUsed(error, files);
      if (added !== undefined) {
        work.log(`one transaction for all is not to be had (${added}); each migration gets its own`);
        work.note(`each migration is a transaction of its own: ${added}`);
        return await applyEach(work, files, progress);
      }
      const tooLong = leftTooLong(error, files);
      if (tooLong === undefined || !isSooner(tooLong.until, until)) throw error;
      until = tooLong.until;
      work.log(`all once more in one transaction, ${SOONER[until]}: ${tooLong.message}`);
    }
  }
}

const ORDER: readonly DeferredUntil[] = ['CommonEnd', 'TriggersAfterEach', 'AllAfterEach'];
const isSooner = (a: DeferredUntil, b: DeferredUntil) => ORDER.indexOf(a) > ORDER.indexOf(b);
const SOONER = {
  TriggersAfterEach: 'with deferred triggers run at the end of each file',
  AllAfterEach: 'with all that is deferred done at the end of each file',
} as const;

async function applyEach(work: Work, files: readonly PendingFile[], progress: readonly ProgressRow[]): Promise<void> {
  for (const file of files) {
    const isHalfDone = progress.some(row => row.version === file.migration.version);
    if (file.parsed.transactional && !isHalfDone) await applyTogether(work, [file], progress);
    else {
      const began = Date.now();
      work.log(beginning(file));
      await keepSnapshot(work);
      await applySplit(work, file, progress);
      work.log(`${DONE[file.direction]} ${file.migration.version} in ${seconds(Date.now() - began)}`);
    }
  }
}

/** One transaction for these files and their ledger rows, tried again as a whole when a lock is not to be had. */
async function applyTogether(
  work: Work,
  files: readonly PendingFile[],
  progress: readonly ProgressRow[],
  until: DeferredUntil = 'CommonEnd',
): Promise<void> {
  const [first] = files;
  if (first === undefined) return;
  const began = Date.now();
  await withLockRetries(work, () =>
    inTransaction(work, async transaction => {
      if (first.direction === 'Down') await prepareSession(work, first);
      for (const file of files) if (file.direction === 'Down') await assertStillLossless(work, file);
      const inventory = await takeInventory(work, files);
      const deferral = new Deferral(work, files, until);
      for (const file of files) {
        const isLast = file === files.at(-1) && inventory === undefined;
        const ends = isLast ? 'Transaction' : 'File';
        await runWhole(work, transaction, file, { files, progress, deferral, ends });
      }
      await assertOnlyCounted(work, files, inventory);
    }),
  );
  const done = (wanted: 'reverted' | 'applied') => {
    const versions = files.filter(file => DONE[file.direction] === wanted).map(file => file.migration.version);
    return versions.length === 0 ? [] : [`${wanted} ${versions.join(', ')}`];
  };
  work.log(`${[...done('reverted'), ...done('applied')].join(', ')} in ${seconds(Date.now() - began)}`);
}

interface Whole {
  readonly files: readonly PendingFile[];
  readonly progress: readonly ProgressRow[];
  readonly deferral: Deferral;
  /** What ends with this file. */
  readonly ends: 'File' | 'Transaction';
}

/** Everything of a file is sent in one go: settings, statements, rows, and where the transaction ends with it, the check. */
async function runWhole(
  work: Work,
  transaction: OpenTransaction,
  file: PendingFile,
  { files, progress, deferral, ends }: Whole,
): Promise<void> {
  const startedAt = new Date();
  const { version } = file.migration;
  transaction.where = file.parsed.file;
  work.log(beginning(file));
  const prepared = prepareSession(work, file);
  const pieces = progress.some(row => row.version === version) ? 'HasProgress' : 'NoProgress';
  const done = runStatements(work, file, file.parsed.statements, async () => {
    if (files.length > 1) await deferral.endOf(file);
    await inTurn([
      files.length === 1 ? asOwnerAfterDeferred(work, file, file.parsed.statements) : asOwner(work),
      recordDone(work, transaction, file, startedAt, pieces),
      ...(ends === 'Transaction' ? [transaction.seal()] : []),
    ]);
  });
  await inTurn([prepared, done]);
}

const DATA_STATEMENTS = new Set([
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
  'SelectStmt',
  'DoStmt',
  'CallStmt',
]);

/** Why files that failed in one transaction may succeed in one each. A file that fails by its own doing fails either way. */
function enumValueUsed(error: unknown, files: readonly PendingFile[]): string | undefined {
  if (!(error instanceof StatementFailure) || error.file === files[0] || error.error.sqlstate !== '55P04')
    return undefined;
  if (error.file.parsed.statements.some(statement => statement.type === 'AlterEnumStmt')) return undefined;
  return `${error.file.parsed.file} uses an enum value that an earlier migration adds`;
}

/** Also: a table is altered on which an earlier file left something deferred (object_in_use). */
function leftTooLong(error: unknown, files: readonly PendingFile[]): DeferredTooLong | undefined {
  if (error instanceof DeferredTooLong) return error;
  if (!(error instanceof StatementFailure) || error.file === files[0]) return undefined;
  const { sqlstate, message } = error.error;
  if (sqlstate !== '55006' || !message.includes('pending trigger events')) return undefined;
  const own = error.file.parsed.statements;
  const before = own.slice(0, own.indexOf(error.statement));
  if (before.some(statement => DATA_STATEMENTS.has(statement.type))) return undefined;
  const what = `${error.file.parsed.file} alters a table on which an earlier migration left deferred checks`;
  return new DeferredTooLong('AllAfterEach', what);
}
