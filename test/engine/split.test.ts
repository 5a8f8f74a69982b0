import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { oldTransaction, Site, serverForTests, until } from './site.ts';

const server = await serverForTests();

const USERS = {
  '001_users.up.sql':
    'CREATE TABLE users(id int, name text); INSERT INTO users SELECT i, i FROM generate_series(1, 1000) i',
};
const INDEXED = `CREATE TABLE before_it(id int);
CREATE INDEX CONCURRENTLY users_name ON users(name);
CREATE TABLE after_it(id int);`;

const isValid = (site: Site, index: string) =>
  site.sql(
    `SELECT coalesce((SELECT indisvalid::text FROM pg_index WHERE indexrelid = to_regclass('${index}')), 'absent')`,
  );

describe('A file with a statement that must stand alone', () => {
  it('is run in pieces and recorded as one version', async () => {
    const site = await Site.create(server, { ...USERS, '002_index.up.sql': INDEXED });
    const result = await site.migrate();
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.equal(isValid(site, 'users_name'), 'true');
    assert.deepEqual(site.audited, ['001_users', '002_index']);
    assert.equal(site.sql('SELECT count(*) FROM migrate.progress'), '0');
  });

  it('killed midway is seen as half done, and resumed by the next attempt', async () => {
    const site = await Site.create(server, { ...USERS, '002_index.up.sql': INDEXED });
    await site.migrate({ to: '001_users' });
    site.runId = 2;
    const planned = await site.planned();
    const report = await oldTransaction(site);
    const killed = site.migrate({ planned });
    await until('the index is being built', () => isValid(site, 'users_name') === 'false');
    site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%'");
    const lost = await killed;
    assert.deepEqual([lost.exitCode, lost.error?.code, lost.wrote], [10, 'ConnectionLost', true]);
    await report.close();
    assert.equal(isValid(site, 'users_name'), 'false');

    const settled = await site.settle();
    assert.equal(settled.ledger?.unchanged, false);
    assert.equal(settled.ledger?.progressRows, 2);
    assert.equal(settled.ledger?.version, '001_users');

    const resumed = await site.migrate({ planned });
    assert.equal(resumed.exitCode, 0, resumed.error?.message ?? 'no error');
    assert.equal(isValid(site, 'users_name'), 'true');
    assert.equal(site.hasTable('after_it'), true);
    assert.deepEqual(site.audited, ['001_users', '002_index']);
    assert.equal(site.sql('SELECT count(*) FROM migrate.progress'), '0');
  });

  it('whose statement was done, but not its row, is not run twice', async () => {
    const site = await Site.create(server, { ...USERS, '002_index.up.sql': INDEXED });
    await site.migrate({ to: '001_users' });
    site.runId = 2;
    const planned = await site.planned();
    const report = await oldTransaction(site);
    const killed = site.migrate({ planned });
    await until('the index is being built', () => isValid(site, 'users_name') === 'false');
    site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%'");
    await killed;
    await report.close();
    site.sql('DROP INDEX users_name; SET ROLE owner; CREATE INDEX users_name ON users(name)');
    const oid = site.sql("SELECT 'users_name'::regclass::oid");
    assert.equal((await site.migrate({ planned })).exitCode, 0);
    assert.equal(site.sql("SELECT 'users_name'::regclass::oid"), oid);
    assert.match(site.log.join('\n'), /was done by an earlier attempt/);
  });

  it('that fails leaves no invalid index and no row, so that nothing has changed', async () => {
    const site = await Site.create(server, {
      ...USERS,
      '002_unique.up.sql': 'CREATE UNIQUE INDEX CONCURRENTLY users_one ON users((id % 2))',
    });
    await site.migrate({ to: '001_users' });
    site.runId = 2;
    const { error, exitCode } = await site.migrate();
    assert.deepEqual([exitCode, error?.sqlstate, error?.statement], [20, '23505', 1]);
    assert.equal(isValid(site, 'users_one'), 'absent');
    const settled = await site.settle();
    assert.deepEqual([settled.ledger?.unchanged, settled.ledger?.progressRows], [true, 0]);
  });

  it("never drops an index that was somebody else's before", async () => {
    const site = await Site.create(server, { ...USERS, '002_i.up.sql': 'CREATE INDEX CONCURRENTLY mine ON users(id)' });
    await site.migrate({ to: '001_users' });
    site.sql('SET ROLE owner; CREATE INDEX mine ON users(name)');
    const { error } = await site.migrate({ runId: 2 });
    assert.equal(error?.sqlstate, '42P07');
    assert.equal(isValid(site, 'mine'), 'true');
    site.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'mine'::regclass");
    assert.equal((await site.migrate({ runId: 3 })).error?.sqlstate, '42P07');
    assert.equal(isValid(site, 'mine'), 'false');
    site.write('002_i.up.sql', 'CREATE INDEX CONCURRENTLY IF NOT EXISTS mine ON users(id)');
    const invalid = await site.migrate({ runId: 4 });
    assert.deepEqual([invalid.exitCode, invalid.error?.code], [20, 'InvalidIndex']);
  });

  it('may change after what was run, and nowhere else', async () => {
    const bad = `CREATE TABLE one(id int);\nVACUUM users;\nSELECT 1 / 0;`;
    const site = await Site.create(server, { ...USERS, '002_half.up.sql': bad });
    assert.equal((await site.migrate()).error?.sqlstate, '22012');
    site.write('002_half.up.sql', bad.replace('one(id int)', 'two(id int)'));
    const changed = await site.plan();
    assert.deepEqual([changed.exitCode, changed.error?.code], [21, 'HalfDoneFileChanged']);
    site.write('002_half.up.sql', bad.replace('1 / 0', '1'));
    const mended = await site.migrate({ runId: 2 });
    assert.equal(mended.exitCode, 0, mended.error?.message ?? 'no error');
    assert.deepEqual(site.audited, ['001_users', '002_half']);
  });

  it('that has changed where it was run names the statement that has, with its mark or without', async () => {
    const mark = '-- migrate: no-transaction\n';
    const [tables, failing] = [
      'CREATE TABLE a(id int);\nCREATE TABLE b(id int);\n',
      "DO $$BEGIN COMMIT; RAISE 'x'; END$$;",
    ];
    const site = await Site.create(server, { '001_half.up.sql': mark + tables + failing });
    assert.equal((await site.migrate()).error?.sqlstate, 'P0001');
    for (const [text, statement] of [
      [mark + tables + failing.replace('RAISE', 'ASSERT'), 3],
      [tables + failing.replace('RAISE', 'ASSERT'), 3],
      [tables.replace(' b(', ' c(') + failing, 2],
      [tables, 3],
    ] as const) {
      site.write('001_half.up.sql', text);
      const { error } = await site.plan();
      assert.deepEqual([error?.code, error?.statement], ['HalfDoneFileChanged', statement], text);
    }
  });

  it('may get ordinary statements right behind ordinary ones that are done: they are run for themselves', async () => {
    const [first, mended, more] = [
      'CREATE TABLE one(id int);',
      "UPDATE users SET name = id WHERE name = 'x';",
      'INSERT INTO one VALUES (1);',
    ];
    const index = 'CREATE UNIQUE INDEX CONCURRENTLY users_unique ON users(name);';
    const site = await Site.create(server, { ...USERS, '002_half.up.sql': `${first}\n${index}` });
    await site.migrate({ to: '001_users' });
    site.sql("UPDATE users SET name = 'x' WHERE id < 3");
    assert.equal((await site.migrate({ runId: 2 })).error?.sqlstate, '23505');
    site.write('002_half.up.sql', `${first}\n${more}\n${index}`);
    assert.equal((await site.migrate({ runId: 3 })).error?.sqlstate, '23505');
    assert.equal(site.sql('SELECT count(*) FROM one'), '1');
    site.write('002_half.up.sql', `${more}\n${first}\n${index}`);
    assert.equal((await site.plan()).error?.code, 'HalfDoneFileChanged');
    site.write('002_half.up.sql', `${first}\n${more}\n${mended}\n${index}`);
    const result = await site.migrate({ runId: 4 });
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.deepEqual([site.sql('SELECT count(*) FROM one'), isValid(site, 'users_unique')], ['1', 'true']);
  });

  it('may be cut behind what is done, and is not run again together with the next file', async () => {
    const first = 'CREATE TABLE one(id int); INSERT INTO users VALUES (0);';
    const site = await Site.create(server, { ...USERS, '002_half.up.sql': `${first} VACUUM missing;` });
    assert.equal((await site.migrate()).error?.sqlstate, '42P01');
    site.write('002_half.up.sql', first);
    site.write('003_next.up.sql', 'CREATE TABLE next(id int)');
    const result = await site.migrate({ runId: 2 });
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.deepEqual(site.audited, ['001_users', '002_half', '003_next']);
    assert.match(
      result.notes.join(),
      /each migration is a transaction of its own: in 002_half\.up\.sql it is half done/,
    );
    assert.equal(site.sql('SELECT count(*) FROM users WHERE id = 0'), '1');
  });

  it('may lose its mark, or get it, while a statement is begun: that is proven all the same', {
    skip: server.major < 12,
  }, async () => {
    const mark = '-- migrate: no-transaction\n';
    const label = "ALTER TYPE mood ADD VALUE 'glad';";
    const index = 'CREATE INDEX CONCURRENTLY users_name ON users(name);';
    for (const [before, after] of [
      [`${mark}${label} SELECT 1;`, `${label} SELECT 1; SELECT 2;`],
      [`SELECT 1; SELECT 2; ${index}`, `${mark}SELECT 1; SELECT 2; ${index}`],
    ] as const) {
      const site = await Site.create(server, { ...USERS, '002_type.up.sql': "CREATE TYPE mood AS ENUM ('sad')" });
      await site.migrate();
      site.sql(`CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS
          'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN new; END';
        CREATE TRIGGER crash BEFORE UPDATE ON migrate.progress FOR EACH ROW EXECUTE FUNCTION crash()`);
      site.write('003_half.up.sql', before);
      assert.equal((await site.migrate({ runId: 2 })).error?.code, 'ConnectionLost');
      assert.match(site.sql("SELECT effect->>'kind' FROM migrate.progress WHERE state = 'started'"), /Added|Created/);
      site.sql('DROP TRIGGER crash ON migrate.progress');
      site.write('003_half.up.sql', after);
      const result = await site.migrate({ runId: 3 });
      assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
      assert.match(site.log.join('\n'), /was done by an earlier attempt/);
      assert.deepEqual(site.audited, ['001_users', '002_type', '003_half']);
    }
  });

  it('that is half done and then taken away is asked for before anything is built on it', async () => {
    const site = await Site.create(server, { ...USERS, '002_half.up.sql': 'VACUUM users; SELECT 1 / 0' });
    await site.migrate();
    site.remove('002_half.up.sql');
    site.write('003_next.up.sql', 'SELECT 1');
    assert.equal((await site.plan()).error?.code, 'HalfDoneFileMissing');
  });

  it('keeps the settings of its own statements from piece to piece', async () => {
    const site = await Site.create(server, {
      '001_s.up.sql': 'CREATE SCHEMA shop; CREATE TABLE shop.t(a int)',
      '002_i.up.sql':
        'SET search_path TO shop;\nCREATE INDEX CONCURRENTLY t_a ON t(a);\nALTER TABLE t ADD COLUMN b int;',
    });
    assert.equal((await site.migrate()).exitCode, 0);
    assert.equal(isValid(site, 'shop.t_a'), 'true');
  });

  it('waits for others no longer than it was told, and names them', async () => {
    const site = await Site.create(server, {
      ...USERS,
      '002_i.up.sql': '-- migrate: lock-timeout=1s\nCREATE INDEX CONCURRENTLY users_name ON users(name)',
    });
    await site.migrate({ to: '001_users' });
    site.runId = 2;
    const report = await oldTransaction(site);
    const planned = await site.planned();
    const began = Date.now();
    const { error, exitCode } = await site.migrate({ planned });
    assert.ok(Date.now() - began < 15_000);
    assert.deepEqual([exitCode, error?.code], [11, 'LockTimeout']);
    assert.match(error?.message ?? '', /a long report/);
    assert.equal(isValid(site, 'users_name'), 'false');
    await report.close();
    assert.equal((await site.migrate({ planned })).exitCode, 0);
    assert.equal(isValid(site, 'users_name'), 'true');
  });
});

/** Killed while it waited for a writer; somebody else's leftover was there before it began. */
async function killedReindex(statement: string) {
  const site = await Site.create(server, {
    ...USERS,
    '002_more.up.sql':
      'CREATE INDEX users_name ON users(name); CREATE TABLE strangers(id int); CREATE INDEX ON strangers(id)',
    '003_again.up.sql': statement,
  });
  await site.migrate({ to: '002_more' });
  site.runId = 2;
  site.sql(`SET ROLE owner; CREATE INDEX strangers_ccnew ON strangers(id)`);
  site.sql(`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'strangers_ccnew'::regclass`);
  const invalid = () =>
    site.sql(
      `SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_index JOIN pg_class ON oid = indexrelid WHERE NOT indisvalid`,
    );
  const planned = await site.planned();
  const writer = await oldTransaction(site);
  const first = site.migrate({ planned });
  await until('the indexes are being rebuilt', () => invalid().includes('users_name_ccnew'));
  site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'REINDEX%'");
  assert.equal((await first).exitCode, 10);
  await writer.close();
  return { site, killed: invalid(), invalid, resumed: () => site.migrate({ planned }) };
}

describe('Other statements that stand alone', () => {
  it('are proven by what they leave', { skip: server.major < 14 }, async () => {
    const site = await Site.create(server, {
      '001_p.up.sql': `CREATE TABLE p(a int) PARTITION BY RANGE (a);
        CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (2);
        CREATE TABLE t(a int); CREATE INDEX t_a ON t(a); CREATE TYPE mood AS ENUM ('sad');`,
      '002_all.up.sql': `-- migrate: no-transaction
        ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;
        REINDEX INDEX CONCURRENTLY t_a;
        DROP INDEX CONCURRENTLY t_a;
        ALTER TYPE mood ADD VALUE 'glad';
        CREATE TABLE m(m mood DEFAULT 'glad');
        VACUUM t;
        DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2); END $$;`,
    });
    const result = await site.migrate();
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.equal(site.sql('SELECT count(*) FROM pg_inherits'), '0');
    assert.equal(site.sql('SELECT count(*) FROM t'), '2');
  });

  it('that were killed are brought to their end, and what they left half made is gone', {
    skip: server.major < 14,
  }, async () => {
    const site = await Site.create(server, {
      ...USERS,
      '002_p.up.sql': `CREATE INDEX users_name ON users(name); CREATE TABLE p(a int) PARTITION BY RANGE (a);
        CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (2)`,
      '003_all.up.sql': 'REINDEX INDEX CONCURRENTLY users_name; ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY',
    });
    await site.migrate({ to: '002_p' });
    site.runId = 2;
    const planned = await site.planned();
    const invalid = 'SELECT count(*) FROM pg_index WHERE NOT indisvalid';
    const report = await oldTransaction(site);
    const first = site.migrate({ planned });
    await until('the index is being rebuilt', () => site.sql(invalid) === '1');
    site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'REINDEX%'");
    assert.equal((await first).exitCode, 10);
    await report.query('ROLLBACK; BEGIN; SELECT count(*) FROM p');
    const second = site.migrate({ planned });
    await until(
      'it is being detached',
      () => site.sql('SELECT count(*) FROM pg_inherits WHERE inhdetachpending') === '1',
    );
    assert.equal(site.sql(invalid), '0');
    site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'ALTER TABLE p DETACH%'");
    assert.equal((await second).exitCode, 10);
    await report.close();
    const third = await site.migrate({ planned });
    assert.equal(third.exitCode, 0, third.error?.message ?? 'no error');
    assert.equal(site.sql('SELECT count(*) FROM pg_inherits'), '0');
    assert.equal(site.sql(invalid), '0');
  });

  it("leave nothing invalid of a REINDEX of many tables that was killed, in TOAST neither, and touch nobody else's", {
    skip: server.major < 12,
  }, async () => {
    const { site, killed, invalid, ...again } = await killedReindex('REINDEX SCHEMA CONCURRENTLY public');
    assert.match(killed, /users_name_ccnew/);
    assert.match(killed, /pg_toast_\d+_index_ccnew/);
    site.sql('GRANT USAGE ON SCHEMA pg_toast TO owner');
    const resumed = await again.resumed();
    assert.equal(resumed.exitCode, 0, resumed.error?.message ?? 'no error');
    assert.equal(invalid(), 'strangers_ccnew');
    assert.deepEqual(resumed.notes.slice(1), []);
  });

  it('that the server is too old for are refused by it, in its words', { skip: server.major >= 12 }, async () => {
    const files = {
      '001_t.up.sql': 'CREATE TABLE t (a int PRIMARY KEY);',
      '002_again.up.sql': 'REINDEX TABLE CONCURRENTLY t',
    };
    const site = await Site.create(server, files);
    const { exitCode, error } = await site.migrate();
    assert.equal(exitCode, 20);
    assert.match(error?.message ?? '', /002_again\.up\.sql, statement 1 .*syntax error at or near "CONCURRENTLY"/);
  });

  it('say of an index in TOAST, which only a superuser may drop, how it is dropped', {
    skip: server.major < 12,
  }, async () => {
    const { invalid, ...again } = await killedReindex('REINDEX TABLE CONCURRENTLY users');
    const resumed = await again.resumed();
    assert.equal(resumed.exitCode, 0, resumed.error?.message ?? 'no error');
    const [left = ''] = invalid().split(',');
    assert.match(left, /^pg_toast_\d+_index_ccnew$/);
    assert.deepEqual(resumed.notes.slice(1), [
      `003_again.up.sql: an interrupted REINDEX left an invalid index; as a superuser: DROP INDEX "pg_toast"."${left}"`,
    ]);
    assert.equal(invalid(), `${left},strangers_ccnew`);
  });

  it('only where the table is partitioned are named so by the head of their file, as the error says', {
    skip: server.major < 15,
  }, async () => {
    const rebuild = 'REINDEX TABLE p;\nCLUSTER p USING p_a;\nREINDEX INDEX p_a;';
    const site = await Site.create(server, {
      '001_p.up.sql': `CREATE TABLE p(a int) PARTITION BY RANGE (a); CREATE INDEX p_a ON p(a);
        CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (2)`,
      '002_rebuild.up.sql': rebuild,
    });
    const refused = await site.migrate();
    assert.deepEqual([refused.exitCode, refused.error?.sqlstate], [20, '25001']);
    assert.match(refused.error?.message ?? '', /put "-- migrate: no-transaction" in the head of the file/);
    site.write('002_rebuild.up.sql', `-- migrate: no-transaction\n${rebuild}`);
    const done = await site.migrate({ runId: 2 });
    assert.equal(done.exitCode, 0, done.error?.message ?? 'no error');
  });

  for (const [what, commit, rows] of [
    ['are not tried again for a lock where they have committed a part', 'COMMIT;', '1'],
    ['are tried again for a lock where they have committed nothing', '', '1'],
  ] as const) {
    it(what, async () => {
      const site = await Site.create(server, USERS);
      await site.migrate();
      site.write(
        '002_d.up.sql',
        `-- migrate: no-transaction
        DO $$BEGIN INSERT INTO users VALUES (-1); ${commit} LOCK TABLE users IN ACCESS EXCLUSIVE MODE; END$$`,
      );
      const planned = await site.planned();
      const report = await oldTransaction(site);
      const environment = { log: (line: string) => void (line.includes('waits for a lock') && report.close()) };
      const { exitCode, error } = await site.migrate({ planned, runId: 2, environment });
      await report.close();
      assert.deepEqual([exitCode, error?.code], commit === '' ? [0, undefined] : [11, 'LockTimeout']);
      assert.equal(site.sql('SELECT count(*) FROM users WHERE id = -1'), rows);
    });
  }

  it('that leave no trace and fail before they commit may be mended', async () => {
    const text =
      "-- migrate: no-transaction\nCREATE TABLE t(id int); DO $$BEGIN INSERT INTO t VALUES (1); RAISE 'x'; END$$";
    const site = await Site.create(server, { '001_d.up.sql': text });
    assert.equal((await site.migrate()).error?.sqlstate, 'P0001');
    site.write('001_d.up.sql', text.replace("RAISE 'x';", ''));
    const { exitCode, error } = await site.migrate({ runId: 2 });
    assert.equal(exitCode, 0, error?.message ?? '');
    assert.equal(site.sql('SELECT count(*) FROM t'), '1');
  });

  it('that leave no trace are not run again after a crash: a person is asked', async () => {
    const site = await Site.create(server, {
      '001_t.up.sql': 'CREATE TABLE t(a int)',
      '002_do.up.sql':
        '-- migrate: no-transaction\nDO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; PERFORM pg_sleep(30); END $$',
    });
    const planned = await site.planned();
    const killed = site.migrate({ planned });
    await until(
      'it has committed',
      () => site.sql("SELECT to_regclass('t') IS NOT NULL") === 't' && site.sql('SELECT count(*) FROM t') === '1',
    );
    site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DO $$ BEGIN INSERT%'");
    assert.equal((await killed).exitCode, 10);
    const asked = await site.migrate({ planned });
    assert.deepEqual([asked.exitCode, asked.error?.code], [30, 'OutcomeUnknown']);
    const plan = await site.plan();
    assert.equal(plan.exitCode, 30);
    assert.equal(site.sql('SELECT count(*) FROM t'), '1');
    site.sql("UPDATE migrate.progress SET state = 'done'");
    assert.equal((await site.migrate({ runId: 2 })).exitCode, 0);
  });
});
