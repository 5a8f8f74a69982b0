import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AT_GATE, closedGate, EXECUTION, Site, serverForTests, until } from './site.ts';

const server = await serverForTests();
const perMigration = { ...EXECUTION, transaction: 'PerMigration' } as const;

const ROWS = { '001_rows.up.sql': 'CREATE TABLE rows(id int PRIMARY KEY, n int)' };

describe('A file that would end the transaction around it', () => {
  const files = {
    'COMMIT in the middle': 'CREATE TABLE a(id int); COMMIT; CREATE TABLE b(id int)',
    'BEGIN in the middle': 'CREATE TABLE a(id int); BEGIN; CREATE TABLE b(id int); COMMIT',
    'DISCARD ALL': 'CREATE TABLE a(id int); DISCARD ALL',
    'SET SESSION AUTHORIZATION': 'SET SESSION AUTHORIZATION postgres',
    'an index made CONCURRENTLY without a name': 'CREATE INDEX CONCURRENTLY ON rows(n)',
  };
  it('is refused before anything is written', async () => {
    for (const [what, text] of Object.entries(files)) {
      const site = await Site.create(server, { '001_a.up.sql': text });
      const { exitCode, error } = await site.plan();
      assert.deepEqual([exitCode, error?.code], [2, 'StatementRefused'], what);
    }
  });

  it('by one BEGIN … COMMIT around the whole is run without them, with a note', async () => {
    const site = await Site.create(server, { '001_a.up.sql': 'BEGIN; CREATE TABLE a(id int); COMMIT' });
    const result = await site.migrate();
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.match(result.notes.join(), /BEGIN/);
  });

  const ACCOUNTS = {
    '001_accounts.up.sql':
      'CREATE TABLE a(id int, n int CHECK (n >= 0)); INSERT INTO a VALUES (1, 100), (2, 100), (3, 100)',
  };
  const UNCOVERED = 'BEGIN; UPDATE a SET n = n + 200 WHERE id = 2; UPDATE a SET n = n - 200 WHERE id = 1; COMMIT;';
  const numbers = (site: Site) => site.sql("SELECT string_agg(n::text, ' ' ORDER BY id) FROM a");

  it('by one BEGIN … COMMIT around the whole is one transaction, marked no-transaction or not', async () => {
    const site = await Site.create(server, ACCOUNTS);
    await site.migrate();
    site.write('002_move.up.sql', `-- migrate: no-transaction\n${UNCOVERED}`);
    assert.equal((await site.migrate({ runId: 2 })).error?.sqlstate, '23514');
    assert.equal(numbers(site), '100 100 100');
    assert.equal(site.sql('SELECT count(*) FROM migrate.progress'), '0');
  });

  it('by a BEGIN … COMMIT among others, and is marked no-transaction, has that in one piece', async () => {
    const site = await Site.create(server, ACCOUNTS);
    await site.migrate();
    const head = `-- migrate: no-transaction
      CREATE INDEX CONCURRENTLY a_n ON a(n);
      BEGIN; CREATE TEMP TABLE move ON COMMIT DROP AS SELECT 3 AS id; UPDATE a SET n = 0 WHERE id IN (TABLE move); COMMIT;`;
    site.write('002_move.up.sql', `${head}\n${UNCOVERED}`);
    assert.equal((await site.migrate({ runId: 2 })).error?.sqlstate, '23514');
    assert.equal(numbers(site), '100 100 0');
    site.write('002_move.up.sql', `${head}\n${UNCOVERED.replaceAll('200', '50')}`);
    const result = await site.migrate({ runId: 3 });
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.equal(numbers(site), '50 150 0');
  });

  it('by a CALL that commits is told to stand alone; marked so it is run', async () => {
    const site = await Site.create(server, {
      '001_p.up.sql': `CREATE TABLE a(id int);
        CREATE PROCEDURE twice() LANGUAGE plpgsql AS 'BEGIN INSERT INTO a VALUES (1); COMMIT; INSERT INTO a VALUES (2); END'`,
    });
    await site.migrate();
    site.write('002_call.up.sql', 'CALL twice()');
    const refused = await site.migrate({ runId: 2 });
    assert.deepEqual([refused.exitCode, refused.error?.sqlstate], [20, '2D000']);
    site.write('002_call.up.sql', '-- migrate: no-transaction\nCALL twice()');
    assert.equal((await site.migrate({ runId: 3 })).exitCode, 0);
    assert.equal(site.sql('SELECT count(*) FROM a'), '2');
  });
});

describe('What a file sets for its session', () => {
  it('is gone before the next file, its time zone too', async () => {
    const site = await Site.create(server, {
      '001_set.up.sql': "SET timezone = 'Asia/Tokyo'; SET search_path TO pg_catalog; SET lock_timeout = 1",
      '002_seen.up.sql':
        "CREATE TABLE seen AS SELECT current_setting('timezone') AS zone, current_setting('lock_timeout') AS lock",
    });
    const result = await site.migrate({ execution: perMigration });
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.doesNotMatch(site.sql('SELECT zone FROM seen'), /Tokyo/);
    assert.notEqual(site.sql('SELECT lock FROM seen'), '1ms');
  });

  it('is not the encoding of the ledger', async () => {
    const site = await Site.create(server, {
      '001_a.up.sql': "SET client_encoding TO 'LATIN1'; CREATE TABLE a(id int)",
      '001_a.down.sql': "DROP TABLE a; -- gründlich, it's 100 \\ %",
    });
    assert.equal((await site.migrate()).exitCode, 0);
    assert.equal(site.sql('SELECT down_script FROM migrate.ledger'), "DROP TABLE a; -- gründlich, it's 100 \\ %");
  });

  it('is limited by its own statement timeout, which is no reason to try again', async () => {
    const site = await Site.create(server, {
      '001_slow.up.sql': '-- migrate: statement-timeout=200ms\nCREATE TABLE a(id int); SELECT pg_sleep(30)',
    });
    const { exitCode, error } = await site.migrate();
    assert.deepEqual([exitCode, error?.sqlstate, error?.statement], [20, '57014', 2]);
    assert.equal(site.hasTable('a'), false);
  });
});

describe('Rows and locks of others', () => {
  it('do not end an UPDATE of 100,000 rows that waits for one of them longer than the lock timeout', async () => {
    const site = await Site.create(server, {
      '001_rows.up.sql': `${ROWS['001_rows.up.sql']}; INSERT INTO rows SELECT i, 0 FROM generate_series(1, 100000) i`,
    });
    await site.migrate();
    site.write('002_backfill.up.sql', 'UPDATE rows SET n = id');
    const other = await site.session('postgres', 'a customer');
    await other.query('BEGIN; UPDATE rows SET n = -1 WHERE id = 77777');
    const running = site.migrate({ runId: 2, execution: { ...EXECUTION, lockTimeoutMilliseconds: 100 } });
    const waiting =
      "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query = 'UPDATE rows SET n = id'";
    await until('it waits for the row', () => site.sql(waiting) === '1', 60_000);
    await new Promise(resolve => setTimeout(resolve, 400));
    await other.query('COMMIT');
    await other.close();
    const result = await running;
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.equal(site.sql('SELECT count(*) FROM rows WHERE n = id'), '100000');
    assert.deepEqual(
      site.log.filter(line => /trying again/.test(line)),
      [],
    );
  });

  it('in a deadlock with them are let go, and the migration is tried again', async () => {
    const site = await Site.create(server, {
      '001_t.up.sql': 'CREATE TABLE one(id int); CREATE TABLE two(id int)',
    });
    await site.migrate();
    site.sql(`ALTER DATABASE ${site.name} SET deadlock_timeout = '100ms'`);
    site.write('002_alter.up.sql', `ALTER TABLE one ADD COLUMN n int; ${AT_GATE}; ALTER TABLE two ADD COLUMN n int`);
    const gate = await closedGate(site);
    const running = site.migrate({
      runId: 2,
      execution: { ...EXECUTION, lockTimeoutMilliseconds: 30_000, lockRetrySeconds: 30 },
    });
    await gate.reached();
    const other = await site.session('postgres', 'the other one');
    await other.query("SET deadlock_timeout = '1h'; BEGIN; LOCK TABLE two");
    const second = other.query('LOCK TABLE one');
    const waiting = `SELECT count(*) FROM pg_stat_activity WHERE pid = ${other.pid} AND wait_event_type = 'Lock'`;
    await until('it waits', () => site.sql(waiting) === '1');
    await gate.open();
    await second;
    await other.query('COMMIT');
    await other.close();
    const result = await running;
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.match(site.log.join('\n'), /trying again/);
    assert.deepEqual(site.audited, ['001_t', '002_alter']);
  });
});

describe('An index made CONCURRENTLY', () => {
  it('on a partitioned parent fails, and nothing of it is left', async () => {
    const site = await Site.create(server, {
      '001_p.up.sql':
        'CREATE TABLE p(a int) PARTITION BY RANGE (a); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (9)',
      '002_i.up.sql': 'CREATE INDEX CONCURRENTLY p_a ON p(a)',
    });
    const result = await site.migrate();
    assert.deepEqual([result.exitCode, result.error?.migration], [20, '002_i']);
    assert.equal(
      site.sql(
        "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE relname LIKE 'p%_a%' AND relnamespace = 'public'::regnamespace",
      ),
      '0',
    );
    const { ledger } = await site.settle();
    assert.deepEqual([ledger?.version, ledger?.progressRows], ['001_p', 0]);
  });

  it('that somebody else is still building is not taken for a leftover of ours', async () => {
    const site = await Site.create(server, { ...ROWS, '002_i.up.sql': 'CREATE INDEX CONCURRENTLY rows_n ON rows(n)' });
    await site.migrate({ to: '001_rows' });
    site.runId = 2;
    const planned = await site.planned();
    const report = await site.session('owner', 'a long report');
    await report.query('BEGIN; LOCK TABLE rows IN ROW EXCLUSIVE MODE; SELECT txid_current()');
    const invalid = 'SELECT count(*) FROM pg_index WHERE NOT indisvalid';
    const ours = site.migrate({ planned });
    await until('ours is being built', () => site.sql(invalid) === '1', 30_000);
    site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%'");
    assert.equal((await ours).exitCode, 10);
    // A person takes the leftover away and builds it himself.
    await report.query('COMMIT');
    site.sql('DROP INDEX rows_n');
    await report.query('BEGIN; LOCK TABLE rows IN ROW EXCLUSIVE MODE; SELECT txid_current()');
    const person = await site.session('owner', 'a person');
    const building = person.query('CREATE INDEX CONCURRENTLY rows_n ON rows(n)');
    await until('it is being built by a person', () => site.sql(invalid) === '1', 30_000);
    const late = await site.migrate({ planned });
    assert.deepEqual([late.exitCode, late.error?.code], [12, 'FenceHeld']);
    assert.match(late.error?.message ?? '', new RegExp(`pid ${person.pid} still builds the index rows_n`));
    await report.close();
    await building;
    await person.close();
    const oid = site.sql("SELECT 'rows_n'::regclass::oid");
    assert.equal((await site.migrate({ planned })).exitCode, 0);
    assert.equal(site.sql("SELECT 'rows_n'::regclass::oid"), oid, 'what the person has built is kept');
  });
});

describe('A ledger', () => {
  it('that may not be made ends `migrate` before it writes, with the grant', async () => {
    const site = await Site.create(server, ROWS);
    const planned = await site.planned();
    site.sql(`ALTER DATABASE ${site.name} OWNER TO postgres; REVOKE CREATE ON DATABASE ${site.name} FROM PUBLIC`);
    const { exitCode, error, wrote } = await site.migrate({ planned });
    assert.deepEqual([exitCode, error?.code, wrote], [22, 'RightMissing', false]);
    assert.match(error?.message ?? '', /GRANT CREATE/);
  });

  it('on a server that takes no writes is neither migrated nor settled', async () => {
    const site = await Site.create(server, ROWS);
    const planned = await site.planned();
    site.sql(`ALTER DATABASE ${site.name} SET default_transaction_read_only = on`);
    for (const { exitCode, error } of [await site.migrate({ planned }), await site.settle()]) {
      assert.deepEqual([exitCode, error?.code], [10, 'ServerReadOnly']);
    }
  });

  it('that is damaged is believed by nobody', async () => {
    const site = await Site.create(server, ROWS);
    await site.migrate();
    const planned = await site.planned();
    site.sql('ALTER TABLE migrate.ledger RENAME COLUMN up_checksum TO checksum');
    for (const { exitCode, error } of [
      await site.plan(),
      await site.migrate({ planned, runId: 2 }),
      await site.settle(),
    ]) {
      assert.deepEqual([exitCode, error?.code], [22, 'LedgerDamaged']);
    }
  });

  it('that is gone while its tables are there is not begun anew', async () => {
    const site = await Site.create(server, ROWS);
    const planned = await site.planned();
    await site.migrate();
    site.sql('DROP SCHEMA migrate CASCADE');
    const { exitCode, error, wrote } = await site.migrate({ planned, runId: 2 });
    assert.deepEqual([exitCode, error?.code, wrote], [2, 'BaselineNeeded', false]);
    assert.equal(site.hasTable('rows'), true);
  });
});
