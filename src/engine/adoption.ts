// Adopts an existing database within a run: a database with tables and no record of any migration is taken to be at a
// version that a person named, and the run goes on from there. The rows are written with the epoch of the run's first
// attempt, in one transaction: a crash leaves all of them, and the next attempt goes on, or none. Once a version is
// recorded, and where there are no tables, nothing is adopted. Called by the runner's `plan`, and by migrate.ts.

import { type BaselineRequest, writeRow } from './baseline.ts';
import type { Connection } from './connection.ts';
import { failure, gathered } from './errors.ts';
import { appendAudit, checksumsOf } from './ledger/audit.ts';
import { type FoundTables, type Ledger, ledgerDigest, userTables } from './ledger/ledger.ts';
import { assertOnlyLedger } from './ledger/other-ledgers.ts';
import type { Source } from './source/files.ts';
import { longNames } from './source/long-names.ts';
import { nearNames } from './source/near-names.ts';
import type { Migration } from './sql/script.ts';

export interface Adoption {
  /** What is taken to be applied, in order. */
  readonly migrations: readonly Migration[];
  /** The ledger as it will be. */
  readonly ledger: Ledger;
  /** What is adopted. */
  readonly tables: FoundTables;
}

export interface AdoptionRequest {
  readonly ledgerSchema: string;
  readonly baseline: string | undefined;
  /** To which the resource has already migrated a database. */
  readonly knownVersion?: string | undefined;
}

/**
 * What there is to adopt; undefined when the ledger speaks for itself. Throws UnknownBaseline, VersionTooLong, LedgerElsewhere; and RecordMissing for a
 * database without a ledger where the resource has migrated one before: it is another, most likely by a wrong URL.
 */
export async function findAdoption(
  connection: Connection,
  ledger: Ledger,
  source: Source,
  { ledgerSchema, baseline, knownVersion }: AdoptionRequest,
): Promise<Adoption | undefined> {
  const isEmpty = ledger.applied.length === 0 && ledger.progress.length === 0;
  if (!isEmpty || (baseline === undefined && knownVersion === undefined)) return undefined;
  const tables = await userTables(connection, ledgerSchema);
  if (tables.count === 0) return undefined;
  if (knownVersion !== undefined && ledger.epoch === undefined) {
    throw failure('RecordMissing', { version: knownVersion, schema: ledgerSchema, ...tables });
  }
  if (baseline === undefined) return undefined;
  await assertOnlyLedger(connection, ledgerSchema);
  const names = source.migrations.map(migration => migration.version);
  const highest = names.at(-1) ?? '';
  if (!names.includes(baseline)) {
    throw failure('UnknownBaseline', { baseline, near: nearNames(baseline, names), highest });
  }
  const long = longNames(source);
  if (long.length > 0) throw gathered(long);
  const migrations = source.migrations.slice(0, names.indexOf(baseline) + 1);
  const applied = migrations.map(({ version, number, up, down }) => {
    const checksums = { upChecksum: up.checksum, downChecksum: down?.checksum ?? null };
    return Object.freeze({ version, number, ...checksums, attempt: 0, run: '', origin: 'baseline' as const });
  });
  const digest = ledgerDigest(applied, [], []);
  return Object.freeze({
    migrations,
    tables,
    ledger: Object.freeze({ ...ledger, applied, version: baseline, digest }),
  });
}

/** Inside the transaction that raises the epoch. */
export async function writeAdoption(
  connection: Connection,
  request: Pick<BaselineRequest, 'attempt' | 'source'>,
  { migrations }: Adoption,
): Promise<void> {
  for (const migration of migrations) {
    await writeRow(connection, { ...request, imported: undefined }, migration, undefined);
    const detail = { ...checksumsOf(migration), from: null };
    await appendAudit(connection, request.attempt, 'baseline', migration.version, detail);
  }
}
