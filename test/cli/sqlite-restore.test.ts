// Restores of a SQLite file: what was there is never lost, whatever fails, whoever else restores, and wherever it is killed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { until } from '../engine/site.ts';
import { Project, type Run } from './project.ts';

const FILES = { '001_t.up.sql': 'CREATE TABLE t (x TEXT);' };
const GARBAGE = 'neither a head nor a page of SQLite';
/** More than one step of a copy: 500 pages of 4 KiB. */
const FILLER = `CREATE TABLE filler (x TEXT); INSERT INTO filler
  WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 12000) SELECT hex(randomblob(150)) FROM s`;

/** At its first version, with one row, and backups in these directories. */
async function backedUp(row: string, ...directories: readonly string[]): Promise<Project> {
  const project = new Project(FILES);
  assert.equal((await project.migrate('upgrade')).code, 0);
  project.execute(`INSERT INTO t VALUES ('${row}')`);
  for (const directory of directories) assert.equal((await project.migrate('backup', directory)).code, 0);
  return project;
}

function valuesIn(path: string): readonly unknown[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return database
      .prepare('SELECT x FROM t ORDER BY x')
      .all()
      .map(row => row.x);
  } finally {
    database.close();
  }
}

const besideOf = (project: Project) => readdirSync(project.directory).filter(name => name.startsWith('dev.db.'));
const keptOf = (project: Project) => besideOf(project).filter(name => name.startsWith('dev.db.replaced-'));
const set = (project: Project, row: string) => project.execute(`UPDATE t SET x = '${row}'`);

/** Of a file that nobody else may read there is no copy that others may. */
function assertPrivate(project: Project): void {
  for (const name of besideOf(project).concat('dev.db')) {
    // A log is not ours: the test made it.
    if (!name.endsWith('-wal')) assert.equal(statSync(project.path(name)).mode & 0o077, 0, name);
  }
}

/** A backup whose manifest says something else. */
function falsify(project: Project, from: string, to: string, change: (text: string) => string): void {
  cpSync(project.path(from), project.path(to), { recursive: true });
  const changed = change(project.read(`${to}/manifest.json`));
  assert.notEqual(changed, project.read(`${to}/manifest.json`));
  project.write(`${to}/manifest.json`, changed);
}

describe('A restore of a SQLite file', { concurrency: 3 }, () => {
  it('keeps all that was there, also of the second restore in a second', async () => {
    const project = await backedUp('first', 'b1');
    for (const row of ['second', 'third', 'fourth']) {
      set(project, row);
      assert.equal((await project.migrate('restore', 'b1', '-y')).code, 0);
    }
    const kept = keptOf(project).map(name => valuesIn(project.path(name)));
    assert.deepEqual(kept.flat().sort(), ['fourth', 'second', 'third']);
  });

  it('of two at once, refuses the one that comes later, or keeps what both have replaced', async () => {
    const project = await backedUp('backed up', 'b1');
    project.execute(FILLER);
    set(project, 'precious');
    const runs = await Promise.all([project.migrate('restore', 'b1', '-y'), project.migrate('restore', 'b1', '-y')]);
    const codes = runs.map(run => run.code).sort();
    assert.ok(codes[0] === 0 && [0, 12].includes(codes[1] ?? -1), JSON.stringify(runs));
    const kept = keptOf(project).map(name => valuesIn(project.path(name))[0]);
    assert.equal(kept.filter(row => row === 'precious').length, 1);
    assert.equal(kept.length, codes.filter(code => code === 0).length);
    for (const { code, said } of runs) if (code === 12) assert.match(said, /another restore of .*dev\.db/);
  });

  it('that finds other rows than the manifest has leaves the file as it was, one that cannot be read too', async () => {
    const project = await backedUp('kept', 'b1');
    falsify(project, 'b1', 'b2', text => text.replace('"rows": 1', '"rows": 2'));
    const healthy = await project.migrate('restore', 'b2', '-y');
    assert.equal(healthy.code, 20, healthy.said);
    assert.match(healthy.said, /of t 1 rows came back, the manifest has 2.*as it was before/);
    assert.deepEqual(besideOf(project), []);
    project.write('dev.db', GARBAGE);
    project.write('dev.db-wal', GARBAGE);
    const unreadable = await project.migrate('restore', 'b2', '-y');
    assert.equal(unreadable.code, 20, unreadable.said);
    assert.deepEqual([project.read('dev.db') === GARBAGE, project.read('dev.db-wal') === GARBAGE], [true, true]);
    assert.deepEqual(besideOf(project), []);
  });

  it('puts one that cannot be read aside with what belongs to its name, never over what has that name', async () => {
    const project = await backedUp('kept', 'b1');
    for (const ending of ['1', '2']) {
      project.write('dev.db', `${GARBAGE}${ending}`);
      project.write('dev.db-wal', `wal ${ending}`);
      assert.equal((await project.migrate('restore', 'b1', '-y')).code, 0);
      assert.deepEqual(valuesIn(project.path('dev.db')), ['kept']);
      assert.equal(project.has('dev.db-wal'), false);
    }
    const texts = keptOf(project).map(project.read.bind(project));
    assert.deepEqual(texts.sort(), ['wal 1', 'wal 2', `${GARBAGE}1`, `${GARBAGE}2`].sort());
  });

  it('where there was none says so, and names no file', async () => {
    const project = await backedUp('kept', 'b1');
    rmSync(project.path('dev.db'));
    const run = await project.migrate('restore', 'b1', '-y');
    assert.equal(run.code, 0, run.said);
    assert.match(run.out, /no database before/);
    rmSync(project.path('dev.db'));
    const { replaced, remedy } = await project.data('restore', 'b1', '-y');
    assert.deepEqual([replaced, remedy], [null, null]);
    assert.deepEqual(besideOf(project), []);
    assert.deepEqual(valuesIn(project.path('dev.db')), ['kept']);
  });

  it('names what is kept where only a log was left, and gives it to no other file that is kept', async () => {
    const project = await backedUp('kept', 'b1');
    const restored = async () => {
      rmSync(project.path('dev.db'));
      project.write('dev.db-wal', 'a wal');
      project.write('dev.db-shm', 'its index');
      return project.data('restore', 'b1', '-y') as Promise<{ replaced: string }>;
    };
    // Names that an earlier restore may have given in the same second.
    for (let second = 0; second < 600; second += 1) {
      const time = new Date(Date.now() + second * 1000).toISOString().replaceAll(/[-:]|\.\d+/g, '');
      project.write(`dev.db.replaced-${time}`, 'kept before');
    }
    const { replaced } = await restored();
    assert.match(replaced, /dev\.db\.replaced-\w+-2-wal$/);
    assert.equal(readFileSync(replaced, 'utf8'), 'a wal');
    assert.deepEqual(valuesIn(project.path('dev.db')), ['kept']);
  });

  it('that fails while it puts aside takes back what it has put aside', async () => {
    const project = await backedUp('kept', 'b1');
    // With `.replaced-<date>-wal` it can be a name, with `-journal` at its end not: NAME_MAX is 255.
    const name = `${'x'.repeat(220)}.db`;
    project.write(`${name}-wal`, 'a wal');
    project.write(`${name}-journal`, 'a journal');
    const run = await project.start(['restore', 'b1', '-y'], { DATABASE_URL: `sqlite:///./${name}` }).ended;
    assert.equal(run.code, 2, run.said);
    assert.match(run.said, /x\.db-journal has too long a name, or would get one/);
    const beside = readdirSync(project.directory).filter(one => one.startsWith('xxx'));
    assert.deepEqual(beside.sort(), [`${name}-journal`, `${name}-wal`]);
  });

  it('never over the backup itself, whatever links lead there', async () => {
    const project = await backedUp('kept', 'b1');
    symlinkSync('b1/archive', project.path('elsewhere'));
    symlinkSync('b1', project.path('b2'));
    for (const [file, directory] of [
      ['b1/archive/database.sqlite', 'b1'],
      ['elsewhere/database.sqlite', 'b2'],
      ['elsewhere/new.db', 'b1'],
    ] as const) {
      const before = readFileSync(project.path('b1/archive/database.sqlite'));
      const run = await project.start(['restore', directory, '-y'], { DATABASE_URL: `sqlite:///./${file}` }).ended;
      assert.equal(run.code, 2, run.said);
      assert.match(run.said, /is in the backup .* itself, which the restore would overwrite. Correct DATABASE_URL/);
      assert.deepEqual(readFileSync(project.path('b1/archive/database.sqlite')), before);
      assert.deepEqual(readdirSync(project.path('b1/archive')), ['database.sqlite']);
    }
    const beside = await project.start(['restore', 'b1', '-y'], { DATABASE_URL: 'sqlite:///./b1..db' }).ended;
    assert.equal(beside.code, 0, beside.said);
  });

  it('says that a file in WAL mode keeps the size of its pages, and what to do', async () => {
    const project = await backedUp('kept', 'b1');
    rmSync(project.path('dev.db'));
    project.execute(
      "PRAGMA page_size = 1024; PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES ('live')",
    );
    const refused = await project.migrate('restore', 'b1', '-y');
    assert.equal(refused.code, 2, refused.said);
    assert.match(
      refused.said,
      /WAL mode with pages of 1024 bytes, the backup has pages of 4096, .*PRAGMA journal_mode = DELETE/,
    );
    assert.deepEqual(valuesIn(project.path('dev.db')), ['live']);
    assert.deepEqual(keptOf(project), []);
    project.execute('PRAGMA journal_mode = DELETE');
    const restored = await project.migrate('restore', 'b1', '-y');
    assert.equal(restored.code, 0, restored.said);
    assert.deepEqual(valuesIn(project.path('dev.db')), ['kept']);
  });

  it('says of a backup that was damaged before its checksum was taken that it is that which is damaged', async () => {
    const project = await backedUp('kept', 'b1');
    const archive = project.path('b1/archive/database.sqlite');
    const sound = readFileSync(archive);
    const database = new DatabaseSync(archive);
    const root = Number(database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 't'").get()?.rootpage);
    database.close();
    for (const at of [(root - 1) * 4096, 100]) {
      const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
      const damaged = Buffer.from(sound).fill(0x5a, at, at + 200);
      writeFileSync(archive, damaged);
      falsify(project, 'b1', 'b2', text => text.replace(digest(sound), digest(damaged)));
      const run = await project.migrate('restore', 'b2', '-y');
      assert.equal(run.code, 2, run.said);
      assert.match(
        run.said,
        /The backup is damaged, says SQLite of \S+b2\/archive\/database\.sqlite: .*Nothing was changed/s,
      );
      assert.doesNotMatch(run.said, /A backup of it/);
      assert.deepEqual([valuesIn(project.path('dev.db')), besideOf(project)], [['kept'], []]);
    }
  });

  it('goes on over a file whose ledger or pages are damaged, says what of the audit it could not read, and keeps all', async () => {
    const project = await backedUp('kept', 'b1');
    const restored = async (reason: RegExp) => {
      const damaged = readFileSync(project.path('dev.db'));
      const run = await project.migrate('restore', 'b1', '-y');
      assert.equal(run.code, 0, run.said);
      assert.match(run.said, new RegExp(`audit of what was replaced cannot be read \\(${reason.source}.*replaced-`));
      assert.deepEqual(valuesIn(project.path('dev.db')), ['kept']);
      const [row] = project.rows("SELECT detail FROM migrate_audit WHERE event = 'restored'");
      assert.match(JSON.parse(String(row?.detail)).unread, reason);
      const [kept] = keptOf(project);
      // Behind the head, in which SQLite counts changes.
      assert.ok(
        readFileSync(project.path(kept ?? ''))
          .subarray(100)
          .equals(damaged.subarray(100)),
      );
      rmSync(project.path(kept ?? ''));
      assert.equal((await project.migrate('history', '--verify')).code, 0);
    };
    project.execute('DROP TABLE migrate_state');
    await restored(/of its tables only migrate_ledger and migrate_audit is there/);
    const [page] = project.rows(
      "SELECT rootpage, page_size AS size FROM sqlite_schema, pragma_page_size WHERE name = 'migrate_audit'",
    );
    const file = openSync(project.path('dev.db'), 'r+');
    writeSync(
      file,
      Buffer.alloc(Number(page?.size), 0xff),
      0,
      Number(page?.size),
      (Number(page?.rootpage) - 1) * Number(page?.size),
    );
    closeSync(file);
    await restored(/SQLite says: database disk image is malformed/);
    project.write('dev.db', GARBAGE);
    await restored(/SQLite cannot read the file/);
  });

  it('looks first at what the URL names, and puts nothing aside that is no file', async () => {
    const project = await backedUp('kept', 'b1');
    mkdirSync(project.path('folder'));
    execFileSync('bash', ['-c', 'mkfifo "$0"', project.path('pipe')]);
    symlinkSync('round', project.path('round'));
    symlinkSync('nodir/dev.db', project.path('astray'));
    for (const [name, message] of [
      ['folder', /folder is a directory/],
      ['pipe', /pipe is a pipe, a socket or a device/],
      ['round', /round is a link that leads to itself/],
      ['nodir/dev.db', /nodir\/dev\.db cannot be made: its directory is not there/],
      ['astray', /nodir\/dev\.db cannot be made: its directory is not there/],
    ] as const) {
      const run = await project.start(['restore', 'b1', '-y'], { DATABASE_URL: `sqlite:///./${name}` }).ended;
      assert.equal(run.code, 2, run.said);
      assert.match(run.said, message);
    }
    assert.deepEqual(besideOf(project), []);
  });

  it('over a link makes what that leads to, and leaves the link', async () => {
    const project = await backedUp('kept', 'b1');
    rmSync(project.path('dev.db'));
    mkdirSync(project.path('data'));
    symlinkSync('data/one.db', project.path('dev.db'));
    for (const replaced of ['nothing was replaced', 'one\\.db\\.replaced-']) {
      const run = await project.migrate('restore', 'b1', '-y');
      assert.equal(run.code, 0, run.said);
      assert.match(run.out, new RegExp(replaced));
      assert.equal(readlinkSync(project.path('dev.db')), 'data/one.db');
      assert.deepEqual(valuesIn(project.path('data/one.db')), ['kept']);
    }
  });

  it('says that a reader holds it up, where that is one', async () => {
    const project = await backedUp('old', 'b1');
    const reader = new DatabaseSync(project.path('dev.db'));
    reader.exec('BEGIN; SELECT * FROM t');
    const { child, ended, saidSoFar } = project.start(['restore', 'b1', '-y']);
    await until('it waits', () => saidSoFar().includes('waiting for') || child.exitCode !== null, 120_000);
    child.kill('SIGINT');
    const run = await ended;
    reader.close();
    assert.match(run.said, /waiting for a reader or writer of/);
    assert.deepEqual(besideOf(project), []);
  });

  it('takes over no directory of its name that somebody else made, nor one that a link leads to', async () => {
    const project = await backedUp('kept', 'b1');
    const beside = project.path('dev.db.restoring');
    const refused = async (what: string) => {
      const run = await project.migrate('restore', 'b1', '-y');
      assert.equal(run.code, 2, `${what}: ${run.said}`);
      assert.match(run.said, /dev\.db\.restoring is in the way/, what);
    };
    project.write('dev.db.restoring/precious', 'mine');
    await refused('a directory');
    project.write('dev.db.restoring/lock', 'of something else');
    await refused('a directory with a lock of its own');
    renameSync(beside, project.path('elsewhere'));
    symlinkSync('elsewhere', beside);
    await refused('a link');
    rmSync(beside);
    project.write('dev.db.restoring', 'a file');
    await refused('a file');
    assert.deepEqual(readdirSync(project.path('elsewhere')).sort(), ['lock', 'precious']);
    rmSync(beside);
    mkdirSync(beside);
    assert.equal((await project.migrate('restore', 'b1', '-y')).code, 0, 'an empty one is free');
    assert.equal(project.has('dev.db.restoring'), false);
  });

  it('of a format that is not known is refused by its number', async () => {
    const project = await backedUp('kept', 'b1');
    set(project, 'newer');
    falsify(project, 'b1', 'b9', text => text.replace('"format": 1', '"format": 9'));
    for (const url of ['sqlite:///./dev.db', 'postgresql://nobody@localhost:1/nothing']) {
      const run = await project.start(['restore', 'b9', '-y'], { DATABASE_URL: url }).ended;
      assert.equal(run.code, 2, run.said);
      assert.match(run.said, /b9 has format 9; this program knows 1/);
    }
    assert.deepEqual(valuesIn(project.path('dev.db')), ['newer']);
  });

  it('is ended by a signal before it has changed anything', async () => {
    const project = await backedUp('old', 'b1');
    set(project, 'newer');
    const writer = new DatabaseSync(project.path('dev.db'));
    writer.exec('BEGIN EXCLUSIVE');
    const { child, ended, saidSoFar } = project.start(['restore', 'b1', '-y']);
    await until('it waits', () => saidSoFar().includes('waiting for a writer of') || child.exitCode !== null, 120_000);
    child.kill('SIGINT');
    const run = await ended;
    writer.exec('ROLLBACK');
    writer.close();
    assert.equal(run.code, 12, run.said);
    assert.match(run.said, /Interrupted/);
    assert.deepEqual(valuesIn(project.path('dev.db')), ['newer']);
    assert.deepEqual(besideOf(project), []);
  });

  it('killed before any of its effects leaves the old or the new, and the old somewhere; the next one goes through', async () => {
    const project = await backedUp('backed up');
    project.execute(FILLER);
    await project.migrate('backup', 'b1');
    chmodSync(project.path('dev.db'), 0o600);
    const places = () => keptOf(project).map(name => valuesIn(project.path(name))[0]);
    const effects = await killedAtEach(project, {
      before: () => set(project, 'newer'),
      after: () => {
        const now = project.rows('SELECT x FROM t')[0]?.x;
        assertPrivate(project);
        assert.ok(now === 'newer' || (now === 'backed up' && places().includes('newer')), `${now}, ${places()}`);
      },
    });
    assert.ok(effects >= 8, `${effects} effects`);
    assert.deepEqual(valuesIn(project.path('dev.db')), ['backed up']);
    assert.equal(project.has('dev.db.restoring'), false);
  });

  it('killed over a file that cannot be read leaves that, or the new one and that aside', async () => {
    const project = await backedUp('backed up', 'b1');
    chmodSync(project.path('dev.db'), 0o600);
    const garbage = () => keptOf(project).some(name => readFileSync(project.path(name), 'utf8') === GARBAGE);
    const effects = await killedAtEach(project, {
      before: () => {
        project.write('dev.db', GARBAGE);
        project.write('dev.db-wal', 'a wal');
      },
      after: () => {
        assertPrivate(project);
        const isNew = project.has('dev.db') && project.read('dev.db') !== GARBAGE;
        if (isNew) assert.deepEqual(valuesIn(project.path('dev.db')), ['backed up']);
        assert.ok(project.has('dev.db') && (!isNew || garbage()));
      },
    });
    assert.ok(effects >= 6, `${effects} effects`);
    assert.deepEqual(valuesIn(project.path('dev.db')), ['backed up']);
  });
});

/** Kills `restore b1` before its first effect, its second, and so on; answers how many there were. */
async function killedAtEach(
  project: Project,
  { before, after }: { readonly before: () => void; readonly after: () => void },
): Promise<number> {
  const preload = join(import.meta.dirname, 'killed-at.ts');
  for (let number = 1; ; number += 1) {
    before();
    const run: Run = await project.start(['restore', 'b1', '-y'], {
      NODE_OPTIONS: `--import=${preload}`,
      KILLED_AT: String(number),
    }).ended;
    assert.ok(run.code === null || run.code === 0, `killed at ${number}: ${run.said}`);
    after();
    if (run.code === 0) return number - 1;
  }
}
