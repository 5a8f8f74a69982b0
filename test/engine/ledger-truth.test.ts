// What a migration file may try, and the ledger tells the truth all the same: a migration is done with its row, or neither.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LOCK_KEY } from '../../src/engine/fence/migration-lock.ts';
import { recordDone } from '../../src/engine/ledger/records.ts';
import { readStoredSnapshot } from '../../src/engine/ledger/stored-snapshot.ts';
import { readServer } from '../../src/engine/server.ts';
import { inTransaction } from '../../src/engine/transactions.ts';
import type { PendingFile, Work } from '../../src/engine/work.ts';
import { readSnapshot } from '../../src/schema/snapshot.ts';
import { EXECUTION, OWNER, Site, serverForTests } from './site.ts';

const server = await serverForTests();
const perMigration = { ...EXECUTION, transaction: 'PerMigration' } as const;

const TABLES = { '001_t.up.sql': 'CREATE TABLE t(v text); CREATE TABLE must(x int CHECK (x > 0))' };
/** Two statements for a server that reads backslashes as escapes, three more hidden in a string for one that does not. */
const HIDDEN = `INSERT INTO t VALUES ('first');
SELECT 'x\\', '; COMMIT; SELECT 1 -- '
;
INSERT INTO must VALUES (-1);
INSERT INTO t VALUES ('after the failure')`;
const BY_STEALTH = "DO $$BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); END$$;\n";

describe('A COMMIT that is hidden in a string', () => {
  it('is no COMMIT where the file turns escapes on by stealth: nothing is done, nothing recorded, nothing repeated', async () => {
    const site = await Site.create(server, { ...TABLES, '002_b.up.sql': BY_STEALTH + HIDDEN });
    for (const runId of [1, 2]) {
      const result = await site.migrate({ runId, execution: perMigration });
      assert.deepEqual([result.exitCode, result.error?.sqlstate], [20, '42601'], result.error?.message ?? '');
      assert.deepEqual(site.applied, ['001_t']);
      assert.equal(site.sql('SELECT count(*) FROM t'), '0');
    }
  });

  it('is no COMMIT where the database has escapes on', async () => {
    const site = await Site.create(server, { ...TABLES, '002_b.up.sql': "INSERT INTO t VALUES ('a\\b')" });
    site.sql(`ALTER DATABASE ${site.name} SET standard_conforming_strings TO off`);
    assert.equal((await site.migrate({ execution: perMigration })).exitCode, 0);
    assert.equal(site.sql('SELECT length(v) FROM t'), '3');
  });

  it('is refused where the file turns escapes on, before anything is written', async () => {
    for (const [setting, exitCode] of [
      ['off', 2],
      ["'off'", 2],
      ['false', 2],
      ['0', 2],
      ['on', 0],
      ['1', 0],
      ["'true'", 0],
      ['DEFAULT', 0],
    ] as const) {
      const files = { ...TABLES, '002_b.up.sql': `SET standard_conforming_strings = ${setting}; SELECT 1` };
      const site = await Site.create(server, files);
      const planned = await site.plan();
      assert.equal(planned.exitCode, exitCode, `${setting}: ${planned.error?.message}`);
    }
  });
});

describe('The rows of a migration', () => {
  it('are not written once its transaction has ended', async () => {
    const site = await Site.create(server, TABLES);
    await site.migrate();
    const connection = await site.session('owner', 'the test');
    try {
      const attempt = {
        owner: OWNER,
        resource: 'a',
        number: site.attempt,
        run: { uid: 'u', id: 1 },
        job: 'j',
        ledgerSchema: 'migrate',
      };
      const work = { connection, server: await readServer(connection), attempt, log: () => {} } as unknown as Work;
      const migration = { version: '002_b', number: 2n, up: { checksum: 'c' } };
      const file = { direction: 'Up', migration, parsed: { file: '002_b.up.sql' } } as unknown as PendingFile;
      await connection.query(`SELECT pg_catalog.pg_advisory_lock(${LOCK_KEY})`);
      const broken = inTransaction(work, async transaction => {
        await connection.query('COMMIT');
        await recordDone(work, transaction, file, new Date(), 'NoProgress');
      });
      await assert.rejects(broken, { code: 'TransactionBroken' });
    } finally {
      await connection.close();
    }
    assert.deepEqual(site.applied, ['001_t']);
  });

  const COUNTING = 'CREATE TABLE counted(n int); INSERT INTO counted VALUES (0);';
  const SKIP = "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';";
  const keeping = {
    'a trigger on the ledger': `${SKIP} CREATE TRIGGER t BEFORE INSERT ON migrate.ledger FOR EACH ROW
      WHEN (new.version = '002_b') EXECUTE FUNCTION skip()`,
    'a rule on the ledger': 'CREATE RULE r AS ON INSERT TO migrate.ledger DO INSTEAD NOTHING',
    'a trigger on the audit': `${SKIP} CREATE TRIGGER t BEFORE INSERT ON migrate.audit FOR EACH ROW
      WHEN (new.version = '002_b') EXECUTE FUNCTION skip()`,
  };
  for (const [what, text] of Object.entries(keeping)) {
    it(`are missed before COMMIT where ${what} keeps them out`, async () => {
      const site = await Site.create(server, { '001_a.up.sql': COUNTING });
      await site.migrate();
      site.sql(text);
      site.write('002_b.up.sql', 'UPDATE counted SET n = n + 1');
      for (const runId of [2, 3]) {
        const { exitCode, error } = await site.migrate({ runId });
        assert.deepEqual([exitCode, error?.code, error?.migration], [20, 'MigrationFailed', '002_b']);
        assert.match(error?.message ?? '', /a trigger or a rule on its tables in schema "migrate" keeps rows out/);
        assert.equal(site.sql('SELECT n FROM counted'), '0');
      }
    });
  }

  const GONE = `CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN EXECUTE format(''DELETE FROM %s WHERE version = $1'', tg_relid::regclass) USING new.version; RETURN NULL; END';`;
  for (const [what, trigger] of Object.entries({
    'the ledger': 'TRIGGER t AFTER INSERT ON migrate.ledger',
    'the ledger, deferred,': 'CONSTRAINT TRIGGER t AFTER INSERT ON migrate.ledger DEFERRABLE INITIALLY DEFERRED',
  })) {
    it(`are missed before COMMIT where a trigger on ${what} takes them away again`, async () => {
      const site = await Site.create(server, { '001_a.up.sql': COUNTING });
      await site.migrate();
      const when = "WHEN (new.version = '002_b')";
      site.sql(`${GONE} CREATE ${trigger} FOR EACH ROW ${when} EXECUTE FUNCTION gone()`);
      site.write('002_b.up.sql', 'UPDATE counted SET n = n + 1');
      const { exitCode, error } = await site.migrate({ runId: 2 });
      assert.deepEqual(
        [exitCode, error?.code, error?.migration],
        [20, 'MigrationFailed', '002_b'],
        error?.message ?? '',
      );
      assert.equal(site.sql('SELECT n FROM counted'), '0');
    });
  }

  for (const [what, text] of Object.entries({
    'in pieces': 'CREATE TABLE b(id int); CREATE INDEX CONCURRENTLY bi ON b(id)',
    'of one statement that stands alone': 'VACUUM counted',
  })) {
    it(`are missed where a deferred trigger takes that of a file ${what} away again`, async () => {
      const site = await Site.create(server, { '001_a.up.sql': COUNTING });
      await site.migrate();
      site.sql(`${GONE} CREATE CONSTRAINT TRIGGER t AFTER INSERT ON migrate.ledger DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION gone()`);
      site.write('002_b.up.sql', text);
      const { exitCode, error } = await site.migrate({ runId: 2 });
      assert.deepEqual([exitCode, error?.code, error?.migration], [20, 'MigrationFailed', '002_b']);
      assert.deepEqual(site.audited, ['001_a']);
      site.sql('DROP TRIGGER t ON migrate.ledger');
      assert.equal((await site.migrate({ runId: 3 })).exitCode, 0);
      assert.deepEqual(site.applied, ['001_a', '002_b']);
    });
  }

  it('are missed before COMMIT where a trigger puts them back on the way down', async () => {
    const site = await Site.create(server, {
      '001_a.up.sql': COUNTING,
      '002_b.up.sql': 'CREATE INDEX n ON counted(n)',
      '002_b.down.sql': 'DROP INDEX n',
    });
    await site.migrate();
    site.sql(`CREATE FUNCTION back() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO migrate.ledger SELECT old.*; RETURN NULL; END';
      CREATE TRIGGER t AFTER DELETE ON migrate.ledger FOR EACH ROW EXECUTE FUNCTION back()`);
    site.runId = 2;
    const planned = await site.planned('001_a');
    const { exitCode, error } = await site.migrate({ planned, direction: 'Down' });
    assert.deepEqual([exitCode, error?.code, error?.migration], [20, 'MigrationFailed', '002_b']);
    assert.equal(site.sql("SELECT to_regclass('n') IS NOT NULL"), 't');
  });

  it('are missed before COMMIT where a later file goes back to a savepoint', async () => {
    const site = await Site.create(server, {
      '001_a.up.sql': 'SAVEPOINT s; CREATE TABLE a(id int)',
      '002_b.up.sql': 'ROLLBACK TO s; CREATE TABLE b(id int)',
    });
    const { exitCode, error } = await site.migrate();
    assert.deepEqual([exitCode, error?.code, error?.migration], [20, 'MigrationFailed', '001_a']);
    assert.match(error?.message ?? '', /went back to a savepoint/);
    assert.deepEqual(site.applied, []);
  });

  it('are missed before a statement that stands alone, where a trigger takes them away again', async () => {
    for (const deferred of ['', 'DEFERRABLE INITIALLY DEFERRED']) {
      const site = await Site.create(server, { '001_a.up.sql': COUNTING });
      await site.migrate();
      const trigger = `CREATE CONSTRAINT TRIGGER t AFTER INSERT ON migrate.progress ${deferred}`;
      site.sql(`${GONE} ${trigger} FOR EACH ROW EXECUTE FUNCTION gone()`);
      site.write('002_b.up.sql', 'CREATE INDEX CONCURRENTLY counted_n ON counted(n)');
      const { exitCode, error } = await site.migrate({ runId: 2 });
      assert.deepEqual([exitCode, error?.code], [20, 'MigrationFailed'], error?.message ?? '');
      assert.equal(site.sql("SELECT to_regclass('counted_n') IS NULL"), 't');
    }
  });

  it('are missed before a statement that stands alone is begun', async () => {
    const site = await Site.create(server, { '001_a.up.sql': COUNTING });
    await site.migrate();
    site.sql(`${SKIP} CREATE TRIGGER t BEFORE INSERT ON migrate.progress FOR EACH ROW EXECUTE FUNCTION skip()`);
    site.write('002_b.up.sql', 'CREATE INDEX CONCURRENTLY counted_n ON counted(n)');
    const { exitCode, error } = await site.migrate({ runId: 2 });
    assert.deepEqual([exitCode, error?.code], [20, 'MigrationFailed']);
    assert.equal(site.sql("SELECT to_regclass('counted_n') IS NULL"), 't');
  });
});

describe('What a session keeps', () => {
  it('is gone before the next file: temporary tables, prepared statements, cursors, the last number of a sequence', async () => {
    const site = await Site.create(server, {
      '001_a.up.sql': `CREATE TABLE accounts(id int); CREATE SEQUENCE s; SELECT nextval('s');
        CREATE TEMP TABLE accounts AS SELECT 1 AS id; PREPARE p AS SELECT 1;
        DECLARE c CURSOR WITH HOLD FOR SELECT 1`,
      '002_b.up.sql': `INSERT INTO accounts VALUES (7); CREATE TABLE seen AS SELECT
        (SELECT count(*) FROM pg_prepared_statements) AS prepared, (SELECT count(*) FROM pg_cursors WHERE is_holdable) AS held`,
      '003_c.up.sql': "SELECT currval('s')",
    });
    const { exitCode, error } = await site.migrate({ execution: perMigration });
    assert.deepEqual([exitCode, error?.sqlstate, error?.migration], [20, '55000', '003_c']);
    assert.equal(site.sql('SELECT count(*) FROM public.accounts'), '1');
    assert.equal(site.sql('SELECT prepared, held FROM seen'), '0|0');
  });

  it('stays within a file that is run in pieces', async () => {
    const site = await Site.create(server, {
      '001_a.up.sql': `CREATE TABLE a(id int); CREATE TEMP TABLE kept AS SELECT 1 AS id;
        CREATE INDEX CONCURRENTLY a_id ON a(id); INSERT INTO a SELECT id FROM kept`,
    });
    const { exitCode, error } = await site.migrate();
    assert.equal(exitCode, 0, error?.message ?? '');
    assert.equal(site.sql('SELECT count(*) FROM a'), '1');
  });

  it('is not who the session is', async () => {
    const site = await Site.create(server, {
      '001_a.up.sql': "SELECT set_config('session_authorization', 'app', false)",
      '002_b.up.sql': 'CREATE TABLE whose AS SELECT session_user::text AS who',
    });
    const environment = { databaseUrl: server.url('postgres', site.name) };
    const { exitCode, error } = await site.migrate({ execution: perMigration, environment });
    assert.equal(exitCode, 0, error?.message ?? '');
    assert.equal(site.sql('SELECT who FROM whose'), 'postgres');
    assert.equal(site.sql('SELECT DISTINCT applied_by FROM migrate.ledger'), 'postgres');
  });
});

describe('How a schema prints', () => {
  it('does not depend on the settings of a file, nor on those of the database', async () => {
    const settings = {
      IntervalStyle: 'iso_8601',
      DateStyle: 'German',
      bytea_output: 'escape',
      quote_all_identifiers: 'on',
      extra_float_digits: '-3',
      xmloption: 'document',
    };
    const set = Object.entries(settings).map(([name, value]) => `SET ${name} TO ${value};`);
    const site = await Site.create(server, {
      '001_t.up.sql': `${set.join(' ')} CREATE TABLE t(i interval DEFAULT '1 day 02:00', d date DEFAULT '2026-11-23',
        b bytea DEFAULT '\\x00ff', f float8 DEFAULT 0.1, CHECK (f < 1.23456789012345678));
        CREATE VIEW v AS SELECT interval '3 hours' AS i, f FROM t`,
    });
    assert.equal((await site.migrate()).exitCode, 0);
    const asStored = async (when: string) => {
      const connection = await site.session('owner', 'the test');
      try {
        const { versionNumber } = await readServer(connection);
        const stored = await readStoredSnapshot(connection, 'migrate');
        assert.deepEqual(await readSnapshot(connection, versionNumber, 'migrate'), stored?.entries, when);
      } finally {
        await connection.close();
      }
    };
    await asStored('set by the file');
    for (const [name, value] of Object.entries(settings)) {
      site.sql(`ALTER DATABASE ${site.name} SET ${name} TO ${value}`);
    }
    await asStored('set by the database');
  });
});
