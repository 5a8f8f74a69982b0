// Who runs a command: a user whose number nobody has named, as in a container that runs as an arbitrary one; and one who may not
// write a file, or beside it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { Options } from '../../src/cli/options.ts';
import { Sessions } from '../../src/cli/postgres/sessions.ts';
import { readSettings } from '../../src/cli/settings.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { userName } from '../../src/engine/user.ts';
import { serverForTests } from '../engine/site.ts';
import { killWriterOf } from './killed-writer.ts';
import { Project, type Run, SOMEBODY } from './project.ts';
import { whyNobodyElse, whyNobodyLess } from './somebody.ts';

const FILES = { '001_a.up.sql': 'CREATE TABLE a (n INTEGER);', '001_a.down.sql': 'DROP TABLE a;' };

describe('A user without a name', { skip: whyNobodyElse }, () => {
  it('migrates a SQLite file; the ledger names the number', async () => {
    const project = new Project(FILES);
    chmodSync(project.directory, 0o777);
    const up = await project.as(SOMEBODY, ['upgrade']);
    assert.equal(up.code, 0, up.said);
    assert.deepEqual(project.rows('SELECT applied_by FROM migrate_ledger'), [
      { applied_by: `${SOMEBODY}@${hostname()}` },
    ]);
  });

  it('migrates a PostgreSQL database, again and again, and is told to name a user of that where the URL has none', async () => {
    const server = await serverForTests();
    const url = await server.createDatabase('nameless');
    const project = new Project(FILES, { DATABASE_URL: url, MIGRATE_POSTGRES_BINARIES: server.binaries });
    chmodSync(project.directory, 0o777);
    for (const command of ['upgrade', 'downgrade', 'upgrade']) {
      const run = await project.as(SOMEBODY, [command, ...(command === 'downgrade' ? ['empty', '--yes'] : [])]);
      assert.equal(run.code, 0, run.said);
    }
    const backup = await project.as(SOMEBODY, ['backup', 'b1']);
    assert.equal(backup.code, 0, backup.said);
    const owner = server.psql('SELECT resource FROM migrate.epoch', 'nameless');
    assert.equal(owner, `${SOMEBODY}@${hostname()}`);
    const unnamed = await project.as(SOMEBODY, ['current'], { DATABASE_URL: 'postgresql:///nameless' });
    assert.equal(unnamed.code, 2, unnamed.said);
    assert.match(unnamed.said, /it names no user, and user 54321, .*has no name/);
  });
});

describe('A user with a name', { skip: userName() === undefined && 'the one of this test has none' }, () => {
  it('is the owner of what this machine has migrated on PostgreSQL, as in every release', async () => {
    const quiet = new PassThrough();
    const terminal = new Terminal(quiet as never, quiet as never, quiet as never, {});
    const signal = new AbortController().signal;
    const place = { environment: { DATABASE_URL: 'postgresql://owner@localhost/shop' }, directory: '/' };
    const settings = await readSettings(new Options({}), place);
    const { owner, resource } = new Sessions(settings, { terminal, signal, letSignalsEnd: () => {} });
    const { username } = userInfo();
    const digest = createHash('sha256').update(`cli\0${hostname()}\0${username}`).digest('hex');
    assert.deepEqual([owner, resource], [digest.slice(0, 16), `${username}@${hostname()}`]);
  });
});

describe('A file in a directory that may not be written', () => {
  /** By somebody else where this is root, who may write everything. */
  async function run(project: Project, command: string, mode = 0o444): Promise<Run> {
    chmodSync(project.path('dev.db'), mode);
    chmodSync(project.directory, 0o555);
    try {
      return await project.unprivileged([command]);
    } finally {
      chmodSync(project.directory, 0o755);
    }
  }
  const skip = whyNobodyLess;

  it('is told as one in WAL mode where it is in that, not as one that was left half written', { skip }, async () => {
    const project = new Project(FILES);
    assert.equal((await project.migrate('upgrade')).code, 0);
    project.execute('PRAGMA journal_mode = WAL');
    for (const command of ['current', 'upgrade', 'check']) {
      const { code, said } = await run(project, command);
      assert.equal(code, 2, said);
      assert.match(
        said,
        /dev\.db is in WAL mode: SQLite reads it only with dev\.db-wal and dev\.db-shm beside it, which in \S+ may not be/,
        command,
      );
      assert.match(said, /PRAGMA journal_mode = DELETE/);
    }
    // A log without its index, as a copy of the two files leaves it.
    project.write('dev.db-wal', '');
    assert.match((await run(project, 'current')).said, /is in WAL mode/);
    mkdirSync(project.path('real'));
    renameSync(project.path('dev.db'), project.path('real/app.db'));
    symlinkSync('real/app.db', project.path('dev.db'));
    chmodSync(project.path('real'), 0o555);
    const linked = await run(project, 'current');
    chmodSync(project.path('real'), 0o755);
    assert.match(
      linked.said,
      /dev\.db is in WAL mode: .* app\.db-wal and app\.db-shm beside it, which in \S+\/real may not be/,
    );
  });

  it('is told as left half written where it was, also if the file itself or its journal may be written', {
    skip,
  }, async () => {
    const project = new Project(FILES);
    assert.equal((await project.migrate('upgrade')).code, 0);
    killWriterOf(project.path('dev.db'));
    const journal = project.path('dev.db-journal');
    for (const [mode, ofJournal] of [
      [0o444, 0o444],
      [0o666, 0o444],
      [0o666, 0o666],
    ] as const) {
      chmodSync(journal, ofJournal);
      const { code, said } = await run(project, 'current', mode);
      assert.equal(code, 2, said);
      assert.match(said, /dev\.db was left half written by a process that was killed/);
    }
    const healed = await project.migrate('current');
    assert.deepEqual([healed.code, healed.out], [0, '001_a (nothing pending)\n'], healed.said);
  });

  it('is read as ever in the other mode', { skip }, async () => {
    const project = new Project(FILES);
    assert.equal((await project.migrate('upgrade')).code, 0);
    const current = await run(project, 'current');
    assert.deepEqual([current.code, current.out], [0, '001_a (nothing pending)\n'], current.said);
  });
});
