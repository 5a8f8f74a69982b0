// Backups of a SQLite file as files and directories: nobody's work is deleted, and what fails is said of the file that failed.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { openSqlite } from '../../src/database/sqlite.ts';
import { EngineError } from '../../src/engine/errors.ts';
import { applySqlite } from '../../src/engine/sqlite/migrate.ts';
import { until } from '../engine/site.ts';
import { Project } from './project.ts';
import { whyNobodyLess } from './somebody.ts';

const FILES = { '001_t.up.sql': 'CREATE TABLE t (x TEXT);', '001_t.down.sql': 'DROP TABLE t;' };

async function upgraded(): Promise<Project> {
  const project = new Project(FILES);
  assert.equal((await project.migrate('upgrade')).code, 0);
  return project;
}

/** Is there when it is looked at for the n-th time: a signal that comes in the middle of what asks for it. */
function comingAt(look: number): AbortSignal {
  let looks = 0;
  return {
    get aborted() {
      looks += 1;
      return looks >= look;
    },
  } as AbortSignal;
}

describe('A backup of a SQLite file', { concurrency: 3 }, () => {
  it('deletes nothing that is there, and names what a killed one has left', async () => {
    const project = await upgraded();
    project.write('bk.partial/precious', 'mine');
    project.write('bk.partial-old/archive/database.sqlite', 'half');
    const run = await project.migrate('backup', 'bk');
    assert.equal(run.code, 0, run.said);
    assert.match(run.said, /bk\.partial is there.*\n.*bk\.partial-old is there/);
    assert.equal(project.read('bk.partial/precious'), 'mine');
    assert.deepEqual(readdirSync(project.path('bk.partial-old')), ['archive']);
    assert.ok(project.has('bk/manifest.json'));
  });

  it('in WAL mode is one file and stays it; a restore leaves the mode of what is there, or gives that of before', async () => {
    const project = await upgraded();
    project.execute("PRAGMA journal_mode = WAL; INSERT INTO t VALUES ('kept')");
    assert.equal((await project.migrate('backup', 'bk')).code, 0);
    const archive = () => readdirSync(project.path('bk/archive'));
    assert.deepEqual(archive(), ['database.sqlite']);
    assert.deepEqual(
      JSON.parse(project.read('bk/manifest.json')).files.map((file: { path: string }) => file.path),
      archive(),
    );
    const restored = async () => {
      const run = await project.migrate('restore', 'bk', '-y');
      assert.equal(run.code, 0, run.said);
      assert.deepEqual(archive(), ['database.sqlite']);
      assert.deepEqual(project.rows('SELECT x FROM t'), [{ x: 'kept' }]);
      return project.rows('PRAGMA journal_mode')[0]?.journal_mode;
    };
    assert.equal(await restored(), 'wal');
    project.execute('PRAGMA journal_mode = DELETE');
    assert.equal(await restored(), 'delete');
    project.remove('dev.db');
    assert.equal(await restored(), 'wal');
    // As earlier ones were made.
    const copy = new DatabaseSync(project.path('bk/archive/database.sqlite'));
    copy.exec('PRAGMA journal_mode = WAL');
    copy.close();
    const sha256 = createHash('sha256')
      .update(readFileSync(project.path('bk/archive/database.sqlite')))
      .digest('hex');
    const manifest = JSON.parse(project.read('bk/manifest.json'));
    project.write('bk/manifest.json', JSON.stringify({ ...manifest, files: [{ ...manifest.files[0], sha256 }] }));
    assert.equal(await restored(), 'wal');
    project.write(
      'bk/manifest.json',
      JSON.stringify({ ...manifest, files: manifest.files.map((file: object) => ({ ...file, path: 'other.sqlite' })) }),
    );
    const unnamed = await project.migrate('restore', 'bk', '-y');
    assert.match(unnamed.said, /bk is damaged: database\.sqlite is not what was written/);
  });

  it('of two under one name makes one, and the other is told', async () => {
    const project = await upgraded();
    const runs = await Promise.all(['one', 'one', 'one'].map(name => project.migrate('backup', name)));
    assert.equal(runs.filter(run => run.code === 0).length, 1, JSON.stringify(runs));
    for (const { code, said } of runs) if (code !== 0) assert.match(said, /one (exists already|is there by now)/);
    assert.equal(readdirSync(project.directory).filter(name => name.startsWith('one.')).length, 0);
    assert.equal((await project.migrate('restore', 'one', '-y')).code, 0);
  });

  it('is ended by a signal, and so are a copy and a check', async () => {
    const project = await upgraded();
    const writer = new DatabaseSync(project.path('dev.db'));
    writer.exec('BEGIN EXCLUSIVE');
    for (const command of [['backup', 'bk'], ['test-copy'], ['check', '--from-files']]) {
      const { child, ended, saidSoFar } = project.start(command);
      await until(
        `${command[0]} waits`,
        () => saidSoFar().includes('waiting for a writer') || child.exitCode !== null,
        120_000,
      );
      child.kill('SIGTERM');
      const { code, said } = await ended;
      assert.equal(code, 12, said);
    }
    writer.exec('ROLLBACK');
    writer.close();
    assert.equal(readdirSync(project.directory).filter(name => name.startsWith('bk')).length, 0);
  });

  it('that is ended in the middle of the copy leaves the target as it was', async () => {
    const project = await upgraded();
    project.execute(`CREATE TABLE filler (x TEXT); INSERT INTO filler
      WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 12000) SELECT hex(randomblob(150)) FROM s`);
    const path = project.path('target.db');
    const target = openSqlite(path, { mode: 'Create', busyTimeoutMs: 0 });
    target.execute('CREATE TABLE mine (x); INSERT INTO mine VALUES (7)');
    const source = openSqlite(project.path('dev.db'), { mode: 'ReadOnly', busyTimeoutMs: 0 });
    const interrupted = { name: 'EngineError', code: 'Interrupted' };
    await assert.rejects(source.copyTo(path, comingAt(2)), interrupted);
    assert.deepEqual(
      target.query('SELECT x FROM mine').map(row => row.x),
      [7],
    );
    await source.copyTo(path, comingAt(99));
    assert.equal(target.query('SELECT count(*) AS n FROM filler')[0]?.n, 12000);
    source.close();
    target.close();
  });

  it('a migration of a scratch database that is ended in its last statement is not committed', async () => {
    const project = new Project();
    const connect = () => openSqlite(project.path('dev.db'), { mode: 'Create', busyTimeoutMs: 0 });
    const up = { file: '001_t.up.sql', text: 'CREATE TABLE t (x TEXT);', checksum: '' };
    const stop = new AbortController();
    // The loop of events has its turn behind the one statement.
    const progress = () => void setImmediate(() => stop.abort());
    const work = { connect, by: 'me', signal: stop.signal, lockWaitMs: 0, log: () => {}, progress };
    await assert.rejects(
      applySqlite(work, [{ version: '001_t', number: 1n, up, down: undefined }], { from: null, losses: [] }),
      (error: unknown) => error instanceof EngineError && error.code === 'Interrupted',
    );
    assert.deepEqual(project.rows('SELECT name FROM sqlite_schema'), []);
  });

  it('that cannot be written is said of the file that cannot', async () => {
    const project = await upgraded();
    project.execute('INSERT INTO t SELECT hex(randomblob(30000)) FROM (VALUES (1), (2), (3))');
    const run = await project.limited(40, 'backup', 'bk');
    assert.equal(run.code, 10, run.said);
    assert.match(run.said, /bk\.partial-\w+\/archive\/database\.sqlite could not be read or written.*Look at its disk/);
    assert.equal(readdirSync(project.directory).filter(name => name.startsWith('bk')).length, 0);
  });

  it('is a directory: its manifest, or a directory that holds none, is told apart from it', async () => {
    const project = await upgraded();
    await project.migrate('backup', 'bk');
    const ofFile = await project.migrate('restore', 'bk/manifest.json', '-y');
    assert.equal(ofFile.code, 2, ofFile.said);
    assert.match(ofFile.said, /bk\/manifest\.json is a file\. Name the directory of the backup/);
    const other = await project.migrate('restore', 'migrations', '-y');
    assert.equal(other.code, 2, other.said);
    assert.match(other.said, /migrations is no backup: it has no manifest\.json/);
  });

  it('that may not be read says so', { skip: whyNobodyLess }, async () => {
    const project = await upgraded();
    await project.migrate('backup', 'bk');
    chmodSync(project.directory, 0o755);
    chmodSync(project.path('bk'), 0);
    for (const url of ['sqlite:///./dev.db', 'postgresql://nobody@localhost:1/nothing']) {
      const run = await project.unprivileged(['restore', 'bk', '-y'], { DATABASE_URL: url });
      assert.equal(run.code, 2, run.said);
      assert.match(run.said, /bk\/manifest\.json cannot be read: permission denied/);
    }
    chmodSync(project.path('bk'), 0o700);
  });
});
