// What the tools themselves have left in a SQLite file: the tables and rows are those of golang-migrate 4.20, dbmate 2.36,
// goose 3.29, Flyway 10.22 and Alembic 1.20, dumped; Diesel's are of its source, for want of a build.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { openSqlite } from '../../src/database/sqlite.ts';
import type { EngineError } from '../../src/engine/errors.ts';
import { flywayChecksum } from '../../src/engine/histories/flyway-checksum.ts';
import { readHistory, toolNamed } from '../../src/engine/histories/history.ts';
import { sqliteHistories } from '../../src/engine/histories/sqlite.ts';
import type { Source } from '../../src/engine/source/files.ts';
import type { SqliteConnection } from '../../src/engine/sqlite/connection.ts';
import { Project } from '../cli/project.ts';
import { sourceOf } from './source-of.ts';

const GOLANG_MIGRATE = `CREATE TABLE schema_migrations (version uint64,dirty bool);
  CREATE UNIQUE INDEX version_unique ON schema_migrations (version);`;
const DBMATE = `CREATE TABLE IF NOT EXISTS "schema_migrations" (version varchar(128) primary key);
  INSERT INTO schema_migrations VALUES('20240101120000'), ('20240102120000');`;
const DIESEL = `CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL,
    run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
  INSERT INTO __diesel_schema_migrations VALUES('20140924113530', '2026-01-02 03:04:05');`;
const GOOSE = `CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL,
    is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')));
  INSERT INTO goose_db_version VALUES(1,0,1,'2026-11-23 05:55:26'), (2,1,1,'2026-11-23 05:55:27');`;
const FLYWAY = `CREATE TABLE IF NOT EXISTS "flyway_schema_history" ("installed_rank" INT NOT NULL PRIMARY KEY, "version" VARCHAR(50),
    "description" VARCHAR(200) NOT NULL, "type" VARCHAR(20) NOT NULL, "script" VARCHAR(1000) NOT NULL, "checksum" INT,
    "installed_by" VARCHAR(100) NOT NULL, "installed_on" TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f','now')),
    "execution_time" INT NOT NULL, "success" BOOLEAN NOT NULL);
  INSERT INTO flyway_schema_history VALUES(1,'1','t1','SQL','V1__t1.sql',-613521855,'','2026-11-23 05:55:37.411',197,1);
  INSERT INTO flyway_schema_history VALUES(2,'1.1','t2','SQL','V1_1__t2.sql',-904721352,'','2026-11-23 05:55:37.544',3,1);
  INSERT INTO flyway_schema_history VALUES(3,NULL,'v','SQL','R__v.sql',-1525645685,'','2026-11-23 05:55:37.582',31,1);`;
const ALEMBIC = `CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
  INSERT INTO alembic_version VALUES('87281ea664ef');`;

const OWN = sourceOf(['001_a.up.sql', '002_b.up.sql', '003_c.up.sql']);
const DATED = sourceOf(['20240101120000_a.sql', '20240102120000_b.sql', '20240103120000_c.sql'], '-- migrate:up\n');

function database(sql: string): SqliteConnection {
  const connection = openSqlite(':memory:', { mode: 'Create', busyTimeoutMs: 0 });
  after(() => connection.close());
  connection.execute(sql);
  return connection;
}

const read = (sql: string, source: Source, asked?: string) =>
  readHistory(sqliteHistories(database(sql)), source, 'auto', asked);

const refused = (sql: string, source: Source, asked?: string): Promise<EngineError> =>
  read(sql, source, asked).then(
    found => assert.fail(`nothing was refused: ${JSON.stringify(found)}`),
    error => error as EngineError,
  );

const brief = (version: string, appliedAt: string | null = null) => ({ version, appliedAt, appliedBy: null });

describe('The history that another tool left in a SQLite file', () => {
  it('is that of golang-migrate: one version, refused while it is dirty', async () => {
    const found = await read(`${GOLANG_MIGRATE} INSERT INTO schema_migrations VALUES(2,0);`, OWN);
    assert.deepEqual([found.from, found.table, found.version], ['golang-migrate', 'schema_migrations', '002_b']);
    assert.deepEqual(found.history, [brief('001_a'), brief('002_b')]);
    const dirty = await refused(`${GOLANG_MIGRATE} INSERT INTO schema_migrations VALUES(2,1);`, OWN);
    assert.match(dirty.message, /version 2 is marked dirty/);
    const huge = await refused(`${GOLANG_MIGRATE} INSERT INTO schema_migrations VALUES(9223372036854775807,0);`, OWN);
    assert.match(huge.message, /not among the files: 9223372036854775807\./);
  });

  it('is that of dbmate, told by its columns', async () => {
    const found = await read(DBMATE, DATED);
    assert.deepEqual([found.from, found.version], ['dbmate', '20240102120000_b']);
  });

  it('is that of Diesel, with its times', async () => {
    const source = sourceOf(['2014-09-24-113530_a/up.sql']);
    const { history } = await read(DIESEL, source);
    assert.deepEqual(history, [brief('2014-09-24-113530_a', '2026-01-02T03:04:05.000Z')]);
  });

  it('is that of goose: the latest row of a version counts, whatever its time', async () => {
    const source = sourceOf(['00001_a.sql', '00002_b.sql'], '-- +goose Up\n');
    const rows = "INSERT INTO goose_db_version VALUES(3,2,1,'2026-11-23 05:55:27'), (4,2,0,'2026-11-23 05:55:20');";
    const { history } = await read(GOOSE + rows, source);
    assert.deepEqual(history, [brief('00001_a', '2026-11-23T05:55:27.000Z')]);
  });

  it('is that of Flyway, whose user has no name there and whose flags are numbers', async () => {
    const source = sourceOf(['V1__t1.sql', 'V1_1__t2.sql']);
    const { history } = await read(FLYWAY, source);
    const told = [brief('V1__t1', '2026-11-23T05:55:37.411Z'), brief('V1_1__t2', '2026-11-23T05:55:37.544Z')];
    assert.deepEqual(history, told);
    const failed = await refused(
      `${FLYWAY} UPDATE flyway_schema_history SET success = 0 WHERE version = '1.1'`,
      source,
    );
    assert.match(failed.message, /V1_1__t2 failed there/);
  });

  it('is that of Flyway, with the repeatable migrations that ran with the text that is here', async () => {
    const names = ['V1__t1.sql', 'V1_1__t2.sql', 'R__v.sql'];
    const text = 'DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT 1 AS one;';
    const told = async (sql: string, source: Source) =>
      (await read(sql, source)).repeatables.map(({ repeatable: { version }, appliedAt }) => [version, appliedAt]);
    assert.deepEqual(await told(FLYWAY, sourceOf(names, text)), [['R__v', '2026-11-23T05:55:37.582Z']]);
    assert.deepEqual(await told(FLYWAY, sourceOf(names, `${text} -- and more`)), []);
    const later = `INSERT INTO flyway_schema_history SELECT 4, version, description, type, script, 1, '', installed_on, 0, 1
      FROM flyway_schema_history WHERE version IS NULL`;
    assert.deepEqual(await told(`${FLYWAY} ${later}`, sourceOf(names, text)), []);
    const gone = later.replace('type,', "'DELETE',");
    assert.deepEqual(await told(`${FLYWAY} ${gone}`, sourceOf(names, text)), []);
  });

  it('has a checksum that knows neither line ends nor a byte order mark, as Flyway 10.22 computed it', () => {
    const checksums = {
      'DROP VIEW IF EXISTS v;\r\nCREATE VIEW v AS\r\n  SELECT id -- ä\r\n  FROM t1;\r\n': 432617564,
      'DROP VIEW IF EXISTS w;\n\nCREATE VIEW w AS\n\tSELECT 1 AS one;  \n\n': -1883291248,
      'DROP VIEW IF EXISTS x;\rCREATE VIEW x AS\rSELECT 1 AS one;': -1197879538,
    };
    for (const [text, checksum] of Object.entries(checksums)) assert.equal(flywayChecksum(text), checksum);
  });

  it('is that of Alembic, of which a person says which file it stands for', async () => {
    assert.match((await refused(ALEMBIC, OWN)).message, /its head is 87281ea664ef/);
    assert.deepEqual((await read(ALEMBIC, OWN, '002_b')).history, [brief('001_a'), brief('002_b')]);
  });

  it('is refused when there is none, or more than one, or it does not fit the files', async () => {
    assert.equal((await refused('CREATE TABLE schema_migrations (other)', OWN)).code, 'HistoryMissing');
    assert.match((await refused(ALEMBIC + GOOSE, OWN)).message, /several: alembic_version, goose_db_version/);
    const strange = await refused(GOOSE, sourceOf(['00002_b.sql'], '-- +goose Up\n'));
    assert.equal(strange.code, 'HistoryUnmatched');
  });

  it('has a moment only where what is written is one', async () => {
    for (const [written, expected] of [
      ["'2026-11-23T05:55:27Z'", '2026-11-23T05:55:27.000Z'],
      ['1795413327', null],
      ["'2026-13-40 05:55:27'", null],
      ['NULL', null],
    ] as const) {
      const { history } = await read(`${GOOSE} UPDATE goose_db_version SET tstamp = ${written}`, OWN);
      assert.equal(history[0]?.appliedAt, expected, written);
    }
  });

  it('is asked for by the name of the tool, however it is written', () => {
    assert.deepEqual(['GOOSE', 'diesel', 'auto', 'liquibase'].map(toolNamed), ['goose', 'Diesel', 'auto', undefined]);
  });

  it('is taken over by the command line: its versions and times are in the ledger, and the rest is pending', async () => {
    const files = Object.fromEntries(
      ['00001_a', '00002_b'].map(name => [
        `${name}.sql`,
        `-- +goose Up\nCREATE TABLE ${name.slice(-1)} (id INTEGER);\n`,
      ]),
    );
    const project = new Project(files);
    project.execute(`${GOOSE} CREATE TABLE a (id INTEGER)`);
    const planned = await project.migrate('baseline', '--from', 'auto', '--dry-run');
    assert.match(planned.said, /taking over the history of goose in goose_db_version/);
    assert.deepEqual(project.rows("SELECT name FROM sqlite_schema WHERE name LIKE 'migrate%'"), []);
    const run = await project.migrate('baseline', '--from', 'auto');
    assert.equal(run.code, 0, run.said);
    assert.deepEqual(project.rows('SELECT version, origin, started_at, finished_at FROM migrate_ledger'), [
      {
        version: '00001_a',
        origin: 'imported',
        started_at: '2026-11-23T05:55:27.000Z',
        finished_at: '2026-11-23T05:55:27.000Z',
      },
    ]);
    assert.match((await project.migrate('history', '--verify')).out, /1 row/);
    assert.match((await project.migrate('history')).out, /00001_a +imported/);
    assert.equal((await project.migrate('upgrade')).code, 0);
    const again = await project.migrate('baseline', '--from', 'auto');
    assert.equal(again.code, 2);
    assert.match(again.said, /is not empty: it is at 00002_b/);
  });

  it('of Flyway is taken over with its repeatable migrations: only the changed one is run', async () => {
    const v = 'DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT 1 AS one;';
    const project = new Project({
      'V1__t1.sql': '',
      'V1.1__t2.sql': '',
      'R__v.sql': v,
      'R__w.sql': v.replaceAll('v', 'w'),
    });
    project.execute(`${FLYWAY} CREATE TABLE t1 (id INTEGER); CREATE VIEW v AS SELECT 1 AS one`);
    const run = await project.migrate('baseline', '--from', 'flyway');
    assert.equal(run.code, 0, run.said);
    assert.deepEqual(project.rows('SELECT name, origin, started_at FROM migrate_repeatable'), [
      { name: 'R__v', origin: 'imported', started_at: '2026-11-23T05:55:37.582Z' },
    ]);
    assert.match((await project.migrate('current')).out, /^V1\.1__t2 \(repeatable pending: R__w\)/);
    assert.equal((await project.migrate('history', '--verify')).code, 0);
  });

  it('is not looked for in a file that is not there', async () => {
    const project = new Project({ '001_a.up.sql': 'SELECT 1;' });
    const run = await project.migrate('baseline', '--from', 'auto');
    assert.equal(run.code, 2);
    assert.equal(project.has('dev.db'), false);
  });
});
