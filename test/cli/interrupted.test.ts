import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { until } from '../engine/site.ts';
import { killWriterOf } from './killed-writer.ts';
import { Project } from './project.ts';

/** More than SQLite's cache holds, so that pages of the open transaction are in the file and the journal beside it. */
const SPILLED_BYTES = 8_000_000;

/** A project whose last migration is in the middle of a statement that would take minutes. */
async function inTheMiddle(
  before: Readonly<Record<string, string>> = { '001_a.up.sql': 'CREATE TABLE a (n INTEGER);' },
) {
  const project = new Project({
    ...before,
    '002_long.up.sql': `CREATE TABLE long (n INTEGER);
      INSERT INTO long WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 1000000000) SELECT n FROM s;`,
  });
  const { child, ended } = project.start(['upgrade']);
  const hasSpilled = () =>
    project.has('dev.db-journal') && (statSync(project.path('dev.db')).size ?? 0) > SPILLED_BYTES;
  await until('the long statement has filled the cache', async () => hasSpilled(), 120_000);
  return { project, child, ended };
}

describe('A command that ends early', { concurrency: 2 }, () => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const) {
    it(`on SQLite dies of ${signal} in mid-statement, and the next command reads what was there before`, async () => {
      const { project, child, ended } = await inTheMiddle();
      child.kill(signal);
      assert.equal((await ended).code, null, 'it died of the signal, without finishing the statement');
      const current = await project.migrate('current');
      assert.deepEqual([current.code, current.out], [0, '001_a (1 migration pending, up to 002_long)\n'], current.said);
      assert.equal((await project.migrate('backup', 'copy')).code, 0);
    });
  }

  it('leaves its journal beside the file that a link leads to, where the next command finds it', async () => {
    const project = new Project({ '001_a.up.sql': 'CREATE TABLE a (n INTEGER);' });
    mkdirSync(project.path('real'));
    symlinkSync('real/app.db', project.path('dev.db'));
    assert.equal((await project.migrate('upgrade')).code, 0);
    killWriterOf(project.path('dev.db'));
    assert.ok(project.has('real/app.db-journal'));
    const current = await project.migrate('current');
    assert.deepEqual([current.code, current.out], [0, '001_a (nothing pending)\n'], current.said);
    assert.deepEqual(project.rows('SELECT count(*) AS n FROM a'), [{ n: 0 }]);
  });

  it('in the first migration of a file that has no head yet is waited for, and leaves an empty database', async () => {
    const { project, child, ended } = await inTheMiddle({});
    const current = project.start(['current']);
    const hasSaid = () => current.saidSoFar().includes('waiting for a writer of');
    await until('the other waits', () => hasSaid() || current.child.exitCode !== null, 120_000);
    child.kill('SIGINT');
    assert.equal((await ended).code, null);
    const { code, out, said } = await current.ended;
    assert.deepEqual([code, out], [0, 'empty (1 migration pending, up to 002_long)\n'], said);
  });

  it('tells that its output could not be written', { skip: process.platform !== 'linux' }, async () => {
    const project = new Project();
    const main = join(import.meta.dirname, '../../src/cli/main.ts');
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [main, '--help'], {
      cwd: project.directory,
      stdio: ['ignore', full, 'pipe'],
    });
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
    });
    const [code] = (await once(child, 'close')) as [number];
    assert.deepEqual([code, said], [2, 'error: The output cannot be written: the disk is full.\n']);
  });

  it('finishes what it has begun when nobody reads what it says', async () => {
    const project = new Project({
      '001_a.up.sql': 'CREATE TABLE a (n INTEGER);',
      '002_b.up.sql': 'CREATE TABLE b (n INTEGER);',
      '003_c.up.sql': 'CREATE TABLE c (n INTEGER);',
    });
    const main = join(import.meta.dirname, '../../src/cli/main.ts');
    const script = `"$0" "$1" upgrade 2>&1 | true; exit "\${PIPESTATUS[0]}"`;
    execFileSync('bash', ['-c', script, process.execPath, main], {
      cwd: project.directory,
      env: { ...process.env, DATABASE_URL: 'sqlite:///./dev.db' },
    });
    assert.equal((await project.migrate('current')).out, '003_c (nothing pending)\n');
  });

  it('whose reader has gone is no failure', async () => {
    const main = join(import.meta.dirname, '../../src/cli/main.ts');
    const script = `"$0" "$1" completion zsh | head -n 1; exit "\${PIPESTATUS[0]}"`;
    assert.equal(
      execFileSync('bash', ['-c', script, process.execPath, main], { encoding: 'utf8' }),
      '#compdef migrate kubectl-migrate\n',
    );
  });
});
