import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openConnection } from '../../src/database/postgres.ts';
import { parseConnectionUrl } from '../../src/database/url.ts';
import type { Connection } from '../../src/engine/connection.ts';
import type { EngineError } from '../../src/engine/errors.ts';
import { type History, readHistory as readHistoryIn } from '../../src/engine/histories/history.ts';
import { postgresHistories } from '../../src/engine/histories/postgres.ts';
import type { ToolName } from '../../src/engine/histories/tools.ts';
import type { Source } from '../../src/engine/source/files.ts';
import { startPostgres, type TestPostgres } from '../postgres.ts';
import { sourceOf } from './source-of.ts';

let server: TestPostgres;
let databases = 0;
const open: Connection[] = [];

before(async () => {
  server = await startPostgres();
});

after(async () => {
  for (const connection of open) await connection.close();
  await server?.stop();
});

/** A database in which another tool's tables were made by this SQL. */
async function database(sql: string): Promise<Connection> {
  databases += 1;
  const url = await server.createDatabase(`history_${databases}`);
  const connection = await openConnection(parseConnectionUrl(url), { applicationName: 'test' });
  open.push(connection);
  await connection.query(sql);
  return connection;
}

const readHistory = (connection: Connection, source: Source, from: ToolName | 'auto', asked: string | undefined) =>
  readHistoryIn(postgresHistories(connection), source, from, asked);

const OWN = sourceOf(['001_a.up.sql', '002_b.up.sql', '003_c.up.sql']);

async function refusedHistory(
  connection: Connection,
  source: Source,
  from: ToolName | 'auto' = 'auto',
  asked?: string,
): Promise<EngineError> {
  let found: History;
  try {
    found = await readHistory(connection, source, from, asked);
  } catch (error) {
    return error as EngineError;
  }
  throw new Error(`nothing was refused: ${JSON.stringify(found)}`);
}

const versionsOf = ({ history }: History) => history.map(one => one.version);

const FLYWAY = `CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50), description varchar(200),
  type varchar(20), script varchar(1000), checksum int, installed_by varchar(100), installed_on timestamp DEFAULT now(),
  execution_time int, success boolean);`;
const flywayRow = (rank: number, version: string | null, script: string, type = 'SQL', success = true) =>
  `INSERT INTO flyway_schema_history VALUES (${rank}, ${version === null ? 'NULL' : `'${version}'`}, '', '${type}', '${script}', 1,
    'ann', '2026-01-02 03:04:05', 7, ${success});`;
const GOOSE = `CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint, is_applied boolean, tstamp timestamp DEFAULT now());
  INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true)`;

describe('The history of another tool', () => {
  it('of golang-migrate is one version, which stands for all below', async () => {
    const connection = await database(
      'CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL); INSERT INTO schema_migrations VALUES (2, false)',
    );
    const found = await readHistory(connection, OWN, 'auto', undefined);
    assert.equal(found.from, 'golang-migrate');
    assert.equal(found.version, '002_b');
    assert.deepEqual(versionsOf(found), ['001_a', '002_b']);
  });

  it('of golang-migrate is refused while it is dirty', async () => {
    const connection = await database(
      'CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL); INSERT INTO schema_migrations VALUES (2, true)',
    );
    const error = await refusedHistory(connection, OWN);
    assert.equal(error.code, 'HistoryUnsound');
    assert.match(error.message, /version 2 is marked dirty/);
  });

  it('of dbmate is told from that of golang-migrate by its columns', async () => {
    const connection = await database(
      "CREATE TABLE schema_migrations (version varchar PRIMARY KEY); INSERT INTO schema_migrations VALUES ('20240101'), ('20240102')",
    );
    const source = sourceOf(['20240101-2fa.sql', '20240102_b.sql', '20240103_c.sql'], '-- migrate:up\n');
    const found = await readHistory(connection, source, 'auto', undefined);
    assert.equal(found.from, 'dbmate');
    assert.deepEqual(versionsOf(found), ['20240101-2fa', '20240102_b']);
  });

  it('of Diesel has times, and versions without their dashes', async () => {
    const connection = await database(
      `CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp);
       INSERT INTO __diesel_schema_migrations VALUES ('20140924113530', '2026-01-02 03:04:05')`,
    );
    const found = await readHistory(connection, sourceOf(['2014-09-24-113530_a/up.sql']), 'Diesel', undefined);
    const history = [{ version: '2014-09-24-113530_a', appliedAt: '2026-01-02T03:04:05.000000Z', appliedBy: null }];
    assert.deepEqual(found.history, history);
  });

  it('of goose counts the latest row of a version', async () => {
    const connection = await database(`${GOOSE}, (1, true), (2, true), (2, false)`);
    const source = sourceOf(['00001_a.sql', '00002_b.sql'], '-- +goose Up\n');
    assert.deepEqual(versionsOf(await readHistory(connection, source, 'auto', undefined)), ['00001_a']);
  });

  it('of Flyway leaves out what was undone, and repeatables', async () => {
    const rows = [
      flywayRow(1, '1', 'db/V1__a.sql'),
      flywayRow(2, '1.1', 'db/V1_1__b.sql'),
      flywayRow(3, null, 'db/R__v.sql'),
      flywayRow(4, '1.1', 'db/U1_1__b.sql', 'UNDO_SQL'),
    ];
    const connection = await database(FLYWAY + rows.join(''));
    const found = await readHistory(connection, sourceOf(['V1__a.sql', 'V1_1__b.sql']), 'auto', undefined);
    const history = [{ version: 'V1__a', appliedAt: '2026-01-02T03:04:05.000000Z', appliedBy: 'ann' }];
    assert.deepEqual(found.history, history);
  });

  it('of Flyway is refused when something failed there, or it began with a baseline', async () => {
    const failed = await database(FLYWAY + flywayRow(1, '1', 'V1__a.sql', 'SQL', false));
    assert.match((await refusedHistory(failed, sourceOf(['V1__a.sql']))).message, /V1__a failed there/);
    const begun = await database(FLYWAY + flywayRow(1, '1', '<< Flyway Baseline >>', 'BASELINE'));
    assert.match((await refusedHistory(begun, sourceOf(['V1__a.sql']))).message, /begins with a Flyway baseline at 1/);
  });

  it('of Alembic needs a person to say which file its head stands for', async () => {
    const connection = await database(
      "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('ae1027a6acf')",
    );
    assert.match((await refusedHistory(connection, OWN)).message, /its head is ae1027a6acf/);
    assert.match((await refusedHistory(connection, OWN, 'Alembic', '009_z')).message, /no file of version 009_z/);
    const found = await readHistory(connection, OWN, 'Alembic', '002_b');
    assert.deepEqual(versionsOf(found), ['001_a', '002_b']);
    await connection.query("INSERT INTO alembic_version VALUES ('b')");
    assert.match((await refusedHistory(connection, OWN, 'Alembic', '002_b')).message, /2 heads/);
  });

  it('that does not fit the files is refused, naming the versions on each side', async () => {
    const connection = await database(`${GOOSE}, (1, true), (3, true), (9, true)`);
    const error = await refusedHistory(connection, OWN, 'goose');
    assert.equal(error.code, 'HistoryUnmatched');
    assert.match(error.message, /not among the files: 9\./);
    assert.match(error.message, /never applied: 002_b\./);
  });

  it('is refused when it is not there, is empty, comes twice, or says another version than was asked for', async () => {
    assert.equal((await refusedHistory(await database('SELECT 1'), OWN)).code, 'HistoryMissing');
    assert.match((await refusedHistory(await database(GOOSE), OWN)).message, /nothing was applied/);
    const connection = await database(`${GOOSE}, (1, true)`);
    assert.match((await refusedHistory(connection, OWN, 'goose', '002_b')).message, /is at 001_a, and 002_b/);
    await connection.query('CREATE SCHEMA other; CREATE TABLE other.alembic_version (version_num text)');
    const twice = await refusedHistory(connection, OWN);
    assert.match(twice.message, /other\.alembic_version, public\.goose_db_version/);
  });
});
