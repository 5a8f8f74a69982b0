// Runs scripts under the fence, ups or downs: all in one transaction (PerRun), or each in its own (PerMigration), and those
// that cannot be a transaction in pieces (split.ts). What a script does and its ledger row are committed together, so that
// whatever ends this process leaves the ledger true. Called by migrate.ts only.
import { QueryError } from './connection.ts';
import { prepareSession, runStatements, StatementFailure, statementError } from './execute.ts';
import { assertStillLossless } from './guards.ts';
import { assertOnlyCounted, takeInventory } from './inventory.ts';
import type { ProgressRow } from './ledger.ts';
import { seconds } from './pace.ts';
import type { TransactionMode } from './plan.ts';
import { recordDone } from './records.ts';
import { applySplit } from './split.ts';
import { asOwner, inTransaction, withLockRetries } from './transactions.ts';
import type { PendingFile, Work } from './work.ts';

const DOING = { Up: 'applying', Down: 'reverting', Repeat: 'applying' } as const;
const DONE = { Up: 'applied', Down: 'reverted', Repeat: 'applied' } as const;

/** Runs all files in order; answers notes. Throws EngineError, ConnectionLost or CommitUnknown. */
export async function applyMigrations(
  work: Work,
  files: readonly PendingFile[],
  mode: TransactionMode,
  progress: readonly ProgressRow[],
): Promise<readonly string[]> {
  try {
    if (mode === 'PerMigration' || files.length < 2) {
      await applyEach(work, files, progress);
      return [];
    }
    try {
      await applyTogether(work, files);
      return [];
    } catch (error) {
      const why = reasonToSeparate(error, files);
      if (why === undefined) throw error;
      work.log(`one transaction for all is not to be had (${why}); each migration gets its own`);
      await applyEach(work, files, progress);
      return [`each migration was a transaction of its own: ${why}`];
    }
  } catch (error) {
    throw error instanceof StatementFailure ? statementError(work, error) : error;
  }
}

async function applyEach(work: Work, files: readonly PendingFile[], progress: readonly ProgressRow[]): Promise<void> {
  for (const file of files) {
    const isHalfDone = progress.some(row => row.version === file.migration.version);
    if (file.parsed.transactional && !isHalfDone) await applyTogether(work, [file]);
    else {
      const began = Date.now();
      await applySplit(work, file, progress);
      work.log(`${DONE[file.direction]} ${file.migration.version} in ${seconds(Date.now() - began)}`);
    }
  }
}

/** One transaction for these files and their ledger rows, tried again as a whole when a lock is not to be had. */
async function applyTogether(work: Work, files: readonly PendingFile[]): Promise<void> {
  const [first] = files;
  if (first === undefined) return;
  const began = Date.now();
  await withLockRetries(work, () =>
    inTransaction(
      work,
      async transaction => {
        for (const file of files) if (file.direction === 'Down') await assertStillLossless(work, file);
        const inventory = await takeInventory(work, files);
        for (const file of files) {
          const startedAt = new Date();
          transaction.where = file.parsed.file;
          work.log(`${DOING[file.direction]} ${file.migration.version} (${file.parsed.statements.length} statements)`);
          if (file !== first) await prepareSession(work, file);
          await runStatements(work, file, file.parsed.statements);
          if (files.length === 1) await checkDeferred(work, file);
          await asOwner(work);
          await recordDone(work, file, startedAt);
        }
        await assertOnlyCounted(work, files, inventory);
      },
      () => prepareSession(work, first),
    ),
  );
  await asOwner(work);
  const done = (wanted: 'reverted' | 'applied') => {
    const versions = files.filter(file => DONE[file.direction] === wanted).map(file => file.migration.version);
    return versions.length === 0 ? [] : [`${wanted} ${versions.join(', ')}`];
  };
  work.log(`${[...done('reverted'), ...done('applied')].join(', ')} in ${seconds(Date.now() - began)}`);
}

/**
 * Constraints deferred to the end of the transaction are checked while their file can be named. Not between files of one
 * transaction: there is no way back to each constraint's own setting, on which the next file may rely.
 */
async function checkDeferred(work: Work, file: PendingFile): Promise<void> {
  try {
    await work.connection.query('SET CONSTRAINTS ALL IMMEDIATE');
  } catch (error) {
    const last = file.parsed.statements.at(-1);
    if (error instanceof QueryError && last !== undefined) throw new StatementFailure(file, last, error, work.monitor);
    throw error;
  }
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

/**
 * Why files that failed in one transaction may succeed in one each: an enum value added by an earlier file (55P04), rows
 * with deferred constraints from an earlier file (55006). A file that fails by its own doing fails either way.
 */
function reasonToSeparate(error: unknown, files: readonly PendingFile[]): string | undefined {
  if (!(error instanceof StatementFailure) || error.file === files[0]) return undefined;
  const own = error.file.parsed.statements;
  const { sqlstate, message } = error.error;
  if (sqlstate === '55P04' && !own.some(statement => statement.type === 'AlterEnumStmt')) {
    return `${error.file.parsed.file} uses an enum value that an earlier migration adds`;
  }
  if (sqlstate === '55006' && message.includes('pending trigger events')) {
    const before = own.slice(0, own.indexOf(error.statement));
    if (before.some(statement => DATA_STATEMENTS.has(statement.type))) return undefined;
    return `${error.file.parsed.file} alters a table on which an earlier migration left deferred checks`;
  }
  return undefined;
}
