// What a downgrade takes away is compared with what was counted, so that what no statement shows is rolled back. And a
// downgrade that loses nothing is let through, whatever it does to the schema.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Execution } from '../../src/engine/work.ts';
import { EXECUTION, Site, serverForTests, until } from './site.ts';

const server = await serverForTests();

const BASE = `CREATE TABLE users(id int PRIMARY KEY, name text); CREATE TABLE empty_one(id int); CREATE SCHEMA attic;
  CREATE FUNCTION gone() RETURNS int LANGUAGE plpgsql AS 'BEGIN DELETE FROM users; RETURN 1; END';
  CREATE FUNCTION emptied() RETURNS int LANGUAGE plpgsql AS 'BEGIN TRUNCATE users; RETURN 1; END';
  CREATE VIEW peek AS SELECT gone(); CREATE VIEW glance AS SELECT emptied();
  CREATE FUNCTION after_drop() RETURNS event_trigger LANGUAGE plpgsql AS
    $$BEGIN IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() WHERE object_name = 'empty_one') THEN
      ALTER TABLE users DROP COLUMN name; END IF; END$$`;

async function migrated(base: string, down: string, more = 'SELECT 1'): Promise<Site> {
  const site = await Site.create(server, { '001_base.up.sql': base, '002_it.up.sql': more, '002_it.down.sql': down });
  const result = await site.migrate();
  assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
  site.runId = 2;
  return site;
}

async function wentDown(site: Site, execution: Execution = EXECUTION) {
  const planned = await site.planned('001_base');
  assert.deepEqual(planned.downgrade?.losses, []);
  return site.migrate({ to: '001_base', direction: 'Down', planned, execution });
}

describe('A downgrade that was counted as lossless', () => {
  for (const [what, down, gone] of [
    ['rows that a view deletes', 'SELECT * FROM peek', 'rows of public.users'],
    [
      'rows that a view empties out, in pieces too',
      'DROP INDEX CONCURRENTLY IF EXISTS no; SELECT * FROM glance',
      'rows of public.users',
    ],
    [
      'a column that an event trigger drops',
      'CREATE EVENT TRIGGER t ON sql_drop EXECUTE FUNCTION after_drop(); DROP TABLE empty_one',
      'the column public.users.name',
    ],
  ] as const) {
    it(`does not take away what it does not show: ${what}`, async () => {
      const site = await migrated(BASE, down);
      site.sql("INSERT INTO users VALUES (1, 'a'); ALTER ROLE owner SUPERUSER");
      const { exitCode, error } = await wentDown(site);
      assert.deepEqual(
        [exitCode, error?.code, error?.migration],
        [20, 'UncountedLoss', '002_it'],
        error?.message ?? '',
      );
      assert.match(error?.message ?? '', new RegExp(`what nobody had counted: ${gone}\\.`));
      assert.equal(site.sql('SELECT name FROM users'), 'a');
    });
  }

  it('does not empty out a table beside an ALTER TABLE that writes another one anew, nor that one itself', async () => {
    const site = await migrated(
      `CREATE TABLE z(a int, c int); CREATE TABLE cache(k text);
        CREATE FUNCTION inval() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN TRUNCATE public.cache; END';
        CREATE FUNCTION refill() RETURNS event_trigger LANGUAGE plpgsql AS
          $$BEGIN IF to_regclass('public.z') IS NULL THEN TRUNCATE public.y; ELSE TRUNCATE public.z; INSERT INTO public.z VALUES (0); END IF; END$$;
        CREATE FUNCTION emptied() RETURNS int LANGUAGE plpgsql AS 'BEGIN TRUNCATE public.cache; RETURN 1; END';
        CREATE VIEW v AS SELECT emptied()`,
      'SELECT 1',
    );
    const fill = 'INSERT INTO z(a) VALUES (1), (2); INSERT INTO cache VALUES (1), (2)';
    for (const [trigger, down, gone] of [
      ['inval', 'ALTER TABLE z DROP COLUMN c', 'cache'],
      ['inval', 'ALTER TABLE z ALTER a TYPE bigint', 'cache'],
      ['refill', 'ALTER TABLE z ALTER a TYPE bigint', 'z'],
      ['refill', 'ALTER TABLE z RENAME TO y; ALTER TABLE y ADD at timestamptz DEFAULT clock_timestamp()', 'z'],
      ['', 'SELECT * FROM v; ALTER TABLE z DROP COLUMN c', 'cache'],
    ] as const) {
      site.write('002_it.down.sql', down);
      site.sql(`TRUNCATE z, cache; ${fill}`);
      if (trigger !== '') site.sql(`CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION ${trigger}()`);
      const { error } = await wentDown(site);
      if (trigger !== '') site.sql('DROP EVENT TRIGGER e');
      assert.match(error?.message ?? 'no error', new RegExp(`nobody had counted: rows of public\\.${gone}\\.`), down);
      assert.deepEqual([site.sql('SELECT count(*) FROM z'), site.sql('SELECT count(*) FROM cache')], ['2', '2']);
      site.runId += 1;
    }
  });

  it('may write tables anew, whoever inherits from them, as long as their rows are there', async () => {
    const site = await migrated(
      `CREATE TABLE parent(id int PRIMARY KEY, note text); CREATE TABLE child(own int) INHERITS (parent); CREATE TABLE void(id int);
        CREATE TABLE parted(id int) PARTITION BY LIST (id); CREATE TABLE part_1 PARTITION OF parted FOR VALUES IN (1);
        CREATE TABLE old(id int); CREATE TABLE loose(id int); CREATE TABLE stored(id int); CREATE UNLOGGED TABLE light(id int)`,
      `ALTER TABLE parent ALTER id TYPE bigint; INSERT INTO parent VALUES (3), (4), (5); ALTER TABLE void ALTER id TYPE bigint;
        ALTER TABLE parted ATTACH PARTITION loose FOR VALUES IN (2); ALTER TABLE parted ADD at timestamptz DEFAULT clock_timestamp();
        ALTER TABLE old RENAME TO new; ALTER TABLE new ADD at timestamptz DEFAULT clock_timestamp();
        CLUSTER parent USING parent_pkey; ALTER TABLE light SET LOGGED; INSERT INTO void VALUES (1)`,
    );
    site.sql(`SET ROLE owner; INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2); INSERT INTO parted VALUES (1);
      INSERT INTO old VALUES (1); INSERT INTO loose VALUES (2); INSERT INTO light VALUES (1)`);
    const { exitCode, error } = await wentDown(site);
    assert.equal(exitCode, 0, error?.message ?? '');
  });

  it('does not take away a table that came after the count', async () => {
    const site = await migrated(BASE, 'DROP TABLE empty_one; DROP SCHEMA attic CASCADE');
    const application = await site.session('owner', 'an app that still runs');
    await application.query('BEGIN');
    await application.query('LOCK TABLE empty_one IN ROW EXCLUSIVE MODE; CREATE TABLE attic.late AS SELECT 1 AS id');
    const running = wentDown(site, { ...EXECUTION, lockTimeoutMilliseconds: 20_000, lockRetrySeconds: 30 });
    await until(
      'the downgrade waits for the application',
      () => site.sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'empty_one'::regclass") === '1',
    );
    await application.query('COMMIT');
    const { error } = await running;
    await application.close();
    assert.match(error?.message ?? '', /what nobody had counted: the table attic\.late\./);
    assert.equal(site.sql('SELECT count(*) FROM attic.late'), '1');
  });

  it('is let through where all that goes was counted', async () => {
    const site = await migrated(
      `CREATE TABLE parent(id int, note text, size int); CREATE TABLE child(own int) INHERITS (parent);
        CREATE TABLE parted(id int, note text) PARTITION BY LIST (id); CREATE TABLE "Part.1" PARTITION OF parted FOR VALUES IN (1);
        CREATE MATERIALIZED VIEW seen AS SELECT id FROM parent; CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN level AS int;
        CREATE TABLE felt(it mood, grade level, twice int ${server.major < 12 ? '' : 'GENERATED ALWAYS AS (2) STORED'}); CREATE TABLE plain(id int, at timestamp)`,
      `ALTER TABLE parent DROP COLUMN note, ALTER size TYPE bigint; ALTER TABLE parted DROP COLUMN note; ALTER TABLE parted ALTER id SET DEFAULT 1;
        DROP MATERIALIZED VIEW seen; CREATE MATERIALIZED VIEW seen AS SELECT id, size FROM parent; REFRESH MATERIALIZED VIEW seen;
        DROP TYPE mood CASCADE; DROP DOMAIN level CASCADE; ALTER TABLE felt DROP COLUMN twice; INSERT INTO felt DEFAULT VALUES;
        CREATE TABLE "Made.Here"(id int); ALTER TABLE plain RENAME TO simple; ALTER TABLE simple SET (fillfactor = 50);
        DROP INDEX CONCURRENTLY IF EXISTS none; DROP TABLE "Made.Here"; DROP TABLE parted; TABLE parent`,
    );
    const { exitCode, error, ledger } = await wentDown(site);
    assert.deepEqual([exitCode, ledger?.version], [0, '001_base'], error?.message ?? '');
    assert.deepEqual([site.hasTable('simple'), site.hasTable('parted')], [true, false]);
  });
});
