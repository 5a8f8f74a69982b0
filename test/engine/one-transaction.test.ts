import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EXECUTION, Site, serverForTests } from './site.ts';

const server = await serverForTests();

/** How many transactions have written the ledger's rows. */
const transactions = (site: Site) => site.sql('SELECT count(DISTINCT xmin::text) FROM migrate.ledger');

describe('One transaction for all', () => {
  it('is given up, with a note, for an enum value that an earlier file adds', { skip: server.major < 12 }, async () => {
    const site = await Site.create(server, { '001_e.up.sql': "CREATE TYPE mood AS ENUM ('sad')" });
    await site.migrate();
    site.write('002_add.up.sql', "ALTER TYPE mood ADD VALUE 'happy'");
    site.write('003_use.up.sql', "CREATE TABLE m(m mood DEFAULT 'happy')");
    const result = await site.migrate({ runId: 2 });
    assert.equal(result.exitCode, 0);
    assert.match(result.notes.join(), /003_use\.up\.sql uses an enum value/);
    assert.deepEqual(site.audited, ['001_e', '002_add', '003_use']);
    site.write('004_add.up.sql', "ALTER TYPE mood ADD VALUE 'so so'");
    site.write('005_use.up.sql', "ALTER TABLE m ALTER m SET DEFAULT 'so so'");
    site.write('006_fails.up.sql', 'SELECT 1 / 0');
    const failed = await site.migrate({ runId: 3 });
    assert.deepEqual([failed.exitCode, site.applied.at(-1)], [20, '005_use']);
    assert.match(failed.notes.join(), /005_use\.up\.sql uses an enum value/, 'also where it fails then');
  });

  it('is kept for checks that an earlier file left deferred on a table which a later one alters', async () => {
    const site = await Site.create(server, {
      '001_t.up.sql': `CREATE TABLE a(id int PRIMARY KEY);
        CREATE TABLE b(a int REFERENCES a DEFERRABLE INITIALLY DEFERRED)`,
    });
    await site.migrate();
    site.write('002_rows.up.sql', 'INSERT INTO b VALUES (1); INSERT INTO a VALUES (1)');
    site.write('003_alter.up.sql', 'ALTER TABLE b ADD COLUMN c int');
    const result = await site.migrate({ runId: 2 });
    assert.deepEqual([result.exitCode, result.notes], [0, []], result.error?.message ?? '');
    assert.equal(transactions(site), '2');
  });

  for (const head of ['', '-- migrate: role=app\n']) {
    const next = head === '' ? 'a file' : 'a file of another role';
    it(`is kept for checks that are deferred on temporary tables, before ${next}`, async () => {
      const site = await Site.create(server, {
        '001_temporary.up.sql': `CREATE TEMP TABLE a(id int PRIMARY KEY);
          CREATE TEMP TABLE b(a int REFERENCES a DEFERRABLE INITIALLY DEFERRED);
          INSERT INTO b VALUES (1); INSERT INTO a VALUES (1)`,
        '002_next.up.sql': `${head}SELECT 1`,
      });
      site.sql('GRANT app TO owner');
      const { exitCode, notes, error } = await site.migrate();
      assert.deepEqual([exitCode, notes], [0, []], error?.message ?? '');
      assert.equal(transactions(site), '1');
    });
  }

  it('is kept when a file fails by its own doing', { skip: server.major < 12 }, async () => {
    const site = await Site.create(server, {
      '001_a.up.sql': 'CREATE TABLE a(id int)',
      '002_e.up.sql': "CREATE TYPE mood AS ENUM ('sad')",
    });
    await site.migrate();
    site.write('003_a.up.sql', 'CREATE TABLE c(id int)');
    site.write('004_e.up.sql', "ALTER TYPE mood ADD VALUE 'x'; CREATE TABLE d(m mood DEFAULT 'x')");
    const result = await site.migrate({ runId: 2 });
    assert.equal(result.error?.sqlstate, '55P04');
    assert.match(result.error?.message ?? '', /file of its own/);
    assert.equal(site.hasTable('c'), false);
  });
});

describe('Statements of one file', () => {
  it('of which one fails: it is told by its number, and what stands behind it does not run', async () => {
    const site = await Site.create(server, { '001_s.up.sql': 'CREATE SEQUENCE s' });
    await site.migrate();
    const fine = Array.from({ length: 20 }, (_, index) => `CREATE TABLE a${index}(id int);`);
    const behind = Array.from({ length: 40 }, () => "SELECT nextval('s');");
    site.write('002_many.up.sql', [...fine, 'SELECT 1 / 0;', ...behind].join('\n'));
    const { error } = await site.migrate({ runId: 2 });
    assert.deepEqual([error?.migration, error?.statement, error?.line], ['002_many', 21, 21]);
    assert.equal(error?.sqlstate, '22012');
    assert.equal(site.sql('SELECT is_called FROM s'), 'f');
    assert.equal(site.hasTable('a0'), false);
  });
});

/** Deferred to the end of the transaction; what it calls finds its table by the search_path. */
const NOTED = `CREATE TABLE t(id int); CREATE TABLE log(who text DEFAULT current_user, path text); GRANT ALL ON log TO app;
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
    INSERT INTO log(path) VALUES (current_setting('search_path')); RETURN NULL; END$$;
  CREATE CONSTRAINT TRIGGER noted AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note()`;
const AS_APP = '-- migrate: role=app\n';
const INSERTED = 'INSERT INTO t VALUES (1);';

async function noted(files: Readonly<Record<string, string>>): Promise<Site> {
  const site = await Site.create(server, { '001_t.up.sql': NOTED });
  await site.migrate();
  site.sql('GRANT app TO owner; ALTER TABLE t OWNER TO app');
  for (const [file, text] of Object.entries(files)) site.write(file, text);
  site.runId = 2;
  return site;
}

describe('A trigger that is deferred to the end', () => {
  const cases: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'in a piece of a file': { '002_b.up.sql': `${AS_APP}${INSERTED} VACUUM t` },
    'in one transaction for all': { '002_b.up.sql': AS_APP + INSERTED, '003_c.up.sql': `${AS_APP}SELECT 1` },
    'before a file of another role': { '002_b.up.sql': AS_APP + INSERTED, '003_c.up.sql': 'SELECT 1' },
    'after a file of another role': { '002_b.up.sql': 'SELECT 1', '003_c.up.sql': AS_APP + INSERTED },
    'before a file with another search_path': {
      '002_b.up.sql': AS_APP + INSERTED,
      '003_c.up.sql': `${AS_APP}SET search_path TO nowhere`,
    },
    'before a file that takes another role by stealth': {
      '002_b.up.sql': AS_APP + INSERTED,
      '003_c.up.sql': `${AS_APP}DO $$BEGIN EXECUTE 'RESET ROLE'; END$$`,
    },
    'before a file without statements': { '002_b.up.sql': AS_APP + INSERTED, '003_c.up.sql': `${AS_APP}-- nothing` },
  };
  for (const [where, files] of Object.entries(cases)) {
    it(`${where} runs under the role and the search_path of its own`, async () => {
      const site = await noted(files);
      const { exitCode, notes, error } = await site.migrate();
      assert.equal(exitCode, 0, error?.message ?? '');
      assert.equal(site.sql('SELECT who, path FROM log'), 'app|"$user", public');
      assert.deepEqual(
        [transactions(site), notes.filter(note => !/no statements|must stand alone/.test(note))],
        ['2', []],
      );
    });
  }

  it('and misses at the end what a later file took away is run at the end of its own file', async () => {
    const site = await noted({ '002_b.up.sql': INSERTED, '003_c.up.sql': 'DROP TABLE log' });
    site.sql('ALTER TABLE t OWNER TO owner');
    const { exitCode, notes, error } = await site.migrate();
    assert.deepEqual([exitCode, notes, transactions(site)], [0, [], '2'], error?.message ?? '');
  });

  it('and is broken leads back to the start', async () => {
    const site = await noted({ '002_x.up.sql': 'CREATE TABLE x(id int)', '003_t.up.sql': INSERTED });
    site.sql('DROP TABLE log; ALTER TABLE t OWNER TO owner');
    const { exitCode, error } = await site.migrate();
    assert.deepEqual([exitCode, error?.sqlstate, site.applied], [20, '42P01', ['001_t']]);
  });

  it('and demands what a later file brings is run at the end of all where they leave the session alike', async () => {
    const site = await noted({ '002_b.up.sql': INSERTED, '003_c.up.sql': 'INSERT INTO met VALUES (1)' });
    site.sql(`ALTER TABLE t OWNER TO owner; CREATE TABLE met(id int); ALTER TABLE met OWNER TO owner; CREATE OR REPLACE FUNCTION note()
      RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NOT EXISTS (SELECT FROM met) THEN RAISE 'not met'; END IF; RETURN NULL; END$$`);
    const { exitCode, error } = await site.migrate();
    assert.deepEqual([exitCode, transactions(site)], [0, '2'], error?.message ?? '');
  });

  it('and was run at the end of a file is deferred to the end of the next one again', async () => {
    const last = `${INSERTED} CREATE TABLE seen AS SELECT count(*) FROM log`;
    const site = await noted({ '002_b.up.sql': AS_APP + INSERTED, '003_c.up.sql': last });
    site.sql('GRANT ALL ON t TO owner');
    const { exitCode, error } = await site.migrate();
    assert.equal(exitCode, 0, error?.message ?? '');
    assert.equal(site.sql('SELECT * FROM seen'), '1');
  });

  it('and fails in a piece of a file is told by file and statement', async () => {
    const site = await noted({ '002_b.up.sql': `${INSERTED} VACUUM t` });
    site.sql('DROP TABLE log; ALTER TABLE t OWNER TO owner');
    const { error } = await site.migrate();
    assert.deepEqual([error?.migration, error?.statement, error?.sqlstate], ['002_b', 1, '42P01']);
  });
});

describe('What the server would still run of a file at COMMIT', () => {
  const OF_APP = `CREATE TABLE t(id int); CREATE TABLE log(who text DEFAULT current_user, path text DEFAULT current_setting('search_path'));
    GRANT ALL ON t, log TO app;
    CREATE FUNCTION note() RETURNS int LANGUAGE sql AS 'INSERT INTO public.log DEFAULT VALUES; SELECT 1';
    CREATE FUNCTION forget() RETURNS int LANGUAGE sql AS $$DELETE FROM migrate.ledger WHERE version LIKE '002%'; SELECT 1$$;
    CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
      SET CONSTRAINTS ALL DEFERRED; INSERT INTO public.u VALUES (new.id - 1); RETURN NULL; END$$;
    CREATE FUNCTION last() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
      IF new.id = 0 THEN PERFORM public.note(); ELSE
        SET CONSTRAINTS ALL DEFERRED; INSERT INTO public.u VALUES (new.id - 1); END IF; RETURN NULL; END$$;
    CREATE TABLE u(id int); GRANT ALL ON u TO app;
    CREATE CONSTRAINT TRIGGER t AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION later();
    CREATE CONSTRAINT TRIGGER u AFTER INSERT ON u DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION last()`;
  const held = (call: string) => `${AS_APP}DECLARE c CURSOR WITH HOLD FOR SELECT public.${call}();`;
  const hidden = `${AS_APP}DO $$BEGIN EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT public.note()'; END$$`;

  async function ofApp(files: Readonly<Record<string, string>>): Promise<Site> {
    const site = await Site.create(server, { '001_t.up.sql': OF_APP });
    await site.migrate();
    site.sql('GRANT app TO owner');
    for (const [file, text] of Object.entries(files)) site.write(file, text);
    const { exitCode, error } = await site.migrate({ runId: 2 });
    assert.equal(exitCode, 0, error?.message ?? '');
    return site;
  }

  for (const [where, files] of Object.entries({
    '': { '002_c.up.sql': held('note') },
    ' by a DO': { '002_c.up.sql': hidden },
    ' in a piece of a file': { '002_c.up.sql': `${held('note')} VACUUM public.t` },
    ' in one of several files': { '002_c.up.sql': held('note'), '003_d.up.sql': held('note') },
  })) {
    it(`is not the query of a cursor WITH HOLD that is left open${where}`, async () => {
      assert.equal((await ofApp(files)).sql('SELECT * FROM log'), '');
    });
  }

  it('does not take the row of the file away behind the last look', async () => {
    assert.deepEqual((await ofApp({ '002_c.up.sql': held('forget') })).applied, ['001_t', '002_c']);
  });

  for (const depth of [1, 4]) {
    it(`is no trigger that a deferred one has deferred anew, ${depth} times`, async () => {
      const site = await ofApp({ '002_t.up.sql': `${AS_APP}INSERT INTO public.t VALUES (${depth})` });
      assert.equal(site.sql('SELECT * FROM log'), 'app|"$user", public');
    });
  }
});

describe('A constraint that is deferred', () => {
  const KEYS = {
    '001_t.up.sql': `CREATE TABLE a(id int PRIMARY KEY); CREATE TABLE b(a int REFERENCES a DEFERRABLE INITIALLY DEFERRED)`,
  };
  const perRun = { ...EXECUTION, transaction: 'PerRun' } as const;

  it('may be met by a later file of the same transaction', async () => {
    const site = await Site.create(server, KEYS);
    await site.migrate();
    site.write('002_b.up.sql', 'INSERT INTO b VALUES (1)');
    site.write('003_a.up.sql', 'INSERT INTO a VALUES (1)');
    const { exitCode, notes, error } = await site.migrate({ runId: 2, execution: perRun });
    assert.deepEqual([exitCode, notes], [0, []], error?.message ?? '');
  });

  const TRIGGER = `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TABLE other(id int);
    CREATE CONSTRAINT TRIGGER unrelated AFTER INSERT ON other DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f()`;

  it('may be met by a later file that has another search_path, whatever triggers there are', async () => {
    const site = await Site.create(server, KEYS);
    await site.migrate();
    site.sql(TRIGGER);
    site.write('002_b.up.sql', 'SET search_path TO public; INSERT INTO b VALUES (1)');
    site.write('003_a.up.sql', 'INSERT INTO a VALUES (1)');
    const { exitCode, notes, error } = await site.migrate({ runId: 2, execution: perRun });
    assert.deepEqual([exitCode, notes, transactions(site)], [0, [], '2'], error?.message ?? '');
  });

  it('and is met by no file leads back to the start, whatever triggers and search_paths there are', async () => {
    const site = await Site.create(server, KEYS);
    await site.migrate();
    site.sql(TRIGGER);
    site.write('002_c.up.sql', "SELECT pg_catalog.set_config('search_path','',false); CREATE TABLE public.c(id int)");
    site.write('003_b.up.sql', 'INSERT INTO b VALUES (7)');
    const { exitCode, error } = await site.migrate({ runId: 2, execution: perRun });
    assert.deepEqual([exitCode, error?.sqlstate, site.applied], [20, '23503', ['001_t']]);
  });

  it('and is met by no file leads back to the start', async () => {
    const site = await Site.create(server, KEYS);
    await site.migrate();
    site.write('002_c.up.sql', 'CREATE TABLE c(id int)');
    site.write('003_b.up.sql', 'INSERT INTO b VALUES (1)');
    site.write('004_d.up.sql', 'CREATE TABLE d(id int)');
    const { exitCode, error } = await site.migrate({ runId: 2, execution: perRun });
    assert.deepEqual([exitCode, error?.sqlstate, site.applied], [20, '23503', ['001_t']]);
    assert.match(error?.message ?? '', /^What 002_c\.up\.sql to 004_d\.up\.sql deferred to their common end failed: /);
  });
});
