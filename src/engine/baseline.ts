// Adopts a database that has tables and no ledger: writes a row for every version up to the given one without running it,
// marked `baseline`, or `imported` where another tool's history says when it was applied. Under the fence. On top of rows
// that are there only versions above them, and only for a schema that the files were proven to produce. A repeat is refused
// (LedgerNotEmpty, PlanOutdated); a crash leaves all rows or none. Called by the CLI.
//
//   const outcome = await baselineDatabase(request, surroundings);   // throws EngineError
import { snapshotDigest } from '../schema/snapshot.ts';
import { type Attempt, runKey } from './attempt.ts';
import { fenceLimitsOf, readSnapshotBounded } from './bounded-reads.ts';
import { type Connection, quoted } from './connection.ts';
import { failure } from './errors.ts';
import { type Fenced, raiseEpochAlone, takeFence } from './fence/fence.ts';
import { keptText } from './kept-script.ts';
import { grantApplication } from './ledger/app-grants.ts';
import { type AuditHead, appendAudit, checksumsOf, readAuditHead } from './ledger/audit.ts';
import { hasLedger, type Ledger, readLedger } from './ledger/ledger.ts';
import { createLedger } from './ledger/ledger-schema.ts';
import { assertOnlyLedger } from './ledger/other-ledgers.ts';
import { storeSnapshot } from './ledger/stored-snapshot.ts';
import { openSession, type Server } from './server.ts';
import type { Source } from './source/files.ts';
import { nearNames } from './source/near-names.ts';
import type { Migration, Repeatable } from './sql/script.ts';
import type { Surroundings } from './work.ts';

/** What another tool's table says of one version. */
export interface ImportedMigration {
  readonly version: string;
  /** ISO 8601; null where the tool keeps no time. */
  readonly appliedAt: string | null;
  readonly appliedBy: string | null;
}

/** A repeatable migration that another tool ran with the very text that is here. */
export interface ImportedRepeatable {
  /** The tool's name. */
  readonly from: string;
  readonly appliedAt: string | null;
  readonly appliedBy: string | null;
}

/** Another tool's name, and what its table says. */
export interface ImportedHistory {
  readonly from: string;
  readonly history: readonly ImportedMigration[];
  readonly repeatables: readonly (ImportedRepeatable & { readonly repeatable: Repeatable })[];
}

export interface BaselineRequest {
  readonly attempt: Attempt;
  readonly source: Source;
  /** The highest version that the database has: its name among the files. */
  readonly version: string;
  /** Undefined: a person says so. */
  readonly imported: ImportedHistory | undefined;
  readonly appRoles: readonly string[];
  /** Where the ledger is not empty: what was proven to be in need of no more than the rows. */
  readonly onTopOf?: Proven | undefined;
}

/** A database of which it was shown that the files up to a version produce its schema. */
export interface Proven {
  /** The version that its ledger was at. */
  readonly version: string;
  /** Of its schema as it was then: what has changed since is not proven. */
  readonly snapshotDigest: string;
}

export interface BaselineOutcome {
  readonly server: Server;
  readonly ledger: Ledger;
  readonly auditHead: AuditHead | null;
  /** Versions that were written down, in order. */
  readonly versions: readonly string[];
  readonly notes: readonly string[];
}

/** Throws LedgerNotEmpty, LedgerElsewhere, UnknownTarget, PlanOutdated, and what the fence throws. */
export async function baselineDatabase(request: BaselineRequest, surroundings: Surroundings): Promise<BaselineOutcome> {
  const { attempt } = request;
  const schema = attempt.ledgerSchema;
  const upTo = versionsUpTo(request);
  const { connection, server } = await openSession(surroundings);
  try {
    const fenced = await takeFence(connection, server, attempt, surroundings);
    assertAdoptable(request, fenced.ledger);
    const noted = new Set(fenced.ledger.applied.map(row => row.version));
    const adopted = upTo.filter(migration => !noted.has(migration.version));
    await write(request, fenced, adopted);
    const missing = await grantApplication(connection, schema, request.appRoles);
    const ledger = await readLedger(connection, schema, server.role);
    const versions = adopted.map(migration => migration.version);
    const notes = missing.length > 0 ? [`these application roles do not exist: ${missing.join(', ')}`] : [];
    surroundings.log(
      `the database is taken to be at ${ledger.version}: ${versions.length === 1 ? '1 version was' : `${versions.length} versions were`} not run`,
    );
    return Object.freeze({ server, ledger, auditHead: await readAuditHead(connection, schema), versions, notes });
  } finally {
    await connection.close();
  }
}

function assertAdoptable({ attempt, onTopOf }: BaselineRequest, { applied, progress, version }: Ledger): void {
  const rows = Math.max(applied.length, progress.length);
  if (onTopOf === undefined && rows > 0) {
    throw failure('LedgerNotEmpty', { schema: attempt.ledgerSchema, applied: rows });
  }
  if (onTopOf !== undefined && (onTopOf.version !== version || progress.length > 0)) {
    throw outdated('the version of the database', onTopOf.version, version ?? 'empty');
  }
}

const outdated = (what: string, planned: string, found: string) => failure('PlanOutdated', { what, planned, found });

function versionsUpTo({ source, version, imported }: BaselineRequest): readonly Migration[] {
  const names = source.migrations.map(migration => migration.version);
  for (const target of [version, ...(imported?.history.map(one => one.version) ?? [])]) {
    const near = nearNames(target, names);
    if (!names.includes(target)) throw failure('UnknownTarget', { target, near, highest: names.at(-1) ?? '' });
  }
  return source.migrations.slice(0, names.indexOf(version) + 1);
}

/** The ledger's tables, then everything else in the transaction that raises the epoch. */
async function write(request: BaselineRequest, fenced: Fenced, adopted: readonly Migration[]): Promise<void> {
  const { attempt, imported } = request;
  const { connection, server, surroundings, ledger } = fenced;
  const schema = attempt.ledgerSchema;
  if (!(await hasLedger(connection, schema))) {
    await assertOnlyLedger(connection, schema);
    await createLedger(connection, schema, server.role);
  }
  const entries = await readSnapshotBounded(connection, server, schema, surroundings, fenceLimitsOf(surroundings));
  const digest = snapshotDigest(entries);
  if (request.onTopOf !== undefined && request.onTopOf.snapshotDigest !== digest) {
    throw outdated('the schema', 'as the files make it', 'another');
  }
  const start = { version: ledger.version, ledgerDigest: ledger.digest, snapshotDigest: digest };
  const history = new Map(imported?.history.map(one => [one.version, one]));
  await raiseEpochAlone(connection, attempt, ledger.format, start, async () => {
    for (const migration of adopted) {
      await writeRow(connection, request, migration, history.get(migration.version));
      const detail = { ...checksumsOf(migration), from: imported?.from ?? null };
      await appendAudit(connection, attempt, 'baseline', migration.version, detail);
    }
    for (const { repeatable, ...told } of imported?.repeatables ?? []) {
      await writeRepeatable(connection, request, repeatable, told);
      const detail = { checksum: repeatable.up.checksum, from: told.from };
      await appendAudit(connection, attempt, 'repeated', repeatable.version, detail);
    }
    await storeSnapshot(connection, server, attempt, entries);
  });
}

async function writeRepeatable(
  connection: Connection,
  { attempt, source }: BaselineRequest,
  { version, up }: Repeatable,
  { from, appliedAt, appliedBy }: ImportedRepeatable,
): Promise<void> {
  await connection.query(
    `INSERT INTO ${quoted(attempt.ledgerSchema)}.repeatable (name, checksum, applied_by, owner, attempt, run, job, started_at,
        finished_at, image, origin, imported_from, layout)
      VALUES ($1, $2, coalesce($3, session_user), $4, $5, $6, $7, coalesce($8::timestamptz, pg_catalog.now()),
        coalesce($8::timestamptz, pg_catalog.now()), $9, 'imported', $10, $11)`,
    [
      ...[version, up.checksum, appliedBy, attempt.owner, String(attempt.number), runKey(attempt.run), attempt.job],
      ...[appliedAt, attempt.image ?? null, from, source.layout],
    ],
  );
}

/** One row of what is taken to be applied, inside an open transaction. */
export async function writeRow(
  connection: Connection,
  { attempt, source, imported }: Pick<BaselineRequest, 'attempt' | 'source' | 'imported'>,
  migration: Migration,
  told: ImportedMigration | undefined,
): Promise<void> {
  await connection.query(
    `INSERT INTO ${quoted(attempt.ledgerSchema)}.ledger (version, number, up_checksum, down_checksum, down_script, applied_by,
        owner, attempt, run, job, started_at, finished_at, image, origin, imported_from, layout)
      VALUES ($1, $2, $3, $4, $5, coalesce($6, session_user), $7, $8, $9, $10, coalesce($11::timestamptz, pg_catalog.now()),
        coalesce($11::timestamptz, pg_catalog.now()), $12, $13, $14, $15)`,
    [
      migration.version,
      String(migration.number),
      migration.up.checksum,
      migration.down?.checksum ?? null,
      migration.down === undefined ? null : keptText(migration.down),
      told?.appliedBy ?? null,
      attempt.owner,
      String(attempt.number),
      runKey(attempt.run),
      attempt.job,
      told?.appliedAt ?? null,
      attempt.image ?? null,
      told === undefined ? 'baseline' : 'imported',
      told === undefined ? null : (imported?.from ?? null),
      source.layout,
    ],
  );
}
