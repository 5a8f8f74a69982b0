// Adopts a SQLite file that has tables and no ledger: rows for every version up to a given one, without running it, in one
// transaction: a crash leaves all of them or none. Called by the command line.
import type { SnapshotEntry } from '../../schema/snapshot.ts';
import type { ImportedHistory } from '../baseline.ts';
import { failure } from '../errors.ts';
import type { Migration } from '../sql/script.ts';
import type { SqliteConnection } from './connection.ts';
import {
  prepareSqliteLedger,
  readSqliteLedger,
  recordSqliteApplied,
  recordSqliteRepeated,
  storeSqliteSnapshot,
} from './ledger.ts';
import { beginImmediate, commit } from './lock.ts';
import type { SqliteWork } from './migrate.ts';
import { readSqliteSnapshot, userTables } from './snapshot.ts';
import { assertWritten } from './written.ts';

/** Why versions are noted that were not run: another tool's history; a proof for those above what the ledger has. */
export interface SqliteGrounds {
  readonly imported: ImportedHistory | undefined;
  readonly onTopOf: { readonly version: string; readonly entries: readonly SnapshotEntry[] } | undefined;
}

/** Writes rows for versions without running them. Throws PlanOutdated when the ledger has other rows than was thought. */
export async function baselineSqlite(
  work: SqliteWork,
  migrations: readonly Migration[],
  { imported, onTopOf }: SqliteGrounds,
): Promise<void> {
  const connection = work.connect();
  try {
    await beginImmediate(work, connection);
    prepareSqliteLedger(connection, work.by);
    const { version } = readSqliteLedger(connection);
    const entries = readSqliteSnapshot(connection);
    if (version !== (onTopOf?.version ?? null)) {
      const planned = onTopOf?.version ?? 'empty';
      throw failure('PlanOutdated', { what: 'the version of the database', planned, found: version ?? 'empty' });
    }
    if (onTopOf !== undefined && JSON.stringify(onTopOf.entries) !== JSON.stringify(entries)) {
      throw failure('PlanOutdated', { what: 'the schema', planned: 'as the files make it', found: 'another' });
    }
    const startedAt = new Date().toISOString();
    const told = new Map(imported?.history.map(one => [one.version, { ...one, from: imported.from }]));
    const written = migrations.map(migration => {
      const of = told.get(migration.version);
      return recordSqliteApplied(connection, migration, { by: work.by, startedAt, event: 'baseline', imported: of });
    });
    for (const { repeatable, ...of } of imported?.repeatables ?? []) {
      written.push(recordSqliteRepeated(connection, repeatable, { by: work.by, startedAt, imported: of }));
    }
    storeSqliteSnapshot(connection, migrations.at(-1)?.version ?? null, entries);
    for (const one of written) assertWritten(connection, one);
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
