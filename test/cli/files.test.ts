// Commands that need no server: files, settings, help. What a person sees when something is wrong is part of it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { parseAllDocuments } from 'yaml';
import { readSource } from '../../src/engine/source/files.ts';
import { Project } from './project.ts';

const TWO = {
  '001_users.up.sql': 'CREATE TABLE users (id integer PRIMARY KEY);',
  '001_users.down.sql': 'DROP TABLE users;',
  '002_names.up.sql': 'ALTER TABLE users ADD COLUMN name text;',
};
const ON_POSTGRES = { DATABASE_URL: 'postgresql://me:s3cret-w0rd@127.0.0.1:1/shop' };

describe('The command line', { concurrency: 3 }, () => {
  it('makes the next two files, with a safe name and a number as wide as the others', async () => {
    const project = new Project({ '0009_a.up.sql': '' });
    assert.deepEqual((await project.migrate('create', ' Add “Übersicht” & tags! ')).out.split('\n').slice(0, 2), [
      'migrations/0010_add_ubersicht_tags.up.sql',
      'migrations/0010_add_ubersicht_tags.down.sql',
    ]);
    // Not a setting of ours, which would be refused.
    assert.equal((await project.migrate('create', 'migrate: more')).code, 0);
    assert.match(project.read('migrations/0011_migrate_more.up.sql'), /^-- \| migrate: more\n/);
    const refused = await project.migrate('create', '???');
    assert.equal(refused.code, 2);
    assert.match(refused.said, /"\?\?\?" gives no name/);
  });

  it('finds every mistake of a folder at once, without a database', async () => {
    const project = new Project(
      { ...TWO, '002_twice.up.sql': '', '003_bad.up.sql': 'CREATE TABEL x ();', '004_c.up.sql': 'COMMIT;' },
      ON_POSTGRES,
    );
    const numbers = await project.migrate('validate');
    assert.equal(numbers.code, 2);
    assert.match(numbers.said, /number 0*2 is used twice/);
    project.write('migrations/002_twice.up.sql', '');
    execFileSync('rm', [project.path('migrations/002_twice.up.sql')]);
    const run = await project.migrate('validate');
    assert.equal(run.code, 2);
    assert.match(run.said, /003_bad\.up\.sql/);
    assert.match(run.said, /004_c\.up\.sql.*COMMIT/);
  });

  it('names the file of SQLite that runs out of room in memory, or whose COMMIT is refused there', async () => {
    const full = 'PRAGMA max_page_count = 2;\nCREATE TABLE a (id); CREATE TABLE b (id); CREATE TABLE c (id);';
    const dangling = `CREATE TABLE a (id INTEGER PRIMARY KEY);
      CREATE TABLE b (a REFERENCES a DEFERRABLE INITIALLY DEFERRED); INSERT INTO b VALUES (1);`;
    const validated = (text: string) => new Project({ '001_a.up.sql': text }).migrate('validate');
    const [outOfRoom, leftDangling] = await Promise.all([validated(full), validated(dangling)]);
    assert.equal(outOfRoom.code, 20, outOfRoom.said);
    assert.match(outOfRoom.said, /001_a\.up\.sql, statement 3 \(line 2\) failed: database or disk is full/);
    assert.equal(leftDangling.code, 20, leftDangling.said);
    assert.match(leftDangling.said, /001_a\.up\.sql failed: FOREIGN KEY constraint failed/);
  });

  it('runs the files of SQLite in memory to validate them, and takes notes for mistakes only when told to', async () => {
    const project = new Project(TWO);
    const run = await project.migrate('validate', '-o', 'json');
    assert.equal(run.code, 0);
    assert.deepEqual(JSON.parse(run.out).notes, ['002_names cannot be taken back: it has no 002_names.down.sql']);
    assert.equal((await project.migrate('validate', '--strict')).code, 1);
    project.write('migrations/003_bad.up.sql', 'INSERT INTO nowhere VALUES (1);');
    const bad = await project.migrate('validate');
    assert.equal(bad.code, 20);
    assert.match(bad.said, /no such table: nowhere/);
  });

  it('signs and verifies with keys of openssl and of ssh-keygen, and sees a changed file', async () => {
    const project = new Project(TWO, ON_POSTGRES);
    execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', project.path('k.pem')], { stdio: 'ignore' });
    execFileSync('openssl', ['pkey', '-in', project.path('k.pem'), '-pubout', '-out', project.path('k.pub')]);
    assert.equal((await project.migrate('sign', '--key', 'k.pem')).code, 0);
    assert.equal((await project.migrate('verify', '--keys', 'k.pub')).code, 0);
    project.write('migrations/001_users.down.sql', 'DROP TABLE users CASCADE;');
    const changed = await project.migrate('verify', '--keys', 'k.pub');
    assert.equal(changed.code, 23);
    assert.match(changed.said, /001_users/);
  });

  it('bundles a folder into ConfigMaps that the runner reads as the folder itself', async () => {
    const random = (seed: number) =>
      Array.from({ length: 4_000 }, (_, i) => ((i * 7919 + seed) % 9973).toString(36)).join('');
    const files = Object.fromEntries(
      Array.from({ length: 8 }, (_, i) => [
        `00${i + 1}_t.up.sql`,
        `-- ${random(i * 31)}\nCREATE TABLE t${i} (id int);`,
      ]),
    );
    const project = new Project(files, ON_POSTGRES);
    const run = await project.migrate('bundle', 'shop-migrations', '--max-bytes', '20000');
    assert.equal(run.code, 0, run.said);
    const again = await project.migrate('bundle', 'shop-migrations', '--max-bytes', '20000');
    assert.equal(again.out, run.out);
    const maps = parseAllDocuments(run.out).map(document => document.toJSON());
    assert.ok(maps.length > 1, 'it must have been split');
    for (const [index, map] of maps.entries()) {
      const packed = Buffer.from(map.binaryData['migrations.bundle.json.gz'], 'base64');
      assert.ok(packed.length <= 20_000);
      assert.match(map.metadata.name, /^shop-migrations-\d-[0-9a-f]{10}$/);
      assert.equal(JSON.parse(gunzipSync(packed).toString()).format, 1);
      project.write(`mounted/${index}/.keep`, '');
      const { writeFileSync } = await import('node:fs');
      writeFileSync(project.path(`mounted/${index}/migrations.bundle.json.gz`), packed);
    }
    const [folder, mounted] = await Promise.all([
      readSource(project.path('migrations')),
      readSource(project.path('mounted')),
    ]);
    assert.equal(mounted.digest, folder.digest);
    project.write('migrations/001_t.up.sql', 'SELECT 1');
    const changed = await project.migrate('bundle', 'shop-migrations', '--max-bytes', '20000');
    assert.notEqual(changed.out.split('\n')[3], run.out.split('\n')[3], 'the name must have changed');
    const tooLarge = await project.migrate('bundle', 'shop-migrations', '--max-bytes', '1000');
    assert.equal(tooLarge.code, 2);
    assert.match(tooLarge.said, /002_t\.up\.sql is too large/);
  });

  it('draws the same bytes twice, and says when a committed drawing is stale', async () => {
    const project = new Project({
      '001_a.up.sql': `CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE);
        CREATE TABLE posts (id INTEGER PRIMARY KEY, author INTEGER NOT NULL REFERENCES users (id), "odd <name>" TEXT);`,
      '002_b.up.sql': 'CREATE TABLE tags (id INTEGER PRIMARY KEY);',
    });
    await project.migrate('upgrade', '001_a');
    await project.migrate('erd', '--out', 'one.svg');
    assert.equal((await project.migrate('erd', '--out', 'one.svg', '--check')).code, 0);
    const svg = project.read('one.svg');
    assert.match(svg, /<title>posts\.author → users<\/title>/);
    assert.match(svg, /odd &lt;name&gt;/);
    const { out } = await project.migrate('erd');
    assert.match(out, /"posts" \}o--\|\| "users" : "author"/);
    await project.migrate('upgrade');
    const stale = await project.migrate('erd', '--out', 'one.svg', '--check');
    assert.equal(stale.code, 1);
    assert.match(stale.out, /one\.svg/);
  });

  it('takes an environment of migrate.yaml, which may name a variable and never a URL', async () => {
    const project = new Project({});
    project.write('db/001_a.up.sql', 'CREATE TABLE a (id INTEGER);');
    project.write('migrate.yaml', 'migrations: db\nenvironments:\n  test: {url: TEST_URL}\n');
    const chosen = { TEST_URL: 'sqlite:///./test.db', ENVIRONMENT: 'test' };
    assert.equal((await project.start(['upgrade'], chosen).ended).code, 0);
    assert.ok(project.has('test.db'));
    const unset = await project.migrate('upgrade', '--env', 'test');
    assert.equal(unset.code, 2);
    assert.match(unset.said, /TEST_URL is not set \(environment test\)/);
    assert.match((await project.migrate('upgrade', '--env', 'prod')).said, /it has test/);
    project.write('migrate.yaml', 'url: postgresql://me:s3cret-w0rd@host/db\n');
    const refused = await project.migrate('current');
    assert.equal(refused.code, 2);
    assert.match(refused.said, /must be the name of an environment variable/);
    assert.doesNotMatch(refused.said, /s3cret/);
  });

  it('says what is wrong in one sentence, with the exit code of the table and no password', async () => {
    const project = new Project(TWO, ON_POSTGRES);
    const away = await project.migrate('current');
    assert.equal(away.code, 10);
    assert.match(away.said, /nothing listens there/);
    const strange = await project.start(['current'], { DATABASE_URL: 'mysql://me:s3cret-w0rd@host/db' }).ended;
    assert.equal(strange.code, 2);
    assert.match(strange.said, /begins with "mysql:"/);
    const none = await project.start(['current'], { DATABASE_URL: '' }).ended;
    assert.match(none.said, /DATABASE_URL is not set/);
    const mistyped = await project.migrate('upgrde');
    assert.equal(mistyped.code, 2);
    assert.match(mistyped.said, /upgrade/);
    for (const run of [away, strange, none, mistyped]) {
      assert.doesNotMatch(run.said, /s3cret|\n {4}at /);
      assert.equal(run.out, '');
    }
  });

  it('explains each command with an example, and completes them in bash', async () => {
    const project = new Project({});
    const help = await project.migrate('--help');
    assert.equal(help.code, 0);
    const names = [...help.out.matchAll(/^ {2}([a-z-]+)(?: |$)/gm)]
      .map(match => match[1])
      .filter(name => name !== 'help');
    assert.ok(names.includes('upgrade') && names.length > 15, names.join());
    const { COMMANDS } = await import('../../src/cli/commands.ts');
    for (const command of COMMANDS) {
      assert.ok(names.includes(command.name), command.name);
      assert.ok(
        command.examples.some(({ line }) => line.startsWith(`migrate ${command.name}`)),
        command.name,
      );
    }
    assert.match((await project.migrate('--version')).out, /^\d+\.\d+\.\d+\n$/);
    project.write('completion.bash', (await project.migrate('completion', 'bash')).out);
    const script = `source completion.bash; COMP_WORDS=(migrate up); COMP_CWORD=1; _migrate; echo "\${COMPREPLY[@]}"
      COMP_WORDS=(migrate erd --format s); COMP_CWORD=3; _migrate; echo "\${COMPREPLY[@]}"`;
    const completed = execFileSync('bash', ['-c', script], { cwd: project.directory, encoding: 'utf8' });
    assert.deepEqual(completed.trim().split('\n'), ['upgrade', 'svg']);
  });
});
