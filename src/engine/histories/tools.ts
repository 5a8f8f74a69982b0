// The tables in which other migration tools keep what they applied, and what their rows mean: the same on PostgreSQL and on
// SQLite, which only write values differently (place.ts). Pure. Facts are from the tools' own sources, named at each, and for
// SQLite from databases that the tools have made (test/engine/histories.test.ts). Called by history.ts.
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
  /** Repeatable migrations as they last ran, with the tool's own checksum of their text. */
  readonly repeatables?: readonly (Entry & { readonly checksum: number })[];
  /** Why this history is not to be trusted as it is, with the tool's own remedy. */
  readonly trouble?: string;
}

export interface Tool {
  readonly name: ToolName;
  readonly table: string;
  /** Columns that the table has; together with its name they tell tools apart. */
  readonly columns: readonly string[];
  /** Name in a row that `tell` gets → what it is. A moment comes as ISO 8601 in UTC, everything else as its text. */
  readonly fields: Readonly<Record<string, Field>>;
  /** Column by which the rows come, where their order means something. */
  readonly order?: string;
  readonly tell: (rows: readonly Row[]) => Told;
}

export interface Field {
  readonly column: string;
  readonly kind: 'Text' | 'Moment';
}

const text = (column: string): Field => ({ column, kind: 'Text' });
const moment = (column: string): Field => ({ column, kind: 'Moment' });

/** Flyway knows no user on SQLite, and writes an empty name. */
const entry = (row: Row): Entry => ({ name: row.name ?? '', appliedAt: row.at ?? null, appliedBy: row.by || null });

/** SQLite has no booleans: drivers write 1 and 0. */
const isTrue = (value: string | null | undefined) => value === 'true' || value === '1';

/** The last row of each version, in the order of their first ones. */
function latestOf(rows: readonly Row[]): readonly Row[] {
  const latest = new Map<string, Row>();
  for (const row of rows) if (row.version !== null && row.version !== undefined) latest.set(row.version, row);
  return [...latest.values()];
}

/** https://github.com/golang-migrate/migrate/blob/master/database/postgres/postgres.go */
const GOLANG_MIGRATE: Tool = {
  name: 'golang-migrate',
  table: 'schema_migrations',
  columns: ['version', 'dirty'],
  fields: { name: text('version'), dirty: text('dirty') },
  tell(rows) {
    const dirty = rows.find(row => isTrue(row.dirty));
    const trouble = `version ${dirty?.name} is marked dirty: it failed halfway. Bring the database to a known version and run "migrate force <version>" first`;
    return { entries: rows.map(entry), extent: 'Highest', ...(dirty === undefined ? {} : { trouble }) };
  },
};

/** https://github.com/amacneil/dbmate/blob/main/pkg/driver/postgres/postgres.go */
const DBMATE: Tool = {
  name: 'dbmate',
  table: 'schema_migrations',
  columns: ['version'],
  fields: { name: text('version') },
  tell: rows => ({ entries: rows.map(entry), extent: 'Each' }),
};

/** https://github.com/diesel-rs/diesel/blob/master/diesel/src/migration/mod.rs; the first row is its own set-up. */
const DIESEL: Tool = {
  name: 'Diesel',
  table: '__diesel_schema_migrations',
  columns: ['version', 'run_on'],
  fields: { name: text('version'), at: moment('run_on') },
  tell: rows => ({ entries: rows.map(entry), extent: 'Each' }),
};

/** https://github.com/pressly/goose/blob/main/internal/dialects/postgres.go: the latest row of a version counts; 0 is its own. */
const GOOSE: Tool = {
  name: 'goose',
  table: 'goose_db_version',
  columns: ['version_id', 'is_applied', 'tstamp'],
  fields: { version: text('version_id'), name: text('version_id'), applied: text('is_applied'), at: moment('tstamp') },
  order: 'id',
  tell(rows) {
    const applied = latestOf(rows).filter(row => row.version !== '0' && isTrue(row.applied));
    return { entries: applied.map(entry), extent: 'Each' };
  },
};

/** A script's path without its folders and its ending. */
const stem = (path: string) => path.replace(/^.*\//, '').replace(/\.sql$/, '');

/** Rows without a version: the latest of each description counts, and a DELETE (of `flyway repair`) takes it away. */
function repeatablesOf(rows: readonly Row[]) {
  const latest = new Map<string, Row>();
  for (const row of rows) if (row.version === null) latest.set(row.description ?? '', row);
  return [...latest.values()]
    .filter(row => row.type === 'SQL' && row.checksum != null)
    .map(row => ({ ...entry(row), checksum: Number(row.checksum) }));
}

/** https://documentation.red-gate.com/flyway (schema history table): the latest row of a version counts. */
const FLYWAY: Tool = {
  name: 'Flyway',
  table: 'flyway_schema_history',
  columns: ['installed_rank', 'version', 'type', 'script', 'success'],
  fields: {
    version: text('version'),
    description: text('description'),
    script: text('script'),
    checksum: text('checksum'),
    type: text('type'),
    success: text('success'),
    by: text('installed_by'),
    at: moment('installed_on'),
  },
  order: 'installed_rank',
  tell(found) {
    const rows = found.map((row): Row => ({ ...row, name: stem(row.script ?? '') }));
    const failed = rows.find(row => !isTrue(row.success));
    const baseline = rows.find(row => /BASELINE/.test(row.type ?? ''));
    const applied = latestOf(rows).filter(row => !/^(UNDO|DELETE)/.test(row.type ?? '') && row !== baseline);
    const trouble =
      failed !== undefined
        ? `${failed.name} failed there. Mend it and run "flyway repair" first`
        : baseline !== undefined
          ? `it begins with a Flyway baseline at ${baseline.version}, of which there is no script. Use "baseline <version>" without --from`
          : undefined;
    const told = { entries: applied.map(entry), extent: 'Each', repeatables: repeatablesOf(rows) } as const;
    return { ...told, ...(trouble === undefined ? {} : { trouble }) };
  },
};

/** https://alembic.sqlalchemy.org: one row a head, named by a hash. */
const ALEMBIC: Tool = {
  name: 'Alembic',
  table: 'alembic_version',
  columns: ['version_num'],
  fields: { name: text('version_num') },
  tell(rows) {
    const trouble = `it has ${rows.length} heads. Run "alembic merge heads" and "alembic upgrade head" first`;
    return { entries: rows.map(entry), extent: 'Opaque', ...(rows.length > 1 ? { trouble } : {}) };
  },
};

/** Those with more columns before those whose columns they include. */
export const TOOLS: readonly Tool[] = [GOLANG_MIGRATE, DBMATE, DIESEL, GOOSE, FLYWAY, ALEMBIC];
