// Places on a disk that cannot be used: what is no database, and where no backup can be made. Told at once, with the path,
// as a mistake of the input.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Project } from './project.ts';
import { whyNobodyLess } from './somebody.ts';

const FILES = { '001_users.up.sql': 'CREATE TABLE users (id integer PRIMARY KEY);' };

describe('A place that cannot be used', { concurrency: 3 }, () => {
  const wrong: readonly { what: string; url: string; make?: (project: Project) => void; said: RegExp }[] = [
    {
      what: 'a file of another kind',
      url: 'sqlite:///./notes.txt',
      make: project => project.write('notes.txt', 'not a database, but longer than the head of one\n'.repeat(20)),
      said: /notes\.txt is no SQLite database/,
    },
    {
      what: 'a directory',
      url: 'sqlite:///./data',
      make: project => mkdirSync(project.path('data')),
      said: /data is a directory/,
    },
    {
      what: 'the directory one stands in',
      url: 'sqlite:///./',
      said: /error: \/.+ is a directory/,
    },
    {
      what: 'a file whose directory is not there',
      url: 'sqlite:///./nowhere/dev.db',
      said: /nowhere.*dev\.db.*directory is not there/,
    },
    {
      what: 'a file below a file',
      url: 'sqlite:///./migrations/001_users.up.sql/dev.db',
      said: /dev\.db.*is a file, not a directory/,
    },
  ];
  if (process.platform === 'linux') {
    // What is not there is no mistake before something is to be written.
    it('is one where SQLite can make no file', async () => {
      const run = await new Project(FILES, { DATABASE_URL: 'sqlite:////proc/dev.db' }).migrate('upgrade');
      assert.match(run.said, /\/proc\/dev\.db cannot be opened or made/);
      assert.equal(run.code, 2);
    });
  }
  for (const { what, url, make, said } of wrong) {
    it(`is ${what}, for every command that opens it`, async () => {
      const project = new Project(FILES, { DATABASE_URL: url });
      make?.(project);
      for (const command of [['upgrade'], ['current'], ['backup', 'b1']]) {
        const run = await project.migrate(...command);
        assert.match(run.said, said, command.join(' '));
        assert.match(run.said, /DATABASE_URL/);
        assert.equal(run.code, 2, run.said);
      }
    });
  }

  it('is a file that cannot be read', { skip: whyNobodyLess }, async () => {
    const project = new Project(FILES);
    await project.migrate('upgrade');
    chmodSync(project.directory, 0o755);
    chmodSync(project.path('dev.db'), 0);
    const run = await project.unprivileged(['current']);
    assert.match(run.said, /dev\.db cannot be read: permission denied/);
    assert.equal(run.code, 2);
  });

  it('is a file that cannot be written', { skip: whyNobodyLess }, async () => {
    const project = new Project(FILES);
    chmodSync(project.directory, 0o777);
    assert.equal((await project.unprivileged(['upgrade'])).code, 0);
    project.write('migrations/002_more.up.sql', 'CREATE TABLE more (id integer);');
    for (const [name, mode, said] of [
      ['dev.db', 0o400, /dev\.db cannot be written: the file may not be written by .+\. Run it as the file's owner/],
      ['', 0o555, /dev\.db cannot be written: its directory, where SQLite makes a journal, may not be written by/],
    ] as const) {
      const before = statSync(project.path(name)).mode;
      chmodSync(project.path(name), mode);
      const run = await project.unprivileged(['upgrade']);
      chmodSync(project.path(name), before);
      assert.match(run.said, said);
      assert.equal(run.code, 2);
    }
  });

  it('is where no backup can be made', { skip: process.platform !== 'linux' && 'needs /proc' }, async () => {
    const project = new Project(FILES);
    await project.migrate('upgrade');
    // A directory that takes no others answers "not there", which a recursive mkdir of Node tries again without end.
    const { child, ended } = project.start(['backup', '/proc/backups/first']);
    const late = setTimeout(() => child.kill('SIGKILL'), 60_000);
    const run = await ended;
    clearTimeout(late);
    assert.match(run.said, /\/proc\/backups.*cannot be made/);
    assert.equal(run.code, 2);
    const below = await project.migrate('backup', 'dev.db/first');
    assert.match(below.said, /cannot be made.*not a directory/);
    assert.equal(below.code, 2);
  });

  it('is where no file can be made', { skip: process.platform !== 'linux' && 'needs /proc' }, async () => {
    const project = new Project(FILES);
    project.execute('VACUUM');
    for (const command of [
      ['create', 'more', '--dir', '/proc/shop/migrations'],
      ['erd', '--out', '/proc/shop/schema.svg'],
    ]) {
      const { child, ended } = project.start(command);
      const late = setTimeout(() => child.kill('SIGKILL'), 60_000);
      const run = await ended;
      clearTimeout(late);
      assert.match(run.said, /The folder \/proc\/shop cannot be made/);
      assert.equal(run.code, 2);
    }
  });

  it('is a database that is not there yet, for what needs one', async () => {
    const run = await new Project(FILES).migrate('backup', 'b1');
    assert.match(run.said, /dev\.db is not there.*migrate upgrade/);
    assert.equal(run.code, 2);
  });
});
