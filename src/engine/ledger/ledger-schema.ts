// The ledger's tables, format 3 (docs/formats.md), and their making: everything in one transaction, so that a ledger is
// there whole or not at all. Owner-only; the application's roles get one function and nothing else. Called under the
// migration lock. What brings an older ledger to these tables is ledger-upgrade.ts: whoever adds a column adds it to both.
import { type Connection, literal, QueryError, quoted } from '../connection.ts';
import { failure } from '../errors.ts';

/** Raised when an older program could misread or spoil what is stored. */
export const LEDGER_FORMAT = 3;

/** Makes schema and tables where there is no ledger yet. Throws RightMissing or LedgerDamaged. */
export async function createLedger(connection: Connection, schema: string, role: string): Promise<void> {
  const [found] = await connection.query('SELECT pg_catalog.to_regnamespace($1) AS oid', [quoted(schema)]);
  const statements = [
    'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE',
    ...(found?.oid === null ? [`CREATE SCHEMA ${quoted(schema)}`] : []),
    ...tables(schema),
    ...functions(schema),
    'COMMIT',
  ];
  try {
    await connection.query(statements.join(';\n'));
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    await connection.query('ROLLBACK');
    if (error.sqlstate === '42501') {
      const where = found?.oid === null ? 'CREATE on this database' : `CREATE on schema ${schema}`;
      const remedy = `The ledger is kept in schema "${schema}": GRANT ${where} to this role, or make the schema with this role as its owner.`;
      throw failure('RightMissing', { role, right: where, remedy }, { sqlstate: '42501' });
    }
    if (error.sqlstate === '42P07' || error.sqlstate === '42723') {
      const reason = `it has objects of our names but no epoch (${error.message})`;
      throw failure('LedgerDamaged', { schema, reason }, { sqlstate: error.sqlstate });
    }
    throw error;
  }
}

/** What format 2 added to `ledger`. */
export const LEDGER_COLUMNS_2 = [
  'signature text',
  'signed_by text',
  'image text',
  "origin text NOT NULL DEFAULT 'applied' CHECK (origin IN ('applied', 'baseline', 'imported'))",
  'imported_from text',
  "layout text NOT NULL DEFAULT 'own'",
] as const;

/** What format 2 added to `progress`. */
export const PROGRESS_COLUMN_2 = "direction text NOT NULL DEFAULT 'up' CHECK (direction IN ('up', 'down'))";

/** The table that format 2 added. */
export function snapshotTable(schema: string): string {
  return `CREATE TABLE ${quoted(schema)}.snapshot (
      singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
      version text,
      ledger_digest text NOT NULL,
      server_version integer NOT NULL,
      taken_at timestamptz NOT NULL,
      run text NOT NULL,
      attempt bigint NOT NULL,
      digest text NOT NULL,
      encoding text NOT NULL,
      content bytea NOT NULL)`;
}

/** The table that format 3 added. */
export function repeatableTable(schema: string): string {
  return `CREATE TABLE ${quoted(schema)}.repeatable (
      name text PRIMARY KEY,
      checksum text NOT NULL,
      applied_by text NOT NULL,
      owner text NOT NULL,
      attempt bigint NOT NULL,
      run text NOT NULL,
      job text NOT NULL,
      started_at timestamptz NOT NULL,
      finished_at timestamptz NOT NULL,
      lsn text,
      signature text,
      signed_by text,
      image text,
      origin text NOT NULL CHECK (origin IN ('applied', 'imported')),
      imported_from text,
      layout text NOT NULL)`;
}

function tables(schema: string): readonly string[] {
  const s = quoted(schema);
  return [
    `CREATE TABLE ${s}.ledger (
      version text PRIMARY KEY,
      number numeric NOT NULL UNIQUE,
      up_checksum text NOT NULL,
      down_checksum text,
      down_script text,
      applied_by text NOT NULL,
      owner text NOT NULL,
      attempt bigint NOT NULL,
      run text NOT NULL,
      job text NOT NULL,
      started_at timestamptz NOT NULL,
      finished_at timestamptz NOT NULL,
      lsn text,
      ${LEDGER_COLUMNS_2.join(',\n      ')})`,
    `CREATE TABLE ${s}.progress (
      version text NOT NULL,
      segment integer NOT NULL,
      digest text NOT NULL,
      state text NOT NULL CHECK (state IN ('started', 'done')),
      effect jsonb NOT NULL,
      run text NOT NULL,
      attempt bigint NOT NULL,
      started_at timestamptz NOT NULL,
      finished_at timestamptz,
      ${PROGRESS_COLUMN_2},
      PRIMARY KEY (version, segment))`,
    `CREATE TABLE ${s}.epoch (
      singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
      format integer NOT NULL,
      owner text NOT NULL,
      resource text NOT NULL,
      attempt bigint NOT NULL,
      run text,
      run_version text,
      run_ledger_digest text,
      run_snapshot_digest text)`,
    `CREATE TABLE ${s}.audit (
      id bigint PRIMARY KEY,
      at text NOT NULL,
      event text NOT NULL,
      version text,
      owner text NOT NULL,
      attempt bigint NOT NULL,
      run text NOT NULL,
      job text NOT NULL,
      detail jsonb NOT NULL,
      previous text NOT NULL,
      hash text NOT NULL)`,
    snapshotTable(schema),
    repeatableTable(schema),
    `COMMENT ON TABLE ${s}.epoch IS ${literal(`migration ledger, format ${LEDGER_FORMAT}`)}`,
  ];
}

export function currentVersionBody(schema: string): string {
  return `SELECT version FROM ${quoted(schema)}.ledger ORDER BY number DESC LIMIT 1`;
}

function functions(schema: string): readonly string[] {
  const s = quoted(schema);
  return [
    `CREATE FUNCTION ${s}.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS
      $$BEGIN RAISE EXCEPTION 'the audit is append-only'; END$$`,
    `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${s}.audit
      FOR EACH STATEMENT EXECUTE FUNCTION ${s}.refuse_change()`,
    `CREATE FUNCTION ${s}.current_version() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
      SET search_path = pg_catalog, pg_temp
      AS ${literal(currentVersionBody(schema))}`,
    `REVOKE ALL ON FUNCTION ${s}.current_version() FROM PUBLIC`,
    `REVOKE ALL ON FUNCTION ${s}.refuse_change() FROM PUBLIC`,
  ];
}
