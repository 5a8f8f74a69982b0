// Migrates a SQLite file: up, down, or adopting what is there. Each migration is one transaction (BEGIN IMMEDIATE) with
// its row in the ledger and its row in the audit: whatever ends this process leaves a migration done or not done.
//
// The effects of one migration in their order, and what a crash after each leaves:
//  1 foreign keys switched  a setting of our own connection: nothing
//  2 BEGIN IMMEDIATE        the only lock there is: nobody else migrates; it ends with our process
//  3 ledger read again      somebody else may have applied the version while we waited: then it is passed over
//  4 statements, ledger row, audit row, snapshot: rolled back by the next who opens the file
//  5 COMMIT                 applied
import { type EngineError, failure } from '../errors.ts';
import type { Migration, Script } from '../files.ts';
import { jittered, seconds, sleep } from '../pace.ts';
import type { Reversal } from '../reversal.ts';
import { isBusy, RESULT, type SqliteConnect, type SqliteConnection, SqliteFailure } from './connection.ts';
import {
  appendSqliteAudit,
  createSqliteLedger,
  hasSqliteLedger,
  readSqliteLedger,
  recordSqliteApplied,
  recordSqliteReverted,
  storeSqliteSnapshot,
} from './ledger.ts';
import { readSqliteSnapshot, userTables } from './snapshot.ts';
import { parseSqliteFile, type SqliteFile, type SqliteStatement } from './statements.ts';

export interface SqliteWork {
  readonly connect: SqliteConnect;
  /** Who applies, for the ledger. */
  readonly by: string;
  readonly signal: AbortSignal | undefined;
  /** How long another writer is waited for. */
  readonly lockWaitMs: number;
  /** Told before and after each migration. */
  readonly progress: (event: {
    readonly version: string;
    readonly state: 'Begun' | 'Done' | 'DoneByAnother';
    readonly ms: number;
  }) => void;
}

/** Applies the pending migrations in order; each is committed by itself. Throws EngineError. */
export async function applySqlite(work: SqliteWork, pending: readonly Migration[]): Promise<void> {
  const files = pending.map(migration => ({ migration, file: parseSqliteFile(migration.up) }));
  for (const { migration, file } of files) {
    await runOne(work, migration.version, file, (connection, startedAt) => {
      const ledger = readSqliteLedger(connection);
      const done = ledger.applied.find(row => row.number === migration.number);
      if (done?.upChecksum === migration.up.checksum && done.version === migration.version) return 'DoneByAnother';
      if (done !== undefined || ledger.applied.some(row => row.number > migration.number)) {
        throw failure('PlanOutdated', {
          what: 'the version of the database',
          planned: `below ${migration.version}`,
          found: ledger.version ?? 'empty',
        });
      }
      return () => recordSqliteApplied(connection, migration, { by: work.by, startedAt, event: 'applied' });
    });
  }
}

/** Takes versions back, highest first. */
export async function revertSqlite(work: SqliteWork, reversals: readonly Reversal[]): Promise<void> {
  const files = reversals.map(reversal => ({ reversal, file: parseSqliteFile(reversal.down) }));
  for (const { reversal, file } of files) {
    await runOne(work, reversal.version, file, connection => {
      const highest = readSqliteLedger(connection).applied.at(-1);
      if (highest?.version !== reversal.version) {
        throw failure('PlanOutdated', {
          what: 'the version of the database',
          planned: reversal.version,
          found: highest?.version ?? 'empty',
        });
      }
      return () => recordSqliteReverted(connection, reversal.version, work.by, reversal.down.checksum);
    });
  }
}

/** Writes rows for versions without running them. Throws when the ledger has rows. */
export async function baselineSqlite(work: SqliteWork, migrations: readonly Migration[]): Promise<void> {
  const connection = work.connect();
  try {
    await beginImmediate(work, connection);
    if (!hasSqliteLedger(connection)) createSqliteLedger(connection);
    const { applied, version } = readSqliteLedger(connection);
    if (applied.length > 0) {
      throw failure('PlanOutdated', {
        what: 'the version of the database',
        planned: 'empty',
        found: version ?? 'empty',
      });
    }
    const startedAt = new Date().toISOString();
    for (const migration of migrations)
      recordSqliteApplied(connection, migration, { by: work.by, startedAt, event: 'baseline' });
    storeSqliteSnapshot(connection, migrations.at(-1)?.version ?? null, readSqliteSnapshot(connection));
    await commit(work, connection);
  } finally {
    connection.close();
  }
}

/** Tables, and no migration ever: whose they are cannot be known. Throws BaselineNeeded. */
export function assertSqliteBaseline(connection: SqliteConnection): void {
  if (readSqliteLedger(connection).applied.length > 0) return;
  const tables = userTables(connection);
  if (tables.length > 0) throw failure('BaselineNeeded', { tables: tables.length, first: tables.slice(0, 3) });
}

type Prepare = (connection: SqliteConnection, startedAt: string) => 'DoneByAnother' | (() => void);

/** A connection of its own for each migration: no PRAGMA and no temporary table of one file reaches the next. */
async function runOne(work: SqliteWork, version: string, file: SqliteFile, prepare: Prepare): Promise<void> {
  if (work.signal?.aborted) throw failure('Interrupted', { during: `before ${version}` });
  work.progress({ version, state: 'Begun', ms: 0 });
  const began = performance.now();
  const connection = work.connect();
  try {
    connection.execute(`PRAGMA foreign_keys = ${file.foreignKeys === 'Enforced' ? 'ON' : 'OFF'}`);
    if (file.place === 'Alone')
      for (const statement of file.statements) runStatement(connection, version, file, statement);
    await beginImmediate(work, connection);
    if (!hasSqliteLedger(connection)) createSqliteLedger(connection);
    const record = prepare(connection, new Date().toISOString());
    if (record === 'DoneByAnother') {
      connection.execute('ROLLBACK');
      work.progress({ version, state: 'DoneByAnother', ms: performance.now() - began });
      return;
    }
    if (file.place === 'Transaction') await runStatements(work, connection, version, file);
    record();
    storeSqliteSnapshot(connection, readSqliteLedger(connection).version, readSqliteSnapshot(connection));
    await commit(work, connection);
    work.progress({ version, state: 'Done', ms: performance.now() - began });
  } catch (error) {
    if (connection.isInTransaction) connection.execute('ROLLBACK');
    await noteFailure(work, connection, version, error);
    throw foreseen(error, connection.path);
  } finally {
    connection.close();
  }
}

async function runStatements(
  work: SqliteWork,
  connection: SqliteConnection,
  version: string,
  file: SqliteFile,
): Promise<void> {
  const before = file.foreignKeys === 'AtTheEnd' ? violations(connection) : new Map<string, number>();
  for (const statement of file.statements) {
    if (work.signal?.aborted) throw failure('Interrupted', { during: `in ${file.file}` });
    runStatement(connection, version, file, statement);
    // A signal is heard only between statements, when the loop of events gets its turn.
    await new Promise(resolve => setImmediate(resolve));
  }
  if (file.foreignKeys === 'AtTheEnd') assertNoNewViolations(version, file, before, violations(connection));
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

/** Rows that refer to nothing, by table and target: counts, never the rows. */
function violations(connection: SqliteConnection): ReadonlyMap<string, number> {
  const rows = connection.query('SELECT "table", parent, count(*) AS rows FROM pragma_foreign_key_check GROUP BY 1, 2');
  return new Map(rows.map(row => [`${row.table} to ${row.parent}`, Number(row.rows)]));
}

function assertNoNewViolations(
  version: string,
  file: SqliteFile,
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): void {
  for (const [reference, rows] of after) {
    if (rows <= (before.get(reference) ?? 0)) continue;
    const reason = `it leaves ${rows} ${rows === 1 ? 'row' : 'rows'} that refer from ${reference}, where nothing is`;
    throw failure('MigrationFailed', { where: file.file, reason }, { migration: version });
  }
}

const POLL_MS = 50;

/** Takes SQLite's write lock by trying and polling, so that a signal is heard. Throws FenceHeld. */
async function beginImmediate(work: SqliteWork, connection: SqliteConnection): Promise<void> {
  const deadline = Date.now() + work.lockWaitMs;
  for (;;) {
    try {
      connection.execute('BEGIN IMMEDIATE');
      return;
    } catch (error) {
      if (!isBusy(error)) throw foreseen(error, connection.path);
      if (Date.now() >= deadline) {
        throw failure('FenceHeld', { waited: seconds(work.lockWaitMs), holder: `a writer of ${connection.path}` });
      }
    }
    await sleep(jittered(POLL_MS), work.signal, 'while waiting for the write lock');
  }
}

/** Readers may hold a COMMIT back for a while; the transaction stays open until it is had. */
async function commit(work: SqliteWork, connection: SqliteConnection): Promise<void> {
  const deadline = Date.now() + work.lockWaitMs;
  for (;;) {
    try {
      connection.execute('COMMIT');
      return;
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (Date.now() >= deadline) {
        throw failure('LockTimeout', {
          waited: seconds(work.lockWaitMs),
          blockers: [`a reader of ${connection.path}`],
        });
      }
    }
    await sleep(jittered(POLL_MS), work.signal, 'while waiting to commit');
  }
}

/** A failed migration leaves a row in the audit, where there is an audit; the failure itself is what counts. */
async function noteFailure(
  work: SqliteWork,
  connection: SqliteConnection,
  version: string,
  error: unknown,
): Promise<void> {
  const { code, exitCode } = error as Partial<EngineError>;
  if (exitCode !== 20 || !hasSqliteLedger(connection)) return;
  try {
    await beginImmediate(work, connection);
    appendSqliteAudit(connection, 'failed', version, work.by, { code });
    await commit(work, connection);
  } catch {
    if (connection.isInTransaction) connection.execute('ROLLBACK');
  }
}

const isTrouble = (error: SqliteFailure) =>
  (
    [
      RESULT.full,
      RESULT.ioError,
      RESULT.corrupt,
      RESULT.readOnly,
      RESULT.cannotOpen,
      RESULT.notADatabase,
    ] as readonly number[]
  ).includes(error.code) || isBusy(error);

/** Gives a place in the catalogue to what SQLite says of the file itself. */
export function foreseen(error: unknown, path: string): unknown {
  if (!(error instanceof SqliteFailure)) return error;
  switch (error.code) {
    case RESULT.busy:
    case RESULT.locked:
      return failure('LockTimeout', { waited: 'the time given', blockers: [`another user of ${path}`] });
    case RESULT.notADatabase:
    case RESULT.corrupt:
      return failure('ServerInTrouble', { reason: `${path}: ${error.message}` });
    case RESULT.readOnly:
      return failure('ServerReadOnly', { host: path, reason: 'the file or its directory is read-only' });
    default:
      return failure('ServerInTrouble', { reason: `${path}: ${error.message}` });
  }
}

/** A script's text as the ledger kept it, for a version that has left the files. */
export function keptScript(version: string, text: string, checksum: string): Script {
  return { file: `${version}.down.sql`, text, checksum };
}
