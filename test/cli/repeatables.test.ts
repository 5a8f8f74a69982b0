// A folder of Flyway's with repeatable migrations, as its user has it: on SQLite and on PostgreSQL the same.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { serverForTests } from '../engine/site.ts';
import { Project } from './project.ts';

const server = await serverForTests();
server.psql('ALTER ROLE owner CREATEDB');
let databases = 0;

const names = (columns: string) => `DROP VIEW IF EXISTS names;\nCREATE VIEW names AS SELECT ${columns} FROM users;\n`;
const FILES = {
  'V1__users.sql': 'CREATE TABLE users (id integer PRIMARY KEY, name text);',
  'U1__users.sql': 'DROP VIEW IF EXISTS names;\nDROP TABLE users;',
  'V2__email.sql': 'ALTER TABLE users ADD COLUMN email text;',
  'U2__email.sql': 'DROP VIEW IF EXISTS names;\nALTER TABLE users DROP COLUMN email;',
  'R__names.sql': names('name'),
};

interface Current {
  readonly version: string;
  readonly pending: readonly string[];
  readonly unknown: readonly string[];
}

async function postgres(files: Readonly<Record<string, string>>): Promise<Project> {
  databases += 1;
  return new Project(files, { DATABASE_URL: await server.createDatabase(`repeatables_${databases}`) });
}

const PLACES = { SQLite: async (files: Readonly<Record<string, string>>) => new Project(files), PostgreSQL: postgres };

for (const [dialect, place] of Object.entries(PLACES)) {
  describe(`Repeatable migrations on ${dialect}`, { concurrency: dialect === 'SQLite' ? 3 : 1 }, () => {
    it('are shown and run after the versions, and again when they change', async () => {
      const project = await place(FILES);
      const shown = await project.migrate('show');
      assert.match(shown.said, /Upgrade from empty to V2__email: 3 migrations/);
      assert.match(
        shown.out,
        /-- V2__email, line 1[\s\S]*COMMIT;\n\nBEGIN;\n-- R__names, line 1\nDROP VIEW IF EXISTS names;/,
      );
      const up = await project.migrate('upgrade');
      assert.equal(up.code, 0, up.said);
      assert.match(up.out, /The database is at V2__email \(3 migrations/);
      assert.match((await project.migrate('current')).out, /^V2__email \(nothing pending\)$/m);
      assert.match((await project.migrate('history')).out, /V2__email +applied [\s\S]*R__names +applied /);

      project.write('migrations/R__names.sql', names('name, email'));
      assert.match((await project.migrate('current')).out, /^V2__email \(repeatable pending: R__names\)$/m);
      assert.match(
        (await project.migrate('history')).out,
        /R__names +applied .*the file was changed since\nR__names +pending/,
      );
      const again = await project.migrate('upgrade');
      assert.equal(again.code, 0, again.said);
      assert.match(again.said, /At V2__email: 1 repeatable migration to run/);
      assert.match((await project.migrate('upgrade')).said, /Nothing to do: the database is at V2__email/);
      assert.equal((await project.migrate('check')).code, 0);
      assert.equal((await project.migrate('check', '--from-files')).code, 0);
      const verified = await project.migrate('history', '--verify');
      assert.equal(verified.code, 0, verified.out);
    });

    it('stay when versions go, and are run after that where their text is another', async () => {
      const project = await place({ ...FILES, 'R__names.sql': names('name, email') });
      assert.equal((await project.migrate('upgrade')).code, 0);
      project.write('migrations/R__names.sql', names('name'));
      const down = await project.migrate('downgrade', 'V1__users', '--yes');
      assert.equal(down.code, 0, down.said);
      assert.match(down.said, /note: repeatable, to be run after the way down, for their text is another: R__names/);
      assert.match(down.said, /Downgrade from V2__email to V1__users: 2 migrations/);
      assert.equal((await project.migrate('check', '--from-files')).code, 0);
      const empty = await project.migrate('downgrade', 'empty', '--yes');
      assert.equal(empty.code, 0, empty.said);
      assert.deepEqual(await project.data('current'), {
        version: null,
        pending: ['V1__users', 'V2__email'],
        unknown: [],
        halfDone: [],
        refused: [],
      });
    });

    it('do not stand in the way of a test on a copy', async () => {
      const project = await place(FILES);
      assert.equal((await project.migrate('upgrade', 'V1__users')).code, 0);
      project.write('migrations/R__names.sql', names('name, email'));
      const there = await project.migrate('test-copy');
      assert.equal(there.code, 0, there.said + there.out);
      assert.match(
        there.out,
        /Up +1 migration .*\nRepeat +1 migration .*\nDown +1 migration .*\nUp again 1 migration [\s\S]*the same schema/,
      );
    });

    it('are checked by validate, and refused where they cannot be one transaction', async () => {
      const project = await place(FILES);
      const dialectName = dialect.toLowerCase();
      const good = await project.migrate('validate', '--dialect', dialectName);
      assert.match(good.out, /2 migrations, and 1 repeatable for \w+, in the layout of Flyway, up to V2__email/);
      project.write('migrations/R__names.sql', `${FILES['R__names.sql']} VACUUM;`);
      const bad = await project.migrate('validate', '--dialect', dialectName);
      assert.deepEqual([bad.code, /R__names\.sql has/.test(bad.said)], [2, true]);
    });
  });
}

describe('A repeatable migration', { concurrency: 2 }, () => {
  it('that SQLite could not run twice is found by validate', async () => {
    const project = new Project({ ...FILES, 'R__names.sql': 'CREATE VIEW names AS SELECT name FROM users;' });
    const { code, said } = await project.migrate('validate');
    assert.deepEqual([code, /R__names\.sql, statement 1 .*already exists/.test(said)], [20, true]);
  });

  it('that left the folder is told, and left alone', async () => {
    const project = new Project({
      ...FILES,
      'R__more.sql': 'DROP VIEW IF EXISTS more; CREATE VIEW more AS SELECT 1 AS one;',
    });
    assert.equal((await project.migrate('upgrade')).code, 0);
    project.remove('migrations/R__more.sql');
    const current: Current = await project.data('current');
    assert.deepEqual([current.pending, current.unknown], [[], ['R__more']]);
    assert.match((await project.migrate('upgrade')).said, /no longer among the files: what they made stays: R__more/);
  });

  it('is bundled and signed with the others', async () => {
    const project = new Project(FILES);
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    project.write('key.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    project.write('key.pub', publicKey.export({ type: 'spki', format: 'pem' }).toString());
    const signed = await project.migrate('sign', '--key', 'key.pem');
    assert.equal(signed.code, 0, signed.said);
    assert.match(signed.out, /signs 2 versions and 1 repeatable migration, up to V2__email/);
    assert.match(project.read('migrations/migrations.sig'), / - \S+ R__names\n/);
    assert.equal((await project.migrate('verify', '--keys', 'key.pub')).code, 0);
    project.write('migrations/R__names.sql', names('id'));
    const changed = await project.migrate('verify', '--keys', 'key.pub');
    assert.match(changed.said, /R__names was changed after it was signed/);
  });

  it('keeps SQLite from being upgraded by half: an older ledger gets its table with the first that runs', async () => {
    const { 'R__names.sql': again, ...versions } = FILES;
    const project = new Project(versions);
    assert.equal((await project.migrate('upgrade')).code, 0);
    project.execute('DROP TABLE migrate_repeatable; UPDATE migrate_state SET format = 1');
    assert.match((await project.migrate('current')).out, /^V2__email \(nothing pending\)/);
    project.write('migrations/R__names.sql', again);
    assert.deepEqual(project.rows('SELECT format FROM migrate_state'), [{ format: 1 }]);
    const up = await project.migrate('upgrade');
    assert.equal(up.code, 0, up.said);
    assert.deepEqual(project.rows('SELECT format FROM migrate_state'), [{ format: 2 }]);
    assert.deepEqual(project.rows("SELECT event, version FROM migrate_audit WHERE event IN ('upgraded', 'repeated')"), [
      { event: 'upgraded', version: null },
      { event: 'repeated', version: 'R__names' },
    ]);
    assert.equal((await project.migrate('history', '--verify')).code, 0);
    project.execute("UPDATE migrate_repeatable SET checksum = 'x'");
    const verified = await project.migrate('history', '--verify');
    assert.deepEqual([verified.code, /row of R__names is not what the audit saw/.test(verified.out)], [1, true]);
  });
});
