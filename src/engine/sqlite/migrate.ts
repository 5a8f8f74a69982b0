// Migrates a SQLite file: up, down, and what is repeatable. Each migration is one transaction (BEGIN IMMEDIATE) with
// its row in the ledger and its row in the audit: whatever ends this process leaves a migration done or not done.
//
// The effects of one migration in their order, and what a crash after each leaves:
//  1 foreign keys switched  a setting of our own connection: nothing
//  2 BEGIN IMMEDIATE        the only lock there is: nobody else migrates; it ends with our process
//  3 ledger read again      somebody else may have applied the version while we waited: then it is passed over
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

/** Applies the pending migrations in order; each is committed by itself. Throws EngineError. */
export async function applySqlite(work: SqliteWork, pending: readonly Migration[]): Promise<void> {
  const files = pending.map(migration => ({
    migration,
    version: migration.version,
    file: parseSqliteFile(migration.up),
  }));
  let known = Number.NaN;
  await runAll(work, files, ({ migration }) => connection => {
    // Nobody else has written while their number is what we left: only otherwise is the whole ledger read.
    const rows = Number(connection.query('SELECT count(*) AS rows FROM migrate_ledger')[0]?.rows);
    if (rows !== known) {
      const ledger = readSqliteLedger(connection);
      const done = ledger.applied.find(row => row.number === migration.number);
      if (done?.upChecksum === migration.up.checksum && done.version === migration.version) return 'DoneByAnother';
      if (done !== undefined || ledger.applied.some(row => row.number > migration.number)) {
        const found = ledger.version ?? 'empty';
        throw failure('PlanOutdated', {
          what: 'the version of the database',
          planned: `below ${migration.version}`,
          found,
        });
      }
    }
    known = rows + 1;
    const startedAt = new Date().toISOString();
    return () =>
      recordSqliteApplied(connection, migration, { by: work.by, startedAt, event: 'applied', imported: undefined });
  });
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
  const back = reversals.map(reversal => reversal.up);
  await runAll(work, files, ({ reversal, file }) => connection => {
    const highest = readSqliteLedger(connection).applied.at(-1);
    if (highest?.version !== reversal.version) {
      const found = highest?.version ?? 'empty';
      throw failure('PlanOutdated', { what: 'the version of the database', planned: reversal.version, found });
    }
    assertLosesNoMore(connection, reversal.version, file, { said, back });
    return () => recordSqliteReverted(connection, reversal.version, work.by, reversal.down);
  });
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
  const prepare =
    ({ repeatable }: (typeof files)[number]) =>
    (connection: SqliteConnection) => {
      const ledger = readSqliteLedger(connection);
      const found = ledger.version ?? 'empty';
      if (ledger.version !== version) {
        throw failure('PlanOutdated', { what: 'the version of the database', planned: version ?? 'empty', found });
      }
      const ran = ledger.repeatables.find(row => row.version === repeatable.version);
      if (ran?.checksum === repeatable.up.checksum) return 'DoneByAnother' as const;
      const startedAt = new Date().toISOString();
      return () => recordSqliteRepeated(connection, repeatable, { by: work.by, startedAt, imported: undefined });
    };
  // One by one, because the version does not tell of which of them a snapshot would be.
  for (const file of files) await runAll(work, [file], prepare);
}

/** Looks at the ledger under the lock; answers what writes its row after the statements. */
type Prepare = (connection: SqliteConnection) => 'DoneByAnother' | (() => Written);

interface Planned {
  readonly version: string;
  readonly file: SqliteFile;
}

/** One after the other. The snapshot is stored with the last one, or as far as it came before a failure. */
async function runAll<P extends Planned>(
  work: SqliteWork,
  files: readonly P[],
  prepare: (file: P) => Prepare,
): Promise<void> {
  let connection = work.connect();
  let done = 0;
  try {
    for (const one of files) {
      await runOne(work, connection, one, {
        prepare: prepare(one),
        snapshot: one === files.at(-1) ? 'Store' : 'Leave',
      });
      done += 1;
      if (!leavesTraces(one.file)) continue;
      // No PRAGMA and no temporary table of one file reaches the next.
      connection.close();
      connection = work.connect();
    }
  } catch (error) {
    const failed = files[done]?.version ?? '';
    await noteFailure(work, connection, { version: failed, error, snapshot: done > 0 ? 'Store' : 'Leave' });
    throw foreseen(error);
  } finally {
    connection.close();
  }
}

function leavesTraces({ statements }: SqliteFile): boolean {
  return statements.some(({ tokens }) => tokens.some(token => /^(PRAGMA|TEMP|TEMPORARY)$/.test(keyword(token))));
}

async function runOne(
  work: SqliteWork,
  connection: SqliteConnection,
  { version, file }: Planned,
  { prepare, snapshot }: { readonly prepare: Prepare; readonly snapshot: 'Store' | 'Leave' },
): Promise<void> {
  if (work.signal?.aborted) throw failure('Interrupted', { during: `before ${version}` });
  work.progress({ version, state: 'Begun', ms: 0 });
  const began = performance.now();
  try {
    connection.execute(`PRAGMA foreign_keys = ${file.foreignKeys === 'Enforced' ? 'ON' : 'OFF'}`);
    if (file.place === 'Alone') runSqliteFile(connection, version, file);
    await beginImmediate(work, connection);
    prepareSqliteLedger(connection, work.by);
    const record = prepare(connection);
    if (record === 'DoneByAnother') {
      connection.execute('ROLLBACK');
      work.progress({ version, state: 'DoneByAnother', ms: performance.now() - began });
      return;
    }
    if (file.place === 'Transaction') await runStatements(work, connection, version, file);
    const written = record();
    if (snapshot === 'Store') storeSnapshot(connection);
    assertWritten(connection, written);
    await commit(work, connection);
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
