// The ledger in a SQLite file: the same idea as in PostgreSQL, in tables of the file itself whose names begin with
// `migrate_` (an attached file could not be committed together with it when the journal is a WAL). Format 2; see
// docs/formats.md. Called by migrate.ts under its transaction, and for reading by every command.
import type { SnapshotEntry } from '../../schema/snapshot.ts';
import type { ImportedMigration } from '../baseline.ts';
import { failure } from '../errors.ts';
import { keptScript } from '../kept-script.ts';
import { checksumsOf } from '../ledger/audit.ts';
import { type AppliedMigration, EMPTY_LEDGER, type Ledger, ledgerDigest } from '../ledger/ledger.ts';
import type { Migration, Repeatable, Script } from '../sql/script.ts';
import { AUDIT_TABLE, appendSqliteAudit } from './audit.ts';
import type { SqliteConnection, SqliteRow } from './connection.ts';
import {
  REPEATABLE_TABLE,
  type RepeatableArrival,
  type RepeatableRow,
  readSqliteRepeatables,
  writeSqliteRepeatable,
} from './repeatables.ts';
import type { Written } from './written.ts';

export const SQLITE_LEDGER_FORMAT = 2;
/** Everything of ours begins so; a snapshot leaves it out. */
export const OWN_PREFIX = 'migrate_';

const TABLES = `
  CREATE TABLE migrate_ledger (
    version TEXT PRIMARY KEY, number TEXT NOT NULL UNIQUE, up_checksum TEXT NOT NULL, down_checksum TEXT,
    down_script TEXT, origin TEXT NOT NULL, applied_by TEXT NOT NULL, started_at TEXT NOT NULL,
    finished_at TEXT NOT NULL) STRICT;
  CREATE TABLE migrate_state (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1), format INTEGER NOT NULL, snapshot_version TEXT,
    snapshot TEXT) STRICT;
  ${AUDIT_TABLE}
  ${REPEATABLE_TABLE}
  INSERT INTO migrate_state (singleton, format) VALUES (1, ${SQLITE_LEDGER_FORMAT});`;

/** Whether there is a ledger. Throws LedgerFormatUnknown or LedgerDamaged. */
export function hasSqliteLedger(connection: SqliteConnection): boolean {
  return sqliteFormat(connection) !== undefined;
}

/** Of the tables that are there; an older one is read as it is, and upgraded by the next who writes. */
function sqliteFormat(connection: SqliteConnection): number | undefined {
  const names = connection.query(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ('migrate_ledger', 'migrate_state', 'migrate_audit')",
  );
  if (names.length === 0) return undefined;
  if (names.length < 3) {
    const reason = `of its tables only ${names.map(row => row.name).join(' and ')} is there`;
    throw failure('LedgerDamaged', { schema: connection.path, reason });
  }
  const [state] = connection.query('SELECT format FROM migrate_state');
  const format = Number(state?.format ?? 0);
  if (format < 1 || format > SQLITE_LEDGER_FORMAT) {
    throw failure('LedgerFormatUnknown', { format: String(state?.format ?? 'none'), known: SQLITE_LEDGER_FORMAT });
  }
  return format;
}

/** Makes the tables, or brings older ones to this format, inside the caller's transaction. */
export function prepareSqliteLedger(connection: SqliteConnection, by: string): void {
  const format = sqliteFormat(connection);
  if (format === undefined) connection.execute(TABLES);
  if (format !== 1) return;
  connection.execute(REPEATABLE_TABLE);
  connection.query('UPDATE migrate_state SET format = ?', [SQLITE_LEDGER_FORMAT]);
  appendSqliteAudit(connection, 'upgraded', null, by, { from: format, to: SQLITE_LEDGER_FORMAT });
}

/** One applied version with what only history shows. */
export interface AppliedRow extends AppliedMigration {
  readonly appliedBy: string;
  readonly startedAt: string;
  readonly finishedAt: string;
}

export interface SqliteLedger extends Ledger {
  readonly applied: readonly AppliedRow[];
  readonly repeatables: readonly RepeatableRow[];
}

/** Reads the ledger; an empty one where there is none. */
export function readSqliteLedger(connection: SqliteConnection): SqliteLedger {
  const format = sqliteFormat(connection);
  if (format === undefined) return { ...EMPTY_LEDGER, applied: [], repeatables: [] };
  const rows = connection.query(
    'SELECT version, number, up_checksum, down_checksum, origin, applied_by, started_at, finished_at FROM migrate_ledger',
  );
  // Text, because other tools' numbers are longer than an integer of SQLite; so the order is made here.
  const applied = rows.map(appliedOf).sort((a, b) => (a.number < b.number ? -1 : 1));
  const repeatables = readSqliteRepeatables(connection, format);
  return Object.freeze({
    format,
    epoch: undefined,
    applied,
    progress: [],
    repeatables,
    version: applied.at(-1)?.version ?? null,
    digest: ledgerDigest(applied, [], repeatables),
  });
}

function appliedOf(row: SqliteRow): AppliedRow {
  return Object.freeze({
    version: String(row.version),
    number: BigInt(String(row.number)),
    upChecksum: String(row.up_checksum),
    downChecksum: row.down_checksum === null ? null : String(row.down_checksum),
    attempt: 0,
    run: '',
    origin: row.origin === 'baseline' || row.origin === 'imported' ? row.origin : 'applied',
    appliedBy: String(row.applied_by),
    startedAt: String(row.started_at),
    finishedAt: String(row.finished_at),
  });
}

/** The down script that the ledger kept, found to be the one that was stored; undefined where there was none. Throws LedgerDamaged. */
export function keptDownScript(connection: SqliteConnection, version: string): Script | undefined {
  const [row] = connection.query('SELECT down_script, down_checksum FROM migrate_ledger WHERE version = ?', [version]);
  if (row === undefined || row.down_script === null) return undefined;
  const checksum = row.down_checksum === null ? null : String(row.down_checksum);
  return keptScript(connection.path, version, String(row.down_script), checksum);
}

/** How a version came to be applied. */
export interface Arrival {
  /** Who called the command. */
  readonly by: string;
  readonly startedAt: string;
  readonly event: 'applied' | 'baseline';
  /** What another tool says of it, with that tool's name. */
  readonly imported: (ImportedMigration & { readonly from: string }) | undefined;
}

/** The row that makes a migration applied, and its audit row: in the caller's transaction. */
export function recordSqliteApplied(connection: SqliteConnection, migration: Migration, arrival: Arrival): Written {
  const { version, number, up, down } = migration;
  const { by, event, imported } = arrival;
  const [startedAt, finishedAt] = [
    imported?.appliedAt ?? arrival.startedAt,
    imported?.appliedAt ?? new Date().toISOString(),
  ];
  connection.query(
    `INSERT INTO migrate_ledger (version, number, up_checksum, down_checksum, down_script, origin, applied_by, started_at,
        finished_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      ...[version, String(number), up.checksum, down?.checksum ?? null, down?.text ?? null],
      ...[imported === undefined ? event : 'imported', imported?.appliedBy ?? by, startedAt, finishedAt],
    ],
  );
  const from = imported === undefined ? {} : { from: imported.from };
  const audit = appendSqliteAudit(connection, event, version, by, { ...checksumsOf(migration), ...from });
  const condition =
    'EXISTS (SELECT 1 FROM main.migrate_ledger WHERE version = ? AND number = ? AND up_checksum = ? AND down_checksum IS ?)';
  const values = [version, String(number), up.checksum, down?.checksum ?? null];
  return { version, file: up.file, condition, values, audit };
}

/** The row that says with which text a repeatable migration ran, and its audit row: in the caller's transaction. */
export function recordSqliteRepeated(
  connection: SqliteConnection,
  repeatable: Repeatable,
  arrival: RepeatableArrival,
): Written {
  writeSqliteRepeatable(connection, repeatable, arrival);
  const { version, up } = repeatable;
  const detail = { checksum: up.checksum, from: arrival.imported?.from ?? null };
  const audit = appendSqliteAudit(connection, 'repeated', version, arrival.by, detail);
  const condition = 'EXISTS (SELECT 1 FROM main.migrate_repeatable WHERE name = ? AND checksum = ?)';
  return { version, file: up.file, condition, values: [version, up.checksum], audit };
}

/** Takes the row away again, in the transaction of its down script. */
export function recordSqliteReverted(connection: SqliteConnection, version: string, by: string, down: Script): Written {
  connection.query('DELETE FROM migrate_ledger WHERE version = ?', [version]);
  const audit = appendSqliteAudit(connection, 'reverted', version, by, { downChecksum: down.checksum });
  const condition = 'NOT EXISTS (SELECT 1 FROM main.migrate_ledger WHERE version = ?)';
  return { version, file: down.file, condition, values: [version], audit };
}

/** Keeps what the schema looks like now: what `check` compares the live schema with. */
export function storeSqliteSnapshot(
  connection: SqliteConnection,
  version: string | null,
  entries: readonly SnapshotEntry[],
): void {
  connection.query('UPDATE migrate_state SET snapshot_version = ?, snapshot = ?', [version, JSON.stringify(entries)]);
}

/** The kept snapshot; undefined where there is none. */
export function readSqliteStoredSnapshot(
  connection: SqliteConnection,
): { readonly version: string | null; readonly entries: readonly SnapshotEntry[] } | undefined {
  if (!hasSqliteLedger(connection)) return undefined;
  const [row] = connection.query('SELECT snapshot_version, snapshot FROM migrate_state');
  if (row === undefined || row.snapshot === null) return undefined;
  const version = row.snapshot_version === null ? null : String(row.snapshot_version);
  const entries = JSON.parse(String(row.snapshot)) as readonly SnapshotEntry[];
  // Snapshots of the first days of format 2 have the ledger's own table in them.
  return { version, entries: entries.filter(({ name }) => !/^migrate_repeatable(\.|$)/.test(name)) };
}
