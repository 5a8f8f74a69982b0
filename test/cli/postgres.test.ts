import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { openConnection } from '../../src/database/postgres.ts';
import { parseConnectionUrl } from '../../src/database/url.ts';
import { LOCK_KEY } from '../../src/engine/fence/migration-lock.ts';
import { serverForTests, until } from '../engine/site.ts';
import { Project } from './project.ts';

const server = await serverForTests();
server.psql('ALTER ROLE owner CREATEDB');
let databases = 0;

const TWO = {
  '001_users.up.sql': 'CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL);',
  '001_users.down.sql': 'DROP TABLE users;',
  '002_names.up.sql': 'ALTER TABLE users ADD COLUMN name text;',
  '002_names.down.sql': 'ALTER TABLE users DROP COLUMN name;',
};

interface Place {
  readonly project: Project;
  readonly name: string;
  sql(text: string): string;
}

async function place(files: Readonly<Record<string, string>>): Promise<Place> {
  databases += 1;
  const name = `cli_${databases}`;
  const url = await server.createDatabase(name);
  const project = new Project(files, { DATABASE_URL: url, MIGRATE_POSTGRES_BINARIES: server.binaries });
  return { project, name, sql: text => server.psql(text, name) };
}

describe('On PostgreSQL', { concurrency: 3 }, () => {
  // The tests run beside each other: only when all have ended is a scratch database one that was left.
  after(() => {
    assert.equal(server.psql("SELECT count(*) FROM pg_database WHERE datname LIKE 'migrate\\_scratch%'"), '0');
  });

  it('a project goes up, shows its history, and down only with a yes where rows would be lost', async () => {
    const { project, sql } = await place(TWO);
    assert.match((await project.migrate('show')).out, /BEGIN;\n-- 001_users, line 1\nCREATE TABLE users/);
    assert.equal(sql("SELECT to_regnamespace('migrate') IS NULL"), 't', 'show has written');
    const up = await project.migrate('upgrade');
    assert.equal(up.code, 0, up.said);
    sql("INSERT INTO users VALUES (1, 'a@example.org', 'A')");
    assert.match((await project.migrate('history')).out, /002_names +applied .* owner /);
    const refused = await project.migrate('downgrade', '001_users');
    assert.equal(refused.code, 2);
    assert.match(refused.said, /loses: column public\.users\.name with 1 value/);
    const down = await project.migrate('downgrade', '001_users', '--yes');
    assert.equal(down.code, 0, down.said);
    assert.equal(sql('SELECT version FROM migrate.ledger'), '001_users');
    assert.equal((await project.migrate('history', '--verify')).code, 0);
  });

  it('an upgrade with nothing to do loads no grammar, and finds a changed file all the same', async () => {
    const { project } = await place(TWO);
    assert.equal((await project.migrate('upgrade')).code, 0);
    const noGrammar = `import { registerHooks } from 'node:module';
      registerHooks({ resolve(name, context, next) {
        if (name === 'libpg-query') throw new Error('the grammar was asked for');
        return next(name, context);
      } });`;
    const withoutGrammar = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(noGrammar)}` };
    const again = await project.start(['upgrade'], withoutGrammar).ended;
    assert.deepEqual([again.code, again.said], [0, 'Nothing to do: the database is at 002_names.\n']);
    project.write('migrations/001_users.up.sql', 'CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL);');
    const changed = await project.start(['upgrade'], withoutGrammar).ended;
    assert.equal(changed.code, 21, changed.said);
    const needed = await project.start(['validate'], withoutGrammar).ended;
    assert.match(needed.said, /the grammar was asked for/, 'the hook hides no grammar');
  });

  it('three upgrades of one person at once run each migration once, and none ends another', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 6 }, (_, i) => [
        `00${i + 1}_t.up.sql`,
        `CREATE TABLE t${i} (id int); SELECT pg_sleep(0.1);`,
      ]),
    );
    const { project, sql } = await place(files);
    const runs = await Promise.all([
      project.migrate('upgrade'),
      project.migrate('upgrade'),
      project.migrate('upgrade'),
    ]);
    assert.deepEqual(
      runs.map(run => run.code),
      [0, 0, 0],
      runs.map(run => run.said).join('\n'),
    );
    assert.equal(sql("SELECT count(*), count(DISTINCT version) FROM migrate.audit WHERE event = 'applied'"), '6|6');
  });

  it('an upgrade of the same person elsewhere is waited for, and said to be', async () => {
    const { project, name, sql } = await place(TWO);
    assert.equal((await project.migrate('upgrade', '001_users')).code, 0);
    const applicationName = `migrate/${sql('SELECT owner FROM migrate.epoch')}/1`;
    const other = await openConnection(parseConnectionUrl(server.url('owner', name)), { applicationName });
    try {
      await other.query(`SELECT pg_advisory_lock(${LOCK_KEY})`);
      const { ended, saidSoFar } = project.start(['upgrade']);
      const word = `waiting for pid ${other.pid}, a migration that you have started yourself, up to 30 s`;
      await until('it says so', () => saidSoFar().includes(word), 60_000);
      await other.query(`SELECT pg_advisory_unlock(${LOCK_KEY})`);
      const run = await ended;
      assert.equal(run.code, 0, run.said);
    } finally {
      await other.close();
    }
  });

  it('drift is named, and a database without a ledger is adopted', async () => {
    const { project, sql } = await place(TWO);
    sql('SET ROLE owner; CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL)');
    assert.match((await project.migrate('upgrade')).said, /baseline/);
    assert.equal((await project.migrate('baseline', '001_users')).code, 0);
    assert.equal((await project.migrate('upgrade')).code, 0);
    const clean = await project.migrate('check', '--from-files');
    assert.equal(clean.code, 0, clean.out + clean.said);
    sql('SET ROLE owner; ALTER TABLE users ADD COLUMN sneaked int');
    for (const args of [['check'], ['check', '--from-files']]) {
      const run = await project.migrate(...args);
      assert.equal(run.code, 1, run.said);
      assert.match(run.out, /column public\.users\.sneaked/);
    }
  });

  it("another tool's history is no drift from the files, before a baseline and after it was taken over", async () => {
    const { project, sql } = await place(TWO);
    sql(`SET ROLE owner; CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL);
      CREATE TABLE goose_db_version (id int PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, version_id bigint NOT NULL,
        is_applied boolean NOT NULL, tstamp timestamp NOT NULL DEFAULT now());
      INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (1, true)`);
    const before = await project.migrate('check', '--from-files');
    assert.deepEqual([before.code, before.out], [1, 'column public.users.name was removed\n']);
    assert.equal((await project.migrate('baseline', '--from', 'goose')).code, 0);
    const after = await project.migrate('check', '--from-files');
    assert.equal(after.code, 0, after.out);
    assert.match(after.said, /public\.goose_db_version is left out: it is the history of goose/);
  });

  it('a database with nothing in it is not adopted', async () => {
    const { project, sql } = await place(TWO);
    sql('GRANT USAGE ON SCHEMA public TO app');
    const { code, said } = await project.migrate('baseline', '001_users');
    assert.equal(code, 2);
    assert.match(said, /nothing in database cli_\d+ .* could have made.*migrate upgrade/);
    assert.equal(sql("SELECT to_regnamespace('migrate') IS NULL"), 't');
    sql('CREATE TYPE mood AS ENUM ()');
    assert.equal((await project.migrate('baseline', '001_users', '--dry-run')).code, 0);
  });

  it('a ledger in another schema than the named one is named, and none is made beside it unless its schema is', async () => {
    const { project, sql } = await place({ ...TWO, '003_last.up.sql': 'SELECT 1;' });
    assert.equal((await project.migrate('upgrade', '002_names')).code, 0);
    project.write('migrate.yaml', 'ledgerSchema: migrat\n');
    const elsewhere = /no ledger in schema "migrat", but this database has one in schema "migrate"/;
    for (const args of [['upgrade'], ['baseline', '002_names'], ['baseline', '002_names', '--dry-run']]) {
      const { code, said } = await project.migrate(...args);
      assert.deepEqual([args[0], code], [args[0], 2]);
      assert.match(said, elsewhere);
    }
    assert.match((await project.migrate('current')).said, elsewhere);
    assert.equal(sql("SELECT to_regnamespace('migrat') IS NULL"), 't');
    sql('SET ROLE owner; CREATE SCHEMA migrat');
    const tables = await project.migrate('upgrade');
    assert.match(tables.said, /has 1 table \(public\.users\) but no record/);
    assert.equal((await project.migrate('baseline', '002_names')).code, 0);
    assert.equal((await project.migrate('upgrade')).code, 0);
    assert.equal(sql('SELECT count(*) FROM migrat.ledger'), '3');
    assert.equal(sql('SELECT count(*) FROM migrate.ledger'), '2');
  });

  it('drift is not waited for in silence: who has locked a table is named while it lasts', async () => {
    const { project, name } = await place({
      '001_users.up.sql': 'CREATE TABLE users (id int CHECK (id > 0)); CREATE VIEW ids AS SELECT id FROM users;',
    });
    const upgraded = await project.migrate('upgrade');
    assert.deepEqual([upgraded.code, /could not be stored/.test(upgraded.said)], [0, false], upgraded.said);
    const settings = parseConnectionUrl(server.url('owner', name));
    const holder = await openConnection(settings, { applicationName: 'a forgotten console' });
    try {
      await holder.query('BEGIN; LOCK TABLE users, ids IN ACCESS EXCLUSIVE MODE');
      const checking = project.start(['check']);
      const named = new RegExp(
        `Reading the schema waits for a lock held by pid ${holder.pid} \\(role owner, a forgotten console, .*LOCK TABLE users`,
      );
      await until('the holder is named', () => named.test(checking.saidSoFar()), 60_000);
      await holder.query('ROLLBACK');
      const run = await checking.ended;
      assert.equal(run.code, 0, run.said);
    } finally {
      await holder.close();
    }
  });

  it('what was changed by hand is written as a migration, noted here, and run elsewhere, there and back', async () => {
    const { project, sql } = await place({
      '001_moods.up.sql':
        "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE people (id int PRIMARY KEY, m mood, old text);",
      '001_moods.down.sql': 'DROP TABLE people; DROP TYPE mood;',
    });
    const upgraded = await project.migrate('upgrade');
    assert.deepEqual([upgraded.code, /could not be stored/.test(upgraded.said)], [0, false], upgraded.said);
    sql("SET ROLE owner; ALTER TYPE mood ADD VALUE 'glad'");
    sql(`SET ROLE owner; ALTER TABLE people ALTER m SET DEFAULT 'glad', DROP old, ADD seen timestamptz NOT NULL DEFAULT now();
      CREATE VIEW glad AS SELECT id FROM people WHERE m = 'glad' ORDER BY people.id; GRANT SELECT ON glad TO app;
      CREATE TABLE later (i int); CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM later'`);
    const made = await project.migrate('create', '--from-diff', 'glad people');
    assert.equal(made.code, 0, made.said);
    assert.match(made.said, /1 of which would destroy data elsewhere/);
    // A value that is added is used: not in one transaction.
    assert.match(project.read('migrations/002_glad_people.up.sql'), /^-- migrate: no-transaction\n-- glad people\n/);
    const noted = await project.migrate('baseline', '002_glad_people');
    assert.equal(noted.code, 0, noted.said + noted.out);
    assert.equal((await project.migrate('check')).code, 0);
    const elsewhere = { DATABASE_URL: await server.createDatabase('cli_elsewhere') };
    for (const args of [['upgrade'], ['check', '--from-files'], ['downgrade', '001_moods', '--yes']]) {
      const run = await project.start(args, elsewhere).ended;
      assert.equal(run.code, 0, `${args}: ${run.out}${run.said}`);
    }
    const drift = (await project.start(['check', '--from-files'], elsewhere).ended).out;
    assert.equal(drift, 'enum public.mood: values from sad to sad, glad\n');
    assert.match(
      project.read('migrations/002_glad_people.down.sql'),
      /enum public\.mood: the values were sad, glad and are sad/,
    );
    sql('SET ROLE owner; CREATE TABLE sneaked (i int)');
    project.write('migrations/003_other.up.sql', 'CREATE TABLE other (i int);');
    const refused = await project.migrate('baseline', '003_other');
    assert.equal(refused.code, 1);
    assert.match(refused.out, /table public\.sneaked was added/);
    assert.equal(sql('SELECT max(version) FROM migrate.ledger'), '002_glad_people');
  });

  it('a backup is restored by a swap of names, and what it replaced is kept', async () => {
    const { project, sql, name } = await place(TWO);
    await project.migrate('upgrade');
    sql("INSERT INTO users VALUES (1, 'kept', NULL)");
    const backup = await project.migrate('backup', 'bk');
    assert.equal(backup.code, 0, backup.said);
    assert.match(backup.out, /: 1 table, 1 row and the ledger \(002_names\), \d+ bytes/);
    sql("UPDATE users SET email = 'lost'");
    const console = await openConnection(parseConnectionUrl(server.url('owner', name)), { applicationName: 'console' });
    const refused = await project.migrate('restore', 'bk', '--yes');
    await console.close();
    assert.equal(refused.code, 13, refused.said);
    assert.match(
      refused.said,
      /1 session is still connected: pid \d+ \(role owner, console.*or run it again with --end-sessions, which ends what is left\.\n/,
    );
    const run = await project.migrate('restore', 'bk', '--yes');
    assert.equal(run.code, 0, run.said);
    assert.equal(sql('SELECT email FROM users'), 'kept');
    const old = server.psql(`SELECT datname FROM pg_database WHERE datname LIKE '${name}\\_replaced%'`);
    assert.match(
      run.out,
      new RegExp(`kept as database ${old}, closed\\.\\nALTER DATABASE "${old}" ALLOW_CONNECTIONS true opens it`),
    );
    server.psql(`ALTER DATABASE "${old}" ALLOW_CONNECTIONS true`);
    assert.equal(server.psql('SELECT email FROM users', old), 'lost');
    assert.match((await project.migrate('history', '--verify')).out, /4 rows/);
    assert.match((await project.migrate('current')).out, /^002_names \(nothing pending\)/);
  });

  it('a copy with its rows goes there and back, and the database is not touched', async () => {
    const { project, sql } = await place({
      ...TWO,
      '003_strict.up.sql': 'ALTER TABLE users ALTER COLUMN name SET NOT NULL;',
    });
    await project.migrate('upgrade', '002_names');
    sql("INSERT INTO users VALUES (1, 'a', NULL)");
    const irreversible = await project.migrate('test-copy');
    assert.deepEqual(
      [irreversible.code, irreversible.said],
      [
        2,
        'error: There is no way down from 003_strict: there is no 003_strict.down.sql. Write what is missing, or restore a backup.\n',
      ],
      'known before anything is copied',
    );
    project.write('migrations/003_strict.down.sql', 'ALTER TABLE users ALTER COLUMN name DROP NOT NULL;');
    const run = await project.migrate('test-copy');
    assert.equal(run.code, 20);
    assert.match(run.said, /003_strict/);
    assert.match((await project.migrate('test-copy', '002_names')).out, /There and back is the same schema/);
    assert.equal(sql('SELECT max(version) FROM migrate.ledger'), '002_names');
  });

  it("waits for a version as the application's role", async () => {
    const { project, name } = await place(TWO);
    project.write('migrate.yaml', 'appRoles: [app]\n');
    const url = server.url('app', name);
    const waiting = project.start(['wait', '--for', '002_names', '--timeout', '120'], { DATABASE_URL: url }).ended;
    assert.equal((await project.migrate('upgrade')).code, 0);
    const run = await waiting;
    assert.equal(run.code, 0, run.said);
    const late = await project.start(['wait', '--for', '003_more', '--timeout', '0'], { DATABASE_URL: url }).ended;
    assert.equal(late.code, 10);
    assert.match(late.said, /the database is at 002_names/);
  });

  it('draws tables and what they refer to', async () => {
    const { project, sql } = await place(TWO);
    sql(
      'SET ROLE owner; CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int NOT NULL UNIQUE REFERENCES a, c int REFERENCES a)',
    );
    const { out } = await project.migrate('erd');
    assert.match(out, /"b" \|o--\|\| "a" : "a"/);
    assert.match(out, /"b" \}o--o\| "a" : "c"/);
  });
});
