import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LOCK_KEY } from '../../src/engine/fence/migration-lock.ts';
import { AT_GATE, closedGate, EXECUTION, oldTransaction, Site, serverForTests, until } from './site.ts';

const server = await serverForTests();

const USERS = {
  '001_users.up.sql':
    'CREATE TABLE users(id int, name text); INSERT INTO users SELECT i, i FROM generate_series(1, 1000) i',
};
describe('A lock that is not to be had', () => {
  it('is tried for again, and its holder named in the end', async () => {
    const site = await Site.create(server, { ...USERS, '002_alter.up.sql': 'ALTER TABLE users ADD COLUMN email text' });
    await site.migrate({ to: '001_users' });
    site.runId = 2;
    const holder = await oldTransaction(site);
    try {
      const began = Date.now();
      const { error, exitCode, wrote } = await site.migrate();
      assert.deepEqual([exitCode, error?.code, wrote, error?.migration], [11, 'LockTimeout', true, '002_alter']);
      assert.match(
        error?.message ?? '',
        new RegExp(`pid ${holder.pid} \\(role owner, a long report, since 20.*SELECT count`),
      );
      assert.match(error?.message ?? '', /^002_alter\.up\.sql, statement 1 \(line 1\): a lock was not to be had/);
      assert.ok(Date.now() - began > 1_000);
      assert.ok(site.log.filter(line => /trying again/.test(line)).length >= 2);
    } finally {
      await holder.close();
    }
    assert.equal((await site.migrate()).exitCode, 0);
  });

  it('is waited for when it is freed in time', async () => {
    const site = await Site.create(server, { ...USERS, '002_alter.up.sql': 'ALTER TABLE users ADD COLUMN email text' });
    await site.migrate({ to: '001_users' });
    site.runId = 2;
    const holder = await oldTransaction(site);
    setTimeout(() => void holder.close(), 1_000);
    const result = await site.migrate({ execution: { ...EXECUTION, lockRetrySeconds: 10 } });
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
  });

  it('hides constants in the query of its holder', async () => {
    const site = await Site.create(server, { ...USERS, '002_alter.up.sql': 'ALTER TABLE users ADD COLUMN email text' });
    await site.migrate({ to: '001_users' });
    site.runId = 2;
    const holder = await site.session('app', 'x');
    site.sql('GRANT ALL ON users TO app');
    await holder.query('BEGIN');
    await holder.query("/* don't */ UPDATE users SET name = E'O\\'S3CRET' WHERE id = 424242");
    try {
      const { error } = await site.migrate({ environment: { databaseUrl: server.url('postgres', site.name) } });
      assert.match(error?.message ?? '', /UPDATE users SET name = \? WHERE id = \?/);
    } finally {
      await holder.close();
    }
  });
});

describe('The migration lock', () => {
  it('that a migration gives up by a way the grammar does not show goes to nobody before its transaction ends', async () => {
    const site = await Site.create(server, {
      '001_f.up.sql': `CREATE FUNCTION sneak() RETURNS void LANGUAGE plpgsql AS
        $$BEGIN EXECUTE 'SELECT pg_advisory' || '_unlock_all()'; END$$`,
    });
    await site.migrate();
    site.write('002_sneak.up.sql', `SELECT sneak(); ${AT_GATE}`);
    const gate = await closedGate(site);
    const running = site.migrate({ runId: 2 });
    await gate.reached();
    const other = await site.session('owner', 'another');
    const taken = await other.query(`SELECT pg_try_advisory_lock(${LOCK_KEY}) AS taken`);
    await gate.open();
    assert.equal((await running).error?.code, 'TransactionBroken');
    assert.deepEqual(taken, [{ taken: 'f' }]);
    const later = await other.query(`SELECT pg_try_advisory_lock(${LOCK_KEY}) AS taken`);
    await other.close();
    assert.deepEqual(later, [{ taken: 't' }]);
  });
});

describe('An attempt that is told to stop', () => {
  it('rolls back and says so within seconds', async () => {
    const site = await Site.create(server, { '001_slow.up.sql': 'CREATE TABLE slow(id int); SELECT pg_sleep(60)' });
    const planned = await site.planned();
    const stop = new AbortController();
    const running = site.migrate({ planned, environment: { signal: stop.signal } });
    await until(
      'it is at work',
      () => site.sql("SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'") !== '0',
    );
    const told = Date.now();
    stop.abort();
    const { error, exitCode, wrote } = await running;
    assert.ok(Date.now() - told < 3_000);
    assert.deepEqual([exitCode, error?.code, wrote], [12, 'Interrupted', true]);
    assert.equal(site.hasTable('slow'), false);
    assert.deepEqual(site.sessions, []);
  });

  const INSERTING = {
    '003_d.up.sql': '-- migrate: no-transaction\nDO $$BEGIN INSERT INTO t VALUES (1); END$$',
  };
  const progress = (site: Site) => site.sql('SELECT count(*) FROM migrate.progress');

  it('while the schema is read before a file in pieces has begun nothing of that file', async () => {
    const site = await Site.create(server, { '001_t.up.sql': 'CREATE TABLE t(id int PRIMARY KEY)' });
    await site.migrate();
    for (const [file, text] of Object.entries({ ...INSERTING, '002_w.up.sql': AT_GATE })) site.write(file, text);
    const planned = await site.planned();
    const stop = new AbortController();
    const gate = await closedGate(site);
    const running = site.migrate({ planned, runId: 2, environment: { signal: stop.signal } });
    await gate.reached();
    const holder = await site.session('postgres');
    await holder.query('BEGIN; LOCK TABLE t');
    await gate.open();
    const waiting = `SELECT FROM pg_locks WHERE relation = 't'::regclass AND NOT granted`;
    await until('the schema waits for the table', async () => (await holder.query(waiting)).length > 0);
    stop.abort();
    const { error, exitCode } = await running;
    await holder.close();
    assert.deepEqual([exitCode, error?.code, progress(site)], [12, 'Interrupted', '0'], error?.message ?? '');
    assert.match(error?.message ?? '', /before 003_d\.up\.sql, statement 1/);
    assert.equal((await site.migrate({ runId: 3 })).exitCode, 0);
    assert.equal(site.sql('SELECT count(*) FROM t'), '1');
  });

  it('between the row of a statement that stands alone and the statement takes the row back', async () => {
    const site = await Site.create(server, { '001_t.up.sql': 'CREATE TABLE t(id int)' });
    await site.migrate();
    site.write('003_d.up.sql', INSERTING['003_d.up.sql']);
    const planned = await site.planned();
    const stop = new AbortController();
    const log = (line: string) => line.startsWith('committing') && stop.abort();
    const { error, exitCode } = await site.migrate({ planned, runId: 2, environment: { signal: stop.signal, log } });
    assert.deepEqual([exitCode, error?.code, progress(site)], [12, 'Interrupted', '0'], error?.message ?? '');
    assert.equal((await site.migrate({ runId: 3 })).exitCode, 0);
    assert.equal(site.sql('SELECT count(*) FROM t'), '1');
  });

  it('while it waits for the fence has written nothing', async () => {
    const site = await Site.create(server, { '001_a.up.sql': 'SELECT 1' });
    const planned = await site.planned();
    const holder = await site.session('postgres');
    await holder.query(`SELECT pg_advisory_lock(${LOCK_KEY})`);
    const { error, exitCode, wrote } = await site.migrate({
      planned,
      environment: { signal: AbortSignal.timeout(300) },
    });
    await holder.close();
    assert.deepEqual([exitCode, wrote], [12, false], error?.message ?? 'no error');
  });
});
