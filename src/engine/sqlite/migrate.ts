// Migrates a SQLite file: up, down, and what is repeatable. Each migration is one transaction (BEGIN IMMEDIATE) with
// its row in the ledger and its row in the audit: whatever ends this process leaves a migration done or not done.
//
// The effects of one migration in their order, and what a crash after each leaves:
//  1 foreign keys switched  a setting of our own connection: nothing
//  2 BEGIN IMMEDIATE        the only lock there is: nobody else migrates; it ends with our process
//  3 ledger and losses read again, where somebody else has written since this run last looked (writer.ts): a version that is
//                           applied is passed over, whatever else is new ends the run
//  4 statements, ledger row, audit row (and the snapshot with the last one): rolled back by the next who opens the file
//  5 rows looked for        not there, kept out by a trigger: rolled back, as after 4
//  6 COMMIT                 applied

import { type EngineError, failure } from '../errors.ts';
import type { Loss } from '../losses/losses.ts';
import { assertNotInterrupted } from '../pace.ts';
import type { Reversal } from '../reversal.ts';
import type { Migration, Repeatable } from '../sql/script.ts';
import { appendSqliteAudit } from './audit.ts';
import { type SqliteConnect, type SqliteConnection, SqliteFailure } from './connection.ts';
import { assertNoneNew, danglingReferences, NONE_DANGLING } from './foreign-keys.ts';
import {
  hasSqliteLedger,
  prepareSqliteLedger,
  readSqliteLedger,
  recordSqliteApplied,
  recordSqliteRepeated,
  recordSqliteReverted,
  storeSqliteSnapshot,
} from './ledger.ts';
import { beginImmediate, commit, type Patience } from './lock.ts';
import { assertLosesNoMore } from './losses.ts';
import { readSqliteSnapshot } from './snapshot.ts';
import { parseSqliteFile, parseSqliteRepeatable, type SqliteFile, type SqliteStatement } from './statements.ts';
import { keyword } from './tokens.ts';
import { foreseen, isTrouble } from './trouble.ts';
import { SoleWriter } from './writer.ts';
import { assertWritten, type Written } from './written.ts';

export interface SqliteWork extends Patience {
  readonly connect: SqliteConnect;
  /** Who applies, for the ledger. */
  readonly by: string;
  /** Told before and after each migration. */
  readonly progress: (event: {
    readonly version: string;
    readonly state: 'Begun' | 'Done' | 'DoneByAnother';
    readonly ms: number;
  }) => void;
}

/** What a plan has said, and what it has said it of. */
export interface SqlitePlanned {
  /** The version of the database; null where nothing was applied. */
  readonly from: string | null;
  readonly losses: readonly Loss[];
}

/** Applies the pending migrations in order; each is committed by itself. Throws EngineError. */
export async function applySqlite(
  work: SqliteWork,
  pending: readonly Migration[],
  { from, losses }: SqlitePlanned,
): Promise<void> {
  const files = pending.map((migration, at) => ({
    migration,
    version: migration.version,
    file: parseSqliteFile(migration.up),
    below: at === 0 ? from : (pending[at - 1]?.version ?? null),
  }));
  const way = { direction: 'Up', back: pending.map(({ down }) => down), said: losses } as const;
  await runAll(work, files, one => ({
    look(connection, standing) {
      const { migration, below } = one;
      const ledger = readSqliteLedger(connection);
      const done = ledger.applied.find(row => row.number === migration.number);
      if (done?.upChecksum === migration.up.checksum && done.version === migration.version) return 'DoneByAnother';
      assertAt(ledger.version, below);
      assertLosesNoMore(connection, toLookAt(files, one, standing), way);
      return 'ToRun';
    },
    record(connection, startedAt) {
      const by = { by: work.by, startedAt, event: 'applied', imported: undefined } as const;
      return recordSqliteApplied(connection, one.migration, by);
    },
  }));
}

/** Takes versions back, highest first; what is lost must be among the losses that were said. Throws PlanOutdated. */
export async function revertSqlite(
  work: SqliteWork,
  reversals: readonly Reversal[],
  said: readonly Loss[],
): Promise<void> {
  const files = reversals.map(reversal => ({
    reversal,
    version: reversal.version,
    file: parseSqliteFile(reversal.down),
  }));
  const way = { direction: 'Down', back: reversals.map(({ up }) => up), said } as const;
  await runAll(work, files, one => ({
    look(connection, standing) {
      assertAt(readSqliteLedger(connection).version, one.version);
      assertLosesNoMore(connection, toLookAt(files, one, standing), way);
      return 'ToRun';
    },
    record: connection => recordSqliteReverted(connection, one.version, work.by, one.reversal.down),
  }));
}

/** All that is left before anything is done; then each file by itself, and of what the run, or another of the same files, has made nothing. */
function toLookAt(files: readonly Planned[], one: Planned, standing: 'Unseen' | 'Joined') {
  const at = files.indexOf(one);
  return { done: files.slice(0, at), left: standing === 'Unseen' ? files.slice(at) : [one] };
}

/** Somebody else may have come, and gone up or down. */
function assertAt(version: string | null, planned: string | null): void {
  if (version === planned) return;
  const [was, found] = [planned ?? 'empty', version ?? 'empty'];
  throw failure('PlanOutdated', { what: 'the version of the database', planned: was, found });
}

/** Runs repeatable migrations at the version for which that was planned; each is committed by itself. */
export async function repeatSqlite(
  work: SqliteWork,
  repeatables: readonly Repeatable[],
  version: string | null,
): Promise<void> {
  const files = repeatables.map(one => ({
    repeatable: one,
    version: one.version,
    file: parseSqliteRepeatable(one),
  }));
  // One by one, because the version does not tell of which of them a snapshot would be.
  for (const file of files) {
    await runAll(work, [file], ({ repeatable }) => ({
      look(connection) {
        const ledger = readSqliteLedger(connection);
        assertAt(ledger.version, version);
        const ran = ledger.repeatables.find(row => row.version === repeatable.version);
        return ran?.checksum === repeatable.up.checksum ? 'DoneByAnother' : 'ToRun';
      },
      record: (connection, startedAt) =>
        recordSqliteRepeated(connection, repeatable, { by: work.by, startedAt, imported: undefined }),
    }));
  }
}

/** What is done for a file under the lock, before and after its statements. */
interface Course {
  /** Where others may have written: whether the file is still to be run. Throws PlanOutdated. */
  look(connection: SqliteConnection, standing: 'Unseen' | 'Joined'): 'DoneByAnother' | 'ToRun';
  /** Writes the row of the ledger. */
  record(connection: SqliteConnection, startedAt: string): Written;
}

interface Planned {
  readonly version: string;
  readonly file: SqliteFile;
}

/** One after the other. The snapshot is stored with the last one, or as far as it came before a failure. */
async function runAll<P extends Planned>(
  work: SqliteWork,
  files: readonly P[],
  courseOf: (one: P) => Course,
): Promise<void> {
  const session = new SoleWriter(work.connect);
  let done = 0;
  try {
    for (const one of files) {
      const isLast = one === files.at(-1);
      await runOne(work, session, one, { course: courseOf(one), snapshot: isLast ? 'Store' : 'Leave' });
      done += 1;
      // No PRAGMA and no temporary table of one file reaches the next.
      if (!isLast && leavesTraces(one.file)) session.renew();
    }
  } catch (error) {
    const failed = files[done]?.version ?? '';
    await noteFailure(work, session.connection, { version: failed, error, snapshot: done > 0 ? 'Store' : 'Leave' });
    throw foreseen(error);
  } finally {
    session.close();
  }
}

/** Whether a file may leave settings or temporary tables on its connection. */
export function leavesTraces({ statements }: SqliteFile): boolean {
  return statements.some(({ tokens }) => tokens.some(token => /^(PRAGMA|TEMP|TEMPORARY)$/.test(keyword(token))));
}

async function runOne(
  work: SqliteWork,
  session: SoleWriter,
  { version, file }: Planned,
  { course, snapshot }: { readonly course: Course; readonly snapshot: 'Store' | 'Leave' },
): Promise<void> {
  if (work.signal?.aborted) throw failure('Interrupted', { during: `before ${version}` });
  work.progress({ version, state: 'Begun', ms: 0 });
  const began = performance.now();
  const { connection } = session;
  try {
    connection.execute(`PRAGMA foreign_keys = ${file.foreignKeys === 'Enforced' ? 'ON' : 'OFF'}`);
    if (file.place === 'Alone') runSqliteFile(connection, version, file);
    await beginImmediate(work, connection);
    prepareSqliteLedger(connection, work.by);
    const standing = session.standing();
    if (standing !== 'Alone' && course.look(connection, standing) === 'DoneByAnother') {
      connection.execute('ROLLBACK');
      work.progress({ version, state: 'DoneByAnother', ms: performance.now() - began });
      return;
    }
    const startedAt = new Date().toISOString();
    if (file.place === 'Transaction') await runStatements(work, connection, version, file);
    const written = course.record(connection, startedAt);
    if (snapshot === 'Store') storeSnapshot(connection);
    assertWritten(connection, written);
    await session.commit(work);
    work.progress({ version, state: 'Done', ms: performance.now() - began });
  } catch (error) {
    if (connection.isInTransaction) connection.execute('ROLLBACK');
    if (!(error instanceof SqliteFailure) || isTrouble(error)) throw error;
    // Of no statement: a trigger that refuses the ledger's row, or a reference that COMMIT finds to lead nowhere.
    const reason = error.message;
    throw failure('MigrationFailed', { where: file.file, reason }, { migration: version }, { cause: error });
  }
}

function storeSnapshot(connection: SqliteConnection): void {
  storeSqliteSnapshot(connection, readSqliteLedger(connection).version, readSqliteSnapshot(connection));
}

async function runStatements(
  work: SqliteWork,
  connection: SqliteConnection,
  version: string,
  file: SqliteFile,
): Promise<void> {
  const before = file.foreignKeys === 'AtTheEnd' ? danglingReferences(connection) : NONE_DANGLING;
  for (const statement of file.statements) {
    runStatement(connection, version, file, statement);
    // A signal is heard only between statements, when the loop of events gets its turn.
    await new Promise(resolve => setImmediate(resolve));
    assertNotInterrupted(work.signal, `in ${file.file}`);
  }
  if (file.foreignKeys === 'AtTheEnd') assertNoneNew(version, file, before, danglingReferences(connection));
}

/** All statements of a file, on a connection that is nobody else's. Throws MigrationFailed. */
export function runSqliteFile(connection: SqliteConnection, version: string, file: SqliteFile): void {
  for (const statement of file.statements) runStatement(connection, version, file, statement);
}

function runStatement(
  connection: SqliteConnection,
  version: string,
  file: SqliteFile,
  statement: SqliteStatement,
): void {
  const where = `${file.file}, statement ${statement.number} (line ${statement.line})`;
  const place = {
    migration: version,
    statement: statement.number,
    line: statement.line,
  };
  try {
    connection.execute(statement.text);
  } catch (error) {
    if (!(error instanceof SqliteFailure) || isTrouble(error)) throw error;
    throw failure('MigrationFailed', { where, reason: error.message }, place, { cause: error });
  }
  if (file.place === 'Transaction' && !connection.isInTransaction) throw failure('TransactionBroken', { where }, place);
}

/** A failed migration leaves a row in the audit, where there is an audit; the failure itself is what counts. */
async function noteFailure(
  work: SqliteWork,
  connection: SqliteConnection,
  {
    version,
    error,
    snapshot,
  }: { readonly version: string; readonly error: unknown; readonly snapshot: 'Store' | 'Leave' },
): Promise<void> {
  const { code, exitCode } = error as Partial<EngineError>;
  try {
    if ((exitCode !== 20 && snapshot === 'Leave') || !hasSqliteLedger(connection)) return;
    await beginImmediate({ ...work, signal: undefined }, connection);
    if (exitCode === 20) appendSqliteAudit(connection, 'failed', version, work.by, { code });
    if (snapshot === 'Store') storeSnapshot(connection);
    await commit({ ...work, signal: undefined }, connection);
  } catch {
    if (connection.isInTransaction) connection.execute('ROLLBACK');
  }
}
