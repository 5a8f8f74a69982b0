// The tables in which other migration tools keep what they applied, and how each is read. Reads only. Facts are from the
// tools' own sources, named at each. Called by history.ts.
import type { Row } from '../connection.ts';

export type ToolName = 'golang-migrate' | 'dbmate' | 'Diesel' | 'goose' | 'Flyway' | 'Alembic';

/** One row of a tool's history, as far as we need it. */
export interface Entry {
  /** What the tool calls the version: a number as text, or Flyway's script name. */
  readonly name: string;
  /** ISO 8601, null where the tool keeps no time. */
  readonly appliedAt: string | null;
  readonly appliedBy: string | null;
}

export interface Told {
  readonly entries: readonly Entry[];
  /** `Each`: a row a version. `Highest`: one row, which stands for every version up to it. `Opaque`: a name that no file has. */
  readonly extent: 'Each' | 'Highest' | 'Opaque';
  /** Why this history is not to be trusted as it is, with the tool's own remedy. */
  readonly trouble?: string;
}

export interface Tool {
  readonly name: ToolName;
  readonly table: string;
  /** Columns that the table has; together with its name they tell tools apart. */
  readonly columns: readonly string[];
  /** What to ask of the table, whose quoted name is given. Times come as ISO 8601 in UTC. */
  readonly query: (table: string) => string;
  readonly tell: (rows: readonly Row[]) => Told;
}

const utc = (column: string, type: 'timestamp' | 'timestamptz'): string => {
  const moment = type === 'timestamptz' ? `${column} AT TIME ZONE 'UTC'` : column;
  return `to_char(${moment}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
};

const entry = (row: Row): Entry => ({ name: row.name ?? '', appliedAt: row.at ?? null, appliedBy: row.by ?? null });

/** https://github.com/golang-migrate/migrate/blob/master/database/postgres/postgres.go */
const GOLANG_MIGRATE: Tool = {
  name: 'golang-migrate',
  table: 'schema_migrations',
  columns: ['version', 'dirty'],
  query: table => `SELECT version::text AS name, dirty::text AS dirty FROM ${table}`,
  tell(rows) {
    const dirty = rows.find(row => row.dirty === 'true');
    const trouble = `version ${dirty?.name} is marked dirty: it failed halfway. Bring the database to a known version and run "migrate force <version>" first`;
    return { entries: rows.map(entry), extent: 'Highest', ...(dirty === undefined ? {} : { trouble }) };
  },
};

/** https://github.com/amacneil/dbmate/blob/main/pkg/driver/postgres/postgres.go */
const DBMATE: Tool = {
  name: 'dbmate',
  table: 'schema_migrations',
  columns: ['version'],
  query: table => `SELECT version::text AS name FROM ${table}`,
  tell: rows => ({ entries: rows.map(entry), extent: 'Each' }),
};

/** https://github.com/diesel-rs/diesel/blob/master/diesel/src/migration/mod.rs; the first row is its own set-up. */
const DIESEL: Tool = {
  name: 'Diesel',
  table: '__diesel_schema_migrations',
  columns: ['version', 'run_on'],
  query: table => `SELECT version::text AS name, ${utc('run_on', 'timestamp')} AS at FROM ${table}`,
  tell: rows => ({ entries: rows.map(entry), extent: 'Each' }),
};

/** https://github.com/pressly/goose/blob/main/internal/dialects/postgres.go: the latest row of a version counts; 0 is its own. */
const GOOSE: Tool = {
  name: 'goose',
  table: 'goose_db_version',
  columns: ['version_id', 'is_applied', 'tstamp'],
  query: table =>
    `SELECT DISTINCT ON (version_id) version_id::text AS name, is_applied::text AS applied,
        ${utc('tstamp', 'timestamp')} AS at FROM ${table} WHERE version_id > 0 ORDER BY version_id, id DESC`,
  tell: rows => ({ entries: rows.filter(row => row.applied === 'true').map(entry), extent: 'Each' }),
};

/** https://documentation.red-gate.com/flyway (schema history table): the latest row of a version counts. */
const FLYWAY: Tool = {
  name: 'Flyway',
  table: 'flyway_schema_history',
  columns: ['installed_rank', 'version', 'type', 'script', 'success'],
  query: table =>
    `SELECT version::text AS version, regexp_replace(script, '^.*/|\\.sql$', '', 'g') AS name, type, success::text AS success,
        installed_by::text AS by, ${utc('installed_on', 'timestamp')} AS at FROM ${table} ORDER BY installed_rank`,
  tell(rows) {
    const failed = rows.find(row => row.success === 'false');
    const baseline = rows.find(row => /BASELINE/.test(row.type ?? ''));
    const latest = new Map<string, Row>();
    for (const row of rows) if (row.version !== null && row.version !== undefined) latest.set(row.version, row);
    const applied = [...latest.values()].filter(row => !/^(UNDO|DELETE)/.test(row.type ?? '') && row !== baseline);
    const trouble =
      failed !== undefined
        ? `${failed.name} failed there. Mend it and run "flyway repair" first`
        : baseline !== undefined
          ? `it begins with a Flyway baseline at ${baseline.version}, of which there is no script. Use "baseline <version>" without --from`
          : undefined;
    return { entries: applied.map(entry), extent: 'Each', ...(trouble === undefined ? {} : { trouble }) };
  },
};

/** https://alembic.sqlalchemy.org: one row a head, named by a hash. */
const ALEMBIC: Tool = {
  name: 'Alembic',
  table: 'alembic_version',
  columns: ['version_num'],
  query: table => `SELECT version_num::text AS name FROM ${table}`,
  tell(rows) {
    const trouble = `it has ${rows.length} heads. Run "alembic merge heads" and "alembic upgrade head" first`;
    return { entries: rows.map(entry), extent: 'Opaque', ...(rows.length > 1 ? { trouble } : {}) };
  },
};

/** Those with more columns before those whose columns they include. */
export const TOOLS: readonly Tool[] = [GOLANG_MIGRATE, DBMATE, DIESEL, GOOSE, FLYWAY, ALEMBIC];
