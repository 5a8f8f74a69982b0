// Reads the ledger: which versions are applied, what is half done, whose the database is. The rows are the truth that
// every other note (status, results, plans) is only a copy of. Reads only; the writers are apply.ts, split.ts, epoch.ts.
import { createHash } from 'node:crypto';
import { type Connection, only, QueryError, quoted, type Row, textOf } from '../connection.ts';
import { failure } from '../errors.ts';
import { LEDGER_FORMAT } from './ledger-schema.ts';
import { assertOnlyLedger, holdsLedger } from './other-ledgers.ts';

/** The oldest that is still read, and upgraded. */
const OLDEST_FORMAT = 1;

export interface AppliedMigration {
  readonly version: string;
  readonly number: bigint;
  readonly upChecksum: string;
  readonly downChecksum: string | null;
  readonly attempt: number;
  readonly run: string;
  /** `baseline`: said by a person to be there; `imported`: said by another tool's history. Neither was run by us. */
  readonly origin: 'applied' | 'baseline' | 'imported';
}

/** A repeatable migration as it last ran. */
export interface AppliedRepeatable {
  /** Its name: `R__views`. */
  readonly version: string;
  readonly checksum: string;
  readonly attempt: number;
  readonly run: string;
  /** `imported`: another tool's history said that it ran with this text. */
  readonly origin: 'applied' | 'imported';
}

export interface ProgressRow {
  readonly version: string;
  /** 0-based number of the segment in its file. */
  readonly segment: number;
  readonly digest: string;
  readonly state: 'started' | 'done';
  readonly effect: Readonly<Record<string, unknown>>;
  readonly run: string;
  /** Which script of the version is half done. A half-done down is that of an applied version. */
  readonly direction: 'Up' | 'Down';
}

export interface Epoch {
  readonly owner: string;
  readonly resource: string;
  readonly attempt: number;
  /** Key of the last run whose `migrate` began here, null when none ever did. */
  readonly run: string | null;
  readonly runVersion: string | null;
  readonly runLedgerDigest: string | null;
  readonly runSnapshotDigest: string | null;
}

export interface Ledger {
  /** Of the tables: an older one is upgraded by the first attempt that writes (ledger-upgrade.ts). */
  readonly format: number;
  /** Undefined: there is no ledger yet. */
  readonly epoch: Epoch | undefined;
  /** In order of their numbers. */
  readonly applied: readonly AppliedMigration[];
  readonly progress: readonly ProgressRow[];
  /** In order of their names. */
  readonly repeatables: readonly AppliedRepeatable[];
  /** Highest applied version. */
  readonly version: string | null;
  /** SHA-256 over versions, checksums, progress rows and repeatables; the same for no ledger and an empty one. */
  readonly digest: string;
}

export const EMPTY_LEDGER: Ledger = Object.freeze({
  format: LEDGER_FORMAT,
  epoch: undefined,
  applied: Object.freeze([]),
  progress: Object.freeze([]),
  repeatables: Object.freeze([]),
  version: null,
  digest: ledgerDigest([], [], []),
});

/** Reads the ledger of a schema. Throws LedgerFormatUnknown, LedgerDamaged or RightMissing. */
export async function readLedger(connection: Connection, schema: string, role: string): Promise<Ledger> {
  const s = quoted(schema);
  try {
    const [found] = await connection.query('SELECT pg_catalog.to_regclass($1) AS epoch', [`${s}.epoch`]);
    if (found?.epoch === null || found === undefined) return EMPTY_LEDGER;
    const [epochRow] = await connection.query(`SELECT * FROM ${s}.epoch`);
    const format = epochRow === undefined ? await formatOfTables(connection, s) : Number(epochRow.format);
    if (format < OLDEST_FORMAT || format > LEDGER_FORMAT) {
      throw failure('LedgerFormatUnknown', { format: String(format), known: LEDGER_FORMAT });
    }
    const rows = only(await connection.query(rowsOf(s, format)));
    const applied = parsedRows(rows.applied).map(appliedOf);
    const progress = parsedRows(rows.progress).map(progressOf);
    const repeatables = parsedRows(rows.repeatables).map(repeatableOf);
    return Object.freeze({
      format,
      epoch: epochRow === undefined ? undefined : epochOf(epochRow),
      applied: Object.freeze(applied),
      progress: Object.freeze(progress),
      repeatables: Object.freeze(repeatables),
      version: applied.at(-1)?.version ?? null,
      digest: ledgerDigest(applied, progress, repeatables),
    });
  } catch (error) {
    throw ledgerFailure(error, schema, role);
  }
}

/**
 * The tables as of one moment, each as one value: a thousand rows of their own take a driver ten times as long. Every
 * column as text, because a number of JSON has no more than 53 bits here.
 */
function rowsOf(s: string, format: number): string {
  const [origin, direction] = format === 1 ? ["'applied'::text", "'up'::text"] : ['l.origin', 'p.direction'];
  const applied = `SELECT l.version, l.number::text AS number, l.up_checksum, l.down_checksum, l.attempt::text AS attempt,
      l.run, ${origin} AS origin FROM ${s}.ledger l ORDER BY l.number`;
  const progress = `SELECT p.version, p.segment::text AS segment, p.digest, p.state, p.effect::text AS effect, p.run,
      ${direction} AS direction FROM ${s}.progress p ORDER BY p.version, p.segment`;
  const repeatables = `SELECT t.name, t.checksum, t.attempt::text AS attempt, t.run, t.origin
      FROM ${s}.repeatable t ORDER BY t.name COLLATE "C"`;
  const asOne = (rows: string) => `(SELECT pg_catalog.json_agg(r) FROM (${rows}) r)`;
  return `SELECT ${asOne(applied)} AS applied, ${asOne(progress)} AS progress,
      ${format < 3 ? 'NULL' : asOne(repeatables)} AS repeatables`;
}

/** NULL: no row at all. */
function parsedRows(json: string | null | undefined): readonly Row[] {
  return json === null || json === undefined ? [] : (JSON.parse(json) as readonly Row[]);
}

/** Where nobody has written the epoch yet: what the tables look like. */
async function formatOfTables(connection: Connection, s: string): Promise<number> {
  const rows = await connection.query(
    `SELECT pg_catalog.to_regclass($2) IS NOT NULL AS third FROM pg_catalog.pg_attribute
      WHERE attrelid = pg_catalog.to_regclass($1) AND attname = 'direction'`,
    [`${s}.progress`, `${s}.repeatable`],
  );
  return rows[0] === undefined ? 1 : rows[0].third === 't' ? 3 : 2;
}

/** What a failed query on the ledger's tables means, as an error of the catalogue. */
export function ledgerFailure(error: unknown, schema: string, role: string): unknown {
  if (!(error instanceof QueryError)) return error;
  const place = { sqlstate: error.sqlstate };
  if (error.sqlstate === '42501') {
    const right = `to read the ledger in schema ${schema} (${error.message})`;
    const remedy = 'Migrate with the role that made the ledger, or make this role its owner.';
    return failure('RightMissing', { role, right, remedy }, place);
  }
  if (error.sqlstate.startsWith('42')) return failure('LedgerDamaged', { schema, reason: error.message }, place);
  return error;
}

function appliedOf(row: Row): AppliedMigration {
  return Object.freeze({
    version: textOf(row, 'version'),
    number: BigInt(textOf(row, 'number')),
    upChecksum: textOf(row, 'up_checksum'),
    downChecksum: row.down_checksum ?? null,
    attempt: Number(textOf(row, 'attempt')),
    run: textOf(row, 'run'),
    origin: textOf(row, 'origin') as AppliedMigration['origin'],
  });
}

function progressOf(row: Row): ProgressRow {
  return Object.freeze({
    version: textOf(row, 'version'),
    segment: Number(textOf(row, 'segment')),
    digest: textOf(row, 'digest'),
    state: textOf(row, 'state') === 'done' ? 'done' : 'started',
    effect: JSON.parse(textOf(row, 'effect')) as Readonly<Record<string, unknown>>,
    run: textOf(row, 'run'),
    direction: textOf(row, 'direction') === 'down' ? 'Down' : 'Up',
  });
}

function repeatableOf(row: Row): AppliedRepeatable {
  return Object.freeze({
    version: textOf(row, 'name'),
    checksum: textOf(row, 'checksum'),
    attempt: Number(textOf(row, 'attempt')),
    run: textOf(row, 'run'),
    origin: textOf(row, 'origin') as AppliedRepeatable['origin'],
  });
}

function epochOf(row: Row): Epoch {
  return Object.freeze({
    owner: textOf(row, 'owner'),
    resource: textOf(row, 'resource'),
    attempt: Number(textOf(row, 'attempt')),
    run: row.run ?? null,
    runVersion: row.run_version ?? null,
    runLedgerDigest: row.run_ledger_digest ?? null,
    runSnapshotDigest: row.run_snapshot_digest ?? null,
  });
}

/** Repeatables count only where there are some, so that a ledger without them has the digest that it had before format 3. */
export function ledgerDigest(
  applied: readonly Pick<AppliedMigration, 'version' | 'upChecksum'>[],
  progress: readonly ProgressRow[],
  repeatables: readonly Pick<AppliedRepeatable, 'version' | 'checksum'>[],
): string {
  const named = repeatables.map(row => [row.version, row.checksum] as const).sort(([a], [b]) => (a < b ? -1 : 1));
  const content = [
    applied.map(row => [row.version, row.upChecksum]),
    progress.map(row => [
      row.version,
      row.segment,
      row.digest,
      row.state,
      ...(row.direction === 'Down' ? ['down'] : []),
    ]),
    ...(named.length === 0 ? [] : [named]),
  ];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

/** Tables, and no migration ever: whose they are cannot be known. Throws BaselineNeeded, LedgerElsewhere. */
export async function assertBaseline(connection: Connection, ledger: Ledger, schema: string): Promise<void> {
  if (ledger.applied.length > 0 || ledger.progress.length > 0) return;
  await assertOnlyLedger(connection, schema);
  const { count, first } = await userTables(connection, schema);
  if (count > 0) throw failure('BaselineNeeded', { tables: count, first });
}

/** Whether the tables are there; the epoch's row may still be missing (migrate.ts, between effects 3 and 4). */
export async function hasLedger(connection: Connection, schema: string): Promise<boolean> {
  const [row] = await connection.query(
    "SELECT pg_catalog.to_regclass(pg_catalog.quote_ident($1) || '.epoch') AS epoch",
    [schema],
  );
  return row?.epoch !== null;
}

/** Tables for a person to recognise: how many, and the first names. */
export interface FoundTables {
  readonly count: number;
  readonly first: readonly string[];
}

/** User tables in the database, for "tables and no ledger": not the ledger's own nor another ledger's, not an extension's. */
export async function userTables(connection: Connection, schema: string): Promise<FoundTables> {
  const rows = await connection.query(
    `SELECT c.oid::regclass::text AS name, count(*) OVER () AS count
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname <> 'information_schema' AND n.nspname <> $1
        AND NOT pg_catalog.starts_with(n.nspname, 'pg_') AND NOT ${holdsLedger('n.oid')}
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
          WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      ORDER BY 1 LIMIT 3`,
    [schema],
  );
  return { count: Number(rows[0]?.count ?? 0), first: rows.map(row => textOf(row, 'name')) };
}
