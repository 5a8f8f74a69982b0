import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { openSqlite } from '../../src/database/sqlite.ts';
import { whenFree } from '../../src/engine/sqlite/lock.ts';
import { until } from '../engine/site.ts';
import { Project } from './project.ts';

const TWO = {
  '001_users.up.sql': 'CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);',
  '001_users.down.sql': 'DROP TABLE users;',
  '002_names.up.sql': 'ALTER TABLE users ADD COLUMN name TEXT;',
  '002_names.down.sql': 'ALTER TABLE users DROP COLUMN name;',
};

const applied = (project: Project) =>
  project.rows('SELECT version FROM migrate_ledger ORDER BY version').map(row => row.version);

describe('On SQLite', { concurrency: 3 }, () => {
  it('a project goes up, shows its history, and back down only with a yes where rows would be lost', async () => {
    const project = new Project(TWO);
    assert.match((await project.migrate('current')).out, /^empty \(2 migrations pending/);
    assert.equal(project.has('dev.db'), false, 'reading made a file');
    assert.equal((await project.migrate('upgrade')).code, 0);
    project.execute("INSERT INTO users VALUES (1, 'a@example.org', 'A')");
    const { applied: rows } = await project.data('history');
    assert.deepEqual(
      (rows as { version: string }[]).map(row => row.version),
      ['001_users', '002_names'],
    );

    const refused = await project.migrate('downgrade', 'empty');
    assert.equal(refused.code, 2);
    assert.match(refused.said, /loses: table users with 1 row/);
    assert.match(refused.said, /--yes/);
    assert.deepEqual(applied(project), ['001_users', '002_names']);

    assert.equal((await project.migrate('downgrade', 'empty', '--yes')).code, 0);
    assert.deepEqual(applied(project), []);
    assert.deepEqual(project.rows("SELECT name FROM sqlite_schema WHERE name = 'users'"), []);
    assert.match((await project.migrate('history', '--verify')).out, /4 rows/);
  });

  it('a version with a name that no status can hold is refused; one that an earlier release applied can be read and taken back', async () => {
    const long = `20240102120000_${'add_a_column_'.repeat(9)}`;
    const text = '-- migrate:up\nCREATE TABLE b (id INTEGER);\n-- migrate:down\nDROP TABLE b;\n';
    const project = new Project({ '20240101120000_a.sql': text.replaceAll(' b', ' a'), '20240102120000_b.sql': text });
    assert.equal((await project.migrate('upgrade')).code, 0);
    project.remove('migrations/20240102120000_b.sql');
    project.write(`migrations/${long}.sql`, text);
    project.execute(`UPDATE migrate_ledger SET version = '${long}' WHERE version = '20240102120000_b'`);

    assert.match((await project.migrate('current')).out, new RegExp(`^${long} \\(nothing pending`));
    const reading = [['history'], ['show'], ['upgrade'], ['check', '--from-files']];
    for (const { code, said } of await Promise.all(reading.map(command => project.migrate(...command)))) {
      assert.equal(code, 0, said);
    }
    const longer = long.replace('20240102', '20240103');
    project.write(`migrations/${longer}.sql`, text.replaceAll(' b', ' c'));
    const commands = [['upgrade'], ['show'], ['validate'], ['bundle', 'shop'], ['baseline', longer]];
    for (const run of await Promise.all(commands.map(command => project.migrate(...command)))) {
      assert.equal(run.code, 2, run.said);
      assert.match(
        run.said,
        /The name "20240103120000_add.* has 132 characters, and a version may have at most 120\. Give it a shorter name/,
      );
    }
    assert.match(JSON.stringify(await project.data('history')), /has 132 characters/);
    project.remove(`migrations/${longer}.sql`);
    assert.equal((await project.migrate('downgrade', '20240101120000_a')).code, 0);
    assert.deepEqual(applied(project), ['20240101120000_a']);
  });

  it('two upgrades at once run each migration once', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => {
        const number = String(i + 1).padStart(3, '0');
        return [`${number}_t.up.sql`, `CREATE TABLE t${number} (id INTEGER); INSERT INTO t${number} VALUES (1);`];
      }),
    );
    const project = new Project(files);
    const runs = await Promise.all([
      project.migrate('upgrade'),
      project.migrate('upgrade'),
      project.migrate('upgrade'),
    ]);
    assert.deepEqual(
      runs.map(run => run.code),
      [0, 0, 0],
      runs.map(run => run.said).join(),
    );
    assert.equal(applied(project).length, 12);
    const twice = project.rows(
      "SELECT version FROM migrate_audit WHERE event = 'applied' GROUP BY 1 HAVING count(*) > 1",
    );
    assert.deepEqual(twice, []);
  });

  it('a migration that fails leaves nothing of itself, and is told with file, statement and line', async () => {
    const project = new Project({
      ...TWO,
      '003_bad.up.sql': 'CREATE TABLE half (id INTEGER);\n\nINSERT INTO nowhere VALUES (1);',
    });
    const run = await project.migrate('upgrade');
    assert.equal(run.code, 20);
    assert.match(run.said, /003_bad\.up\.sql, statement 2 \(line 3\) failed: no such table: nowhere/);
    assert.deepEqual(applied(project), ['001_users', '002_names']);
    assert.deepEqual(project.rows("SELECT name FROM sqlite_schema WHERE name = 'half'"), []);
    assert.deepEqual(project.rows("SELECT version FROM migrate_audit WHERE event = 'failed'"), [
      { version: '003_bad' },
    ]);
  });

  it('a process that is killed in the middle of a migration leaves the one before', async () => {
    const project = new Project({
      ...TWO,
      '003_long.up.sql': `CREATE TABLE long (n INTEGER);
        INSERT INTO long WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 1000000000) SELECT n FROM s;`,
    });
    const { child, ended, saidSoFar } = project.start(['upgrade']);
    await until(
      'the long migration holds the lock',
      () => saidSoFar().includes('  002_names  ') && isLocked(project),
      120_000,
    );
    child.kill('SIGKILL');
    await ended;
    assert.deepEqual(applied(project), ['001_users', '002_names']);
    assert.deepEqual(project.rows("SELECT name FROM sqlite_schema WHERE name = 'long'"), []);
    assert.match((await project.migrate('current')).out, /^002_names \(1 migration pending/);
  });

  it('a table is rebuilt without losing the rows that refer to it, and rows left dangling fail the migration', async () => {
    const project = new Project({
      '001_a.up.sql': `CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parent (id) ON DELETE CASCADE);
        INSERT INTO parent VALUES (1, 'a'), (2, 'b'); INSERT INTO child VALUES (1, 1), (2, 2);`,
      '002_rebuild.up.sql': `CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        INSERT INTO parent_new SELECT * FROM parent; DROP TABLE parent; ALTER TABLE parent_new RENAME TO parent;`,
      '003_dangling.up.sql':
        'PRAGMA foreign_keys = OFF; BEGIN; DELETE FROM parent WHERE id = 2; COMMIT; PRAGMA foreign_keys = ON;',
    });
    const run = await project.migrate('upgrade');
    assert.equal(run.code, 20);
    assert.doesNotMatch(run.said, /loses/, 'a rebuilt table is no loss');
    assert.match(
      run.said,
      /003_dangling\.up\.sql failed: it leaves 1 row that refers from child to parent, where nothing is/,
    );
    assert.deepEqual(applied(project), ['001_a', '002_rebuild']);
    assert.equal(project.rows('SELECT * FROM child').length, 2);
    assert.equal(project.rows('SELECT * FROM parent').length, 2);
  });

  it('a foreign key that fits no key of its target hinders nobody who did not make it', async () => {
    const project = new Project({
      '001_ab.up.sql': `CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p (id)); INSERT INTO p VALUES (1);
        INSERT INTO c VALUES (1); CREATE TABLE a (x INT); CREATE TABLE b (z REFERENCES a (x));`,
      '001_ab.down.sql': 'DROP TABLE b; DROP TABLE a; DROP TABLE c; DROP TABLE p;',
      '002_junk.up.sql': 'CREATE TABLE junk (i INT); DROP TABLE junk;',
      '002_junk.down.sql': 'SELECT 1;',
      '003_made.up.sql': 'CREATE TABLE d (x INT, y REFERENCES a (x)); CREATE TABLE junk (i INT); DROP TABLE junk;',
    });
    const made = await project.migrate('upgrade', '--yes');
    assert.equal(made.code, 20, made.said);
    assert.match(made.said, /003_made\.up\.sql failed: foreign key mismatch - "d" referencing "a"/);
    assert.deepEqual(applied(project), ['001_ab', '002_junk']);
    project.write(
      'migrations/003_made.up.sql',
      'PRAGMA foreign_keys = OFF; BEGIN; DELETE FROM p; COMMIT; PRAGMA foreign_keys = ON;',
    );
    const dangling = await project.migrate('upgrade', '--yes');
    assert.match(
      dangling.said,
      /it leaves 1 row that refers from c to p, where nothing is/,
      'others are still checked',
    );
    const down = await project.migrate('downgrade', 'empty', '--yes');
    assert.equal(down.code, 0, down.said);
    assert.deepEqual(applied(project), []);
  });

  it('validate lets no temporary table and no setting of one file reach the next, as upgrade does not', async () => {
    const [up, down] = ['y', 'x'].map(to => `CREATE TEMP TABLE keep AS SELECT * FROM t; UPDATE t SET a = '${to}';`);
    const project = new Project({
      '001_t.up.sql': "CREATE TABLE t (a TEXT CHECK (a <> '')); INSERT INTO t VALUES ('x');",
      '001_t.down.sql': 'DROP TABLE t;',
      '002_kept.up.sql': `${up} PRAGMA ignore_check_constraints = ON;`,
      '002_kept.down.sql': String(down),
    });
    const good = await project.migrate('validate');
    assert.equal(good.code, 0, good.said);
    project.write('migrations/003_checked.up.sql', "INSERT INTO t VALUES ('');");
    for (const command of ['validate', 'upgrade']) {
      const bad = await project.migrate(command);
      assert.equal(bad.code, 20, bad.said);
      assert.match(bad.said, /003_checked\.up\.sql, statement 1 \(line 1\) failed: CHECK constraint failed/);
    }
  });

  it('foreign keys are enforced while an ordinary migration runs', async () => {
    const project = new Project({
      '001_a.up.sql': `CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (parent INTEGER REFERENCES parent (id) ON DELETE CASCADE);
        INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1);`,
      '002_b.up.sql': 'DELETE FROM parent WHERE id = 1;',
    });
    assert.equal((await project.migrate('upgrade')).code, 0);
    assert.deepEqual(project.rows('SELECT * FROM child'), []);
  });

  it('a file that was changed after it was applied is refused with exit code 21', async () => {
    const project = new Project(TWO);
    await project.migrate('upgrade', '001_users');
    project.write('migrations/001_users.up.sql', `${TWO['001_users.up.sql']} `);
    const run = await project.migrate('upgrade');
    assert.equal(run.code, 21);
    assert.match(run.said, /001_users/);
    assert.match((await project.migrate('history')).out, /the file was changed since/);
  });

  it('the down script of a version that has left the folder is run from the ledger, unless it was changed there', async () => {
    const project = new Project(TWO);
    await project.migrate('upgrade');
    rmSync(project.path('migrations/002_names.up.sql'));
    rmSync(project.path('migrations/002_names.down.sql'));
    const kept = "down_script = 'ALTER TABLE users DROP COLUMN name;'";
    for (const damage of ["down_script = 'DELETE FROM users;'", 'down_checksum = NULL']) {
      project.execute(`UPDATE migrate_ledger SET ${damage} WHERE version = '002_names'`);
      const refused = await project.migrate('downgrade', '001_users', '--yes');
      assert.equal(refused.code, 22, refused.said);
      assert.match(refused.said, /the down script kept for 002_names is not the one that was stored/);
      assert.deepEqual(applied(project), ['001_users', '002_names']);
      project.execute(`UPDATE migrate_ledger SET ${kept} WHERE version = '002_names'`);
    }
    const checksum = createHash('sha256').update(TWO['002_names.down.sql']).digest('hex');
    project.execute(`UPDATE migrate_ledger SET down_checksum = '${checksum}' WHERE version = '002_names'`);
    const run = await project.migrate('downgrade', '001_users', '--yes');
    assert.equal(run.code, 0, run.said);
    assert.deepEqual(applied(project), ['001_users']);
  });

  it('drift is named object by object, by the stored snapshot and by the files', async () => {
    const project = new Project(TWO);
    await project.migrate('upgrade');
    assert.equal((await project.migrate('check')).code, 0);
    project.execute('ALTER TABLE users ADD COLUMN sneaked TEXT; CREATE INDEX users_email ON users (email)');
    for (const args of [['check'], ['check', '--from-files']]) {
      const run = await project.migrate(...args);
      assert.equal(run.code, 1);
      assert.match(run.out, /column users\.sneaked was added/);
      assert.match(run.out, /index users_email was added/);
      assert.equal(run.out.trim().split('\n').length, 2, run.out);
    }
  });

  it('a backup brings back what was there, keeps what it replaced, and is refused when it is damaged', async () => {
    const project = new Project(TWO);
    await project.migrate('upgrade');
    project.execute("INSERT INTO users (email) VALUES ('kept')");
    assert.equal((await project.migrate('backup', 'bk/one')).code, 0);
    project.execute("UPDATE users SET email = 'lost'");
    const run = await project.migrate('restore', 'bk/one', '--yes');
    assert.equal(run.code, 0, run.said);
    assert.deepEqual(project.rows('SELECT email FROM users'), [{ email: 'kept' }]);
    const replaced = /kept as (\S+)\./.exec(run.out)?.[1] ?? '';
    const old = new DatabaseSync(replaced);
    assert.deepEqual(
      old
        .prepare('SELECT email FROM users')
        .all()
        .map(row => row.email),
      ['lost'],
    );
    old.close();
    const digest = /The backup sha256:([0-9a-f]{64}) holds/.exec(run.said)?.[1] ?? '';
    const manifest = JSON.parse(project.read('bk/one/manifest.json'));
    project.write('bk/one/manifest.json', JSON.stringify({ ...manifest, tables: [] }));
    const edited = await project.migrate('restore', 'bk/one', '--yes');
    assert.equal(edited.code, 20, edited.said);
    assert.match(edited.said, /users came back, and the manifest does not name it/);
    const named = await project.migrate('restore', 'bk/one', '--yes', '--digest', `sha256:${digest}`);
    assert.equal(named.code, 2, named.said);
    assert.match(named.said, /is another one than was asked for/);
    const mistyped = await project.migrate('restore', 'bk/one', '--yes', '--digest', 'sha256:12');
    assert.match(mistyped.said, /--digest must be/);
    project.write('bk/one/archive/database.sqlite', 'not what was written');
    const damaged = await project.migrate('restore', 'bk/one', '--yes');
    assert.equal(damaged.code, 2);
    assert.match(damaged.said, /damaged/);
    assert.deepEqual(project.rows('SELECT email FROM users'), [{ email: 'kept' }]);
  });

  it('a restore of an older backup carries the audit on, and can be followed by the same upgrade', async () => {
    const project = new Project(TWO);
    await project.migrate('upgrade', '001_users');
    assert.equal((await project.migrate('backup', 'bk')).code, 0);
    await project.migrate('upgrade');
    const run = await project.migrate('restore', 'bk', '--yes');
    assert.equal(run.code, 0, run.said);
    assert.match(run.out, /is at 001_users/);
    const told = project
      .rows('SELECT event, version FROM migrate_audit ORDER BY id')
      .map(row => `${row.event} ${row.version}`);
    assert.deepEqual(told, ['applied 001_users', 'applied 002_names', 'restored 001_users']);
    const verified = await project.migrate('history', '--verify');
    assert.equal(verified.code, 0, verified.out);
    assert.equal((await project.migrate('upgrade')).code, 0);
    assert.equal((await project.migrate('history', '--verify')).code, 0);
    assert.deepEqual(
      readdirSync(project.directory).filter(name => name.includes('restoring')),
      [],
    );
  });

  it('a restore that is killed while it writes leaves what was there, or what was restored, and can be repeated', async () => {
    const project = new Project(TWO);
    await project.migrate('upgrade');
    const rows =
      'WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 60000) SELECT n, hex(randomblob(200)) FROM s';
    project.execute(
      `CREATE TABLE filler (id INTEGER, text TEXT); INSERT INTO filler ${rows}; INSERT INTO users (email) VALUES ('kept')`,
    );
    await project.migrate('backup', 'bk');
    project.execute("UPDATE users SET email = 'newer'");
    const { child, ended } = project.start(['restore', 'bk', '--yes']);
    // A machine that is quicker than we look has restored: then the rest is a repeat.
    await until('SQLite writes the file', () => project.has('dev.db-journal') || child.exitCode !== null, 120_000);
    child.kill('SIGKILL');
    await ended;
    const email = () => String(project.rows('SELECT email FROM users')[0]?.email);
    assert.match(email(), /^(kept|newer)$/);
    assert.deepEqual(project.rows('PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
    const run = await project.migrate('restore', 'bk', '--yes');
    assert.equal(run.code, 0, run.said);
    assert.equal(email(), 'kept');
    assert.equal(project.rows('SELECT count(*) AS rows FROM filler')[0]?.rows, 60000);
  });

  it('a file that SQLite cannot read any more is put aside by a restore', async () => {
    const project = new Project(TWO);
    await project.migrate('upgrade');
    await project.migrate('backup', 'bk');
    project.write('dev.db', `SQLite format 3\0${'x'.repeat(5000)}`);
    const run = await project.migrate('restore', 'bk', '--yes');
    assert.equal(run.code, 0, run.said);
    assert.deepEqual(applied(project), ['001_users', '002_names']);
    assert.equal(readFileSync(/kept as (\S+)\./.exec(run.out)?.[1] ?? '', 'utf8').length, 5016);
  });

  it('the audit shows a row that was edited, and one that was removed', async () => {
    const project = new Project(TWO);
    await project.migrate('upgrade');
    project.execute("DROP TRIGGER migrate_audit_update; UPDATE migrate_audit SET by = 'somebody' WHERE id = 1");
    const edited = await project.migrate('history', '--verify');
    assert.equal(edited.code, 1);
    assert.match(edited.out, /Edited: row 1/);
    assert.match(edited.said, /Nothing is held up by that.*compare the rows with a backup/);
    project.execute('DROP TRIGGER migrate_audit_delete; DELETE FROM migrate_audit WHERE id = 1');
    assert.match((await project.migrate('history', '--verify')).out, /Removed: row 1 was removed/);
  });

  it('the audit shows details that cannot be read, and triggers on its tables that are not ours', async () => {
    const project = new Project(TWO);
    await project.migrate('upgrade');
    project.execute(`DROP TRIGGER migrate_audit_update; UPDATE migrate_audit SET detail = '{' WHERE id = 1;
      CREATE TRIGGER quiet BEFORE INSERT ON migrate_ledger BEGIN SELECT RAISE(IGNORE); END`);
    const { code, out } = await project.migrate('history', '--verify');
    assert.equal(code, 1, out);
    for (const said of [
      /Edited: row 1 was edited/,
      /row of 001_users is not what the audit saw/,
      /the trigger migrate_audit_update of migrate_audit is gone or another one/,
      /the trigger quiet stands on migrate_ledger/,
    ]) {
      assert.match(out, said);
    }
  });

  it('the audit shows a text in the ledger that was exchanged, of the way up and of the way down', async () => {
    for (const column of ['up_checksum', 'down_checksum']) {
      const project = new Project(TWO);
      await project.migrate('upgrade');
      project.execute(`UPDATE migrate_ledger SET ${column} = 'x' WHERE version = '002_names'`);
      const { code, out } = await project.migrate('history', '--verify');
      assert.deepEqual([code, /the ledger's row of 002_names is not what the audit saw/.test(out)], [1, true], out);
    }
  });

  it('a copy goes up, down and up; what a down leaves is told; the database is not touched', async () => {
    const project = new Project({ ...TWO, '002_names.down.sql': 'SELECT 1;' });
    await project.migrate('upgrade', '001_users');
    project.remove('migrations/001_users.down.sql');
    const kept = await project.migrate('test-copy', '001_users');
    assert.deepEqual(
      [kept.code, kept.said.includes('copying')],
      [2, false],
      'of what is applied, too, a missing way down is known before anything is copied',
    );
    project.remove('migrations/002_names.down.sql');
    const irreversible = await project.migrate('test-copy');
    assert.match(irreversible.said, /^error: There is no way down from 002_names: there is no 002_names\.down\.sql\./);
    project.write('migrations/001_users.down.sql', TWO['001_users.down.sql']);
    project.write('migrations/002_names.down.sql', 'SELECT 1;');
    const run = await project.migrate('test-copy');
    assert.equal(run.code, 20, 'the second way up must fail: the column is there already');
    project.write(
      'migrations/002_names.down.sql',
      'ALTER TABLE users DROP COLUMN name; CREATE TABLE left_over (id INTEGER);',
    );
    const left = await project.migrate('test-copy');
    assert.equal(left.code, 1);
    assert.match(left.out, /the way back leaves: table left_over was added/);
    project.write('migrations/002_names.down.sql', TWO['002_names.down.sql']);
    assert.equal((await project.migrate('test-copy')).code, 0);
    assert.deepEqual(applied(project), ['001_users']);
  });

  it('a database with tables and no ledger needs a baseline, which runs nothing', async () => {
    const project = new Project(TWO);
    project.execute('CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL)');
    const refused = await project.migrate('upgrade');
    assert.equal(refused.code, 2);
    assert.match(refused.said, /baseline/);
    assert.equal((await project.migrate('baseline', '001_users')).code, 0);
    assert.equal((await project.migrate('upgrade')).code, 0);
    assert.deepEqual(applied(project), ['001_users', '002_names']);
    assert.equal((await project.migrate('baseline', '001_users')).code, 2);
  });

  it('a database with nothing in it is not adopted, and a mistyped path makes no file', async () => {
    const project = new Project(TWO);
    const refused = await project.migrate('baseline');
    assert.equal(refused.code, 2);
    assert.match(refused.said, /dev\.db is not there\. Make it with migrate upgrade/);
    assert.equal(project.has('dev.db'), false);
    project.execute('VACUUM');
    const empty = await project.migrate('baseline', '--dry-run');
    assert.equal(empty.code, 2);
    assert.match(empty.said, /nothing in dev\.db that migrations could have made.*migrate upgrade/);
    project.execute('CREATE VIEW v AS SELECT 1 AS n');
    assert.equal((await project.migrate('baseline', '--dry-run')).code, 0);
  });

  it('before a baseline the files are compared with what is there, and the history of the old tool is no drift', async () => {
    const project = new Project(TWO);
    project.execute(
      'CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL); CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, dirty INTEGER); INSERT INTO schema_migrations VALUES (1, 0)',
    );
    const all = await project.migrate('check', '--from-files');
    assert.equal(all.out, 'column users.name was removed\n');
    assert.match(all.said, /there is no ledger.*--to names/);
    const matching = await project.migrate('check', '--from-files', '--to', '001_users');
    assert.equal(matching.code, 0, matching.out);
    assert.match(matching.said, /schema_migrations is left out: it is the history of golang-migrate/);
    assert.equal((await project.migrate('baseline', '--from', 'auto')).code, 0);
    assert.equal((await project.migrate('check', '--from-files')).code, 0);
    project.execute('ALTER TABLE users ADD COLUMN name TEXT');
    const onTop = await project.migrate('baseline', '002_names');
    assert.equal(onTop.code, 0, onTop.said);
    assert.equal((await project.migrate('downgrade', 'empty', '--yes')).code, 0);
    assert.equal((await project.migrate('check', '--from-files')).code, 0);
  });

  it('a file that is not there is no empty database to a command that compares or draws one', async () => {
    const project = new Project(TWO);
    project.write('docs/schema.svg', 'the committed drawing');
    for (const args of [
      ['erd', '--out', 'docs/schema.svg'],
      ['check'],
      ['check', '--from-files'],
      ['create', '--from-diff', 'x'],
    ]) {
      // With its files, create would refuse for what is pending.
      if (args[0] === 'create') rmSync(project.path('migrations'), { recursive: true });
      const run = await project.migrate(...args);
      assert.equal(run.code, 2, `${args.join(' ')}: ${run.out}`);
      assert.match(run.said, /dev\.db is not there\. Make it with migrate upgrade, or correct DATABASE_URL/);
    }
    assert.equal(project.read('docs/schema.svg'), 'the committed drawing');
    assert.equal(project.has('dev.db'), false);
  });

  it('an empty database without a ledger is compared with all files', async () => {
    const project = new Project(TWO);
    project.execute('VACUUM');
    const run = await project.migrate('check', '--from-files');
    assert.equal(run.code, 1, run.said);
    assert.match(run.out, /table users was removed/);
    assert.match(run.said, /there is no ledger/);
  });

  it('with the file of its version gone is compared with others only by name', async () => {
    const project = new Project(TWO);
    assert.equal((await project.migrate('upgrade')).code, 0);
    project.remove('migrations/002_names.up.sql');
    project.remove('migrations/002_names.down.sql');
    const { code, said } = await project.migrate('check', '--from-files');
    assert.equal(code, 2);
    assert.match(said, /The database is at 002_names, and its file is gone/);
    assert.match((await project.migrate('check', '--from-files', '--to', '001_users')).out, /users\.name was added/);
  });

  it('a sibling replaces a file, on SQLite alone', async () => {
    const project = new Project({
      '001_users.up.sql': 'CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);',
      '001_users.up.sqlite.sql': 'CREATE TABLE users (id INTEGER PRIMARY KEY);',
    });
    assert.equal((await project.migrate('validate', '--dialect', 'postgresql')).code, 0);
    assert.equal((await project.migrate('upgrade')).code, 0);
    project.write('migrations/002_x.up.sqlite.sql', '');
    const orphan = await project.migrate('validate');
    assert.equal(orphan.code, 2);
    assert.match(orphan.said, /002_x\.up\.sqlite\.sql replaces 002_x\.up\.sql/);
  });

  it('a writer that does not let go is waited for, and its going lets the upgrade through', async () => {
    const project = new Project(TWO);
    await project.migrate('upgrade', '001_users');
    const writer = new DatabaseSync(project.path('dev.db'));
    writer.exec('BEGIN IMMEDIATE');
    const { ended, saidSoFar } = project.start(['upgrade']);
    let isDone = false;
    void ended.then(() => {
      isDone = true;
    });
    const word = `waiting for a writer of ${project.path('dev.db')}, up to 30 s`;
    while (!isDone && !saidSoFar().includes(word)) await new Promise(resolve => setTimeout(resolve, 50));
    assert.equal(isDone, false, saidSoFar());
    writer.exec('COMMIT');
    writer.close();
    assert.equal((await ended).code, 0);
  });

  it('whoever lets nobody read is waited for as well, and told of in words of a terminal', async () => {
    const project = new Project(TWO);
    await project.migrate('upgrade');
    const writer = new DatabaseSync(project.path('dev.db'));
    writer.exec('BEGIN EXCLUSIVE');
    const late = await project.migrate('wait', '--for', '001_users', '--timeout', '0');
    assert.equal(late.code, 10, late.said);
    assert.match(late.said, /still at work on this database.*a writer of .*dev\.db/);
    assert.doesNotMatch(late.said, /execution\./);
    const patience = { signal: undefined, lockWaitMs: 10, log: () => {} };
    const reader = openSqlite(project.path('dev.db'), { mode: 'ReadOnly', busyTimeoutMs: 0 });
    const read = () => reader.query('SELECT * FROM users');
    await assert.rejects(whenFree(patience, reader.path, read), { code: 'FenceHeld', exitCode: 12 });
    reader.close();
    const { ended, saidSoFar, child } = project.start(['current']);
    await until('it waits', () => saidSoFar().includes('waiting for a writer') || child.exitCode !== null, 120_000);
    writer.exec('COMMIT');
    writer.close();
    assert.equal((await ended).out, '002_names (nothing pending)\n');
  });

  it('what a killed command has left of its copy is removed by the next one that makes one', async () => {
    const temporary = new Project().directory;
    const project = new Project(TWO, { TMPDIR: temporary });
    const scratches = () => readdirSync(temporary).filter(name => name.startsWith('migrate-scratch-'));
    await project.migrate('upgrade', '001_users');
    project.write('migrations/002_names.up.sql', LONG);
    const { child, ended } = project.start(['test-copy']);
    await until('the copy is worked on', () => scratches().some(name => isWorkedOn(join(temporary, name))), 120_000);
    project.write('migrations/002_names.up.sql', TWO['002_names.up.sql']);
    const beside = await project.migrate('test-copy');
    assert.deepEqual([beside.code, scratches().length], [0, 1], beside.said);
    assert.doesNotMatch(beside.said, /removed/);
    child.kill('SIGKILL');
    await ended;
    const next = await project.migrate('test-copy');
    assert.equal(next.code, 0, next.said);
    assert.match(next.said, /removed .*migrate-scratch-\w+, which a killed command had left/);
    assert.deepEqual(scratches(), []);
  });
});

const LONG = `CREATE TABLE long (n INTEGER);
  INSERT INTO long WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 1000000000) SELECT n FROM s;`;

/** More than the cache holds is in the file. */
function isWorkedOn(scratch: string): boolean {
  return existsSync(join(scratch, 'scratch.db-journal'));
}

function isLocked(project: Project): boolean {
  const database = new DatabaseSync(project.path('dev.db'), { timeout: 0 });
  try {
    database.exec('BEGIN IMMEDIATE');
    database.exec('ROLLBACK');
    return false;
  } catch {
    return true;
  } finally {
    database.close();
  }
}
