import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Project } from './project.ts';

const USERS = {
  '001_users.up.sql': `CREATE TABLE users (id integer PRIMARY KEY, email text NOT NULL UNIQUE, old text);
    CREATE VIEW emails AS SELECT Email FROM users;`,
  '001_users.down.sql': 'DROP VIEW emails; DROP TABLE users;',
};

const BY_HAND = `
  ALTER TABLE users ADD COLUMN phone text DEFAULT 'x'; ALTER TABLE users DROP COLUMN old;
  CREATE TABLE posts (id integer PRIMARY KEY AUTOINCREMENT, author integer REFERENCES users (id), at text DEFAULT current_timestamp,
    title text COLLATE NOCASE, long integer GENERATED ALWAYS AS (length(title)) VIRTUAL, CHECK (title <> ''));
  CREATE UNIQUE INDEX posts_author ON posts (author) WHERE author > 5;
  CREATE TRIGGER counted AFTER INSERT ON posts BEGIN UPDATE users SET phone = 'y'; SELECT 1; END;
  DROP VIEW emails; CREATE VIEW emails AS SELECT lower(Email) || phone AS "e-mail" FROM users;
  CREATE VIRTUAL TABLE words USING fts5(word);`;

/** A project at 001, changed by hand, with the migration that was written from it. */
async function changed(sql: string, files: Readonly<Record<string, string>> = USERS): Promise<Project> {
  const project = new Project(files);
  assert.equal((await project.migrate('upgrade')).code, 0);
  project.execute(sql);
  return project;
}

describe('create --from-diff on SQLite', { concurrency: 2 }, () => {
  it('writes what was changed by hand, which is then noted here and run elsewhere, there and back', async () => {
    const project = await changed(BY_HAND);
    const made = await project.migrate('create', '--from-diff', 'by hand');
    assert.equal(made.code, 0, made.said);
    assert.equal(made.out, 'migrations/002_by_hand.up.sql\nmigrations/002_by_hand.down.sql\n');
    assert.match(made.said, /already: upgrade would make it a second time.*\n.*check --from-files --to 002_by_hand/);
    const up = project.read('migrations/002_by_hand.up.sql');
    assert.match(up, /-- Destroys data: every value of users\.old\.\nALTER TABLE "users" DROP COLUMN "old";/);
    assert.doesNotMatch(up, /not written/i);
    assert.equal((await project.migrate('validate', '--strict')).code, 0);
    assert.equal((await project.migrate('upgrade')).code, 20);
    const proven = await project.migrate('check', '--from-files', '--to', 'latest');
    assert.equal(proven.code, 0, proven.out);
    const noted = await project.migrate('baseline', '002_by_hand');
    assert.equal(noted.code, 0, noted.said);
    assert.match((await project.migrate('history')).out, /002_by_hand +baseline/);
    const elsewhere = { DATABASE_URL: 'sqlite:///./elsewhere.db' };
    for (const args of [['upgrade'], ['downgrade', '001_users', '--yes'], ['check', '--from-files'], ['upgrade']]) {
      const run = await project.start(args, elsewhere).ended;
      assert.equal(run.code, 0, `${args}: ${run.out}${run.said}`);
    }
  });

  it('without a difference writes nothing, and says so', async () => {
    const project = await changed('SELECT 1');
    assert.deepEqual(await project.data('create', '--from-diff', 'nothing'), {
      ...{ version: null, files: [], notes: [], statements: 0, destructive: 0, unsaid: 0 },
    });
    assert.equal(project.has('migrations/002_nothing.up.sql'), false);
  });

  it('gives the recipe in comments where ALTER TABLE cannot do it, and baseline does not take its word', async () => {
    const project = await changed(
      `CREATE TABLE users_new (id integer PRIMARY KEY, email text UNIQUE, old text CHECK (old <> ''));
       DROP VIEW emails; DROP TABLE users; ALTER TABLE users_new RENAME TO users; CREATE VIEW emails AS SELECT Email FROM users;
       ALTER TABLE users ADD COLUMN needed text NOT NULL DEFAULT (1 + 1)`,
    );
    const made = await project.migrate('create', '--from-diff', 'looser');
    assert.match(made.said, /0 statements on the way up; \d+ differences are told in comments only/);
    const up = project.read('migrations/002_looser.up.sql');
    assert.match(
      up,
      /-- {5}INSERT INTO "users_new" \("id", "email", "old"\) SELECT "id", "email", "old" FROM "users";/,
    );
    assert.match(up, /-- \* Left: column users\.email: not null from yes to no/);
    const refused = await project.migrate('baseline', '002_looser');
    assert.equal(refused.code, 1, refused.said);
    assert.match(refused.out, /column users\.email: not null/);
    assert.match(refused.said, /Not noted: the database has not what the files up to 002_looser make/);
    // The recipe, finished by hand, is what makes the difference.
    const recipe = up
      .split('\n')
      .filter(line => line.startsWith('--     '))
      .map(line => line.slice(6));
    project.write(
      'migrations/002_looser.up.sql',
      `DROP VIEW emails;\n${recipe.join('\n')}\nCREATE VIEW emails AS SELECT Email FROM users;`,
    );
    const noted = await project.migrate('baseline', '002_looser');
    assert.equal(noted.code, 0, noted.said + noted.out);
  });

  it('refuses where the ledger tells no schema, or a migration is pending, and says what to do', async () => {
    const project = await changed(BY_HAND);
    project.write('migrations/002_more.up.sql', 'CREATE TABLE more (id integer);');
    const pending = await project.migrate('create', '--from-diff', 'x');
    assert.deepEqual(
      [pending.code, /002_more is pending: .*migrate upgrade.*migrate baseline 002_more/.test(pending.said)],
      [2, true],
    );
    project.write('migrations/002_more.up.sql', '');
    assert.equal((await project.migrate('upgrade')).code, 0);
    project.execute('UPDATE migrate_state SET snapshot = NULL');
    const none = await project.migrate('create', '--from-diff', 'x');
    assert.deepEqual(
      [none.code, /no snapshot of the schema: none was stored with 002_more\. The next upgrade/.test(none.said)],
      [2, true],
    );
    project.execute("UPDATE migrate_state SET snapshot = '[]', snapshot_version = '001_users'");
    const stale = await project.migrate('create', '--from-diff', 'x');
    assert.deepEqual([stale.code, /stored snapshot is that of 001_users/.test(stale.said)], [2, true]);
    const lone = await project.migrate('check', '--to', 'latest');
    assert.deepEqual([lone.code, /goes with --from-files/.test(lone.said)], [2, true]);
  });

  it('goes by the snapshot where the files do not lead to it, and says what that does not tell', async () => {
    const project = await changed(
      "DROP VIEW emails; DROP TABLE users; CREATE VIEW v AS SELECT 1 <> 2 OR 3 >= 2 OR 'a' || 'b' = 'ab'",
    );
    project.write('migrations/001_users.up.sql', 'CREATE TABLE other (id integer);');
    const made = await project.migrate('create', '--from-diff', 'gone');
    assert.equal(made.code, 0, made.said);
    assert.match(made.said, /files do not produce the schema that 001_users left/);
    assert.match(made.said, /table users: the snapshot does not tell which of its columns are UNIQUE by themselves/);
    assert.match(project.read('migrations/002_gone.down.sql'), /CREATE TABLE "users" \([^;]*"id" INTEGER PRIMARY KEY/);
    assert.match(project.read('migrations/002_gone.up.sql'), /DROP TABLE "users";/);
  });

  it('makes of a database without a ledger the first migration', async () => {
    const project = new Project();
    project.execute(
      BY_HAND.replace(
        /.*DROP COLUMN old;/s,
        'CREATE TABLE users (email text, phone text); CREATE VIEW emails AS SELECT 1;',
      ),
    );
    const made = await project.migrate('create', '--from-diff', 'first tables');
    assert.equal(made.code, 0, made.said);
    const noted = await project.migrate('baseline', '001_first_tables');
    assert.equal(noted.code, 0, noted.said);
    assert.equal((await project.migrate('check', '--from-files')).code, 0);
  });
});
