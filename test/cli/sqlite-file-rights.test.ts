// Who may read and write the files that a backup and a restore of a SQLite file leave: never more people than before.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Project, SOMEBODY } from './project.ts';
import { whyNobodyElse } from './somebody.ts';

const FILES = { '001_t.up.sql': 'CREATE TABLE t (x TEXT);', '002_u.up.sql': 'CREATE TABLE u (x TEXT);' };
const GARBAGE = 'neither a head nor a page of SQLite';
const LINKLESS = { NODE_OPTIONS: `--import=${join(import.meta.dirname, 'linkless.ts')}` };

// Commands inherit it: what is made without a thought is for all to read.
process.umask(0o022);

/** At its first version, with a row and a backup `b1`, the file having this mode. */
async function backedUp(mode: number): Promise<Project> {
  const project = new Project(FILES);
  chmodSync(project.directory, 0o777);
  assert.equal((await project.migrate('upgrade', '001_t')).code, 0);
  project.execute("INSERT INTO t VALUES ('secret')");
  chmodSync(project.path('dev.db'), mode);
  assert.equal((await project.migrate('backup', 'b1')).code, 0);
  return project;
}

/** Mode, owner and group, as `0600 0 0`. */
function rightsOf(project: Project, name: string): string {
  const { mode, uid, gid } = statSync(project.path(name));
  return `${(mode & 0o7777).toString(8).padStart(4, '0')} ${uid} ${gid}`;
}

const filesOf = (project: Project) => readdirSync(project.directory).filter(name => name.startsWith('dev.db'));
const keptOf = (project: Project) => filesOf(project).find(name => name.startsWith('dev.db.replaced-')) ?? 'none';

describe('The files of a restore', { concurrency: 3 }, () => {
  it('have the mode of the file that was there, and so has the one that is made anew; the backup is private', async () => {
    const project = await backedUp(0o600);
    const rights = rightsOf(project, 'dev.db');
    assert.match(rights, /^0600/);
    assert.equal(rightsOf(project, 'b1/archive/database.sqlite'), rights);
    for (const environment of [{}, LINKLESS]) {
      const over = await project.start(['restore', 'b1', '-y'], environment).ended;
      assert.equal(over.code, 0, over.said);
      assert.deepEqual([rightsOf(project, keptOf(project)), rightsOf(project, 'dev.db')], [rights, rights]);
      for (const name of filesOf(project)) project.remove(name);
      const anew = await project.start(['restore', 'b1', '-y'], environment).ended;
      assert.equal(anew.code, 0, anew.said);
      assert.equal(rightsOf(project, 'dev.db'), rights);
    }
    project.write('dev.db', GARBAGE);
    assert.equal((await project.migrate('restore', 'b1', '-y')).code, 0);
    assert.deepEqual([rightsOf(project, keptOf(project)), rightsOf(project, 'dev.db')], [rights, rights]);
  });

  it('made anew of a backup that does not say the mode, or of one that all may write, go by the umask; what is no mode is private', async () => {
    const project = await backedUp(0o666);
    const restored = async () => {
      project.remove('dev.db');
      assert.equal((await project.migrate('restore', 'b1', '-y')).code, 0);
      return rightsOf(project, 'dev.db').slice(0, 4);
    };
    assert.equal(await restored(), '0644');
    const { database, ...manifest } = JSON.parse(project.read('b1/manifest.json'));
    assert.equal(database.fileMode, '0666');
    project.write('b1/manifest.json', JSON.stringify({ ...manifest, database: { ledgerVersion: '001_t' } }));
    assert.equal(await restored(), '0644');
    const garbled = { ledgerVersion: '001_t', fileMode: 384 };
    project.write('b1/manifest.json', JSON.stringify({ ...manifest, database: garbled }));
    assert.equal(await restored(), '0600');
  });

  it('by root keep the owner, who can go on writing', { skip: whyNobodyElse }, async () => {
    const project = await backedUp(0o640);
    const own = () => chownSync(project.path('dev.db'), SOMEBODY, SOMEBODY);
    own();
    const rights = `0640 ${SOMEBODY} ${SOMEBODY}`;
    for (const environment of [{}, LINKLESS]) {
      for (const content of ['readable', 'unreadable']) {
        if (content === 'unreadable') project.write('dev.db', GARBAGE);
        const run = await project.start(['restore', 'b1', '-y'], environment).ended;
        assert.equal(run.code, 0, run.said);
        assert.doesNotMatch(run.said, /has not the owner/);
        assert.deepEqual([rightsOf(project, keptOf(project)), rightsOf(project, 'dev.db')], [rights, rights], content);
        project.remove(keptOf(project));
      }
    }
    const up = await project.as(SOMEBODY, ['upgrade']);
    assert.equal(up.code, 0, up.said);
  });

  it('by who cannot give the owner and the group back give that group no more than all others had, and say it', {
    skip: whyNobodyElse,
  }, async () => {
    const project = await backedUp(0o664);
    assert.equal((await project.as(SOMEBODY, ['backup', 'b2'])).code, 0);
    project.write('dev.db', GARBAGE);
    const run = await project.as(SOMEBODY, ['restore', 'b2', '-y']);
    assert.equal(run.code, 0, run.said);
    assert.match(
      run.said,
      /note: \S+dev\.db has not the owner and the group .*user 54321 may not.* chown 0:0, then chmod 0664\./,
    );
    assert.equal(rightsOf(project, 'dev.db'), `0644 ${SOMEBODY} ${SOMEBODY}`);
    assert.equal(project.read(keptOf(project)), GARBAGE);
  });
});
