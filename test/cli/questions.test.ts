// A command that asks at a terminal, and is told no.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { runProgram } from '../../src/cli/program.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { Project } from './project.ts';

/** What is typed, where what the command says goes to the terminal, too, or to a pipe; `End` is Ctrl-D then. */
type Answer = string | { readonly throughPipe: string | 'End' };

/**
 * The command line in this process, with a terminal at which `answer` is typed as soon as it asks; `meanwhile` hears each chunk that
 * it says.
 */
async function asked(
  project: Project,
  answer: Answer,
  argv: readonly string[],
  meanwhile: (chunk: string) => void = () => {},
): Promise<{ readonly code: number; readonly out: string; readonly said: string }> {
  const make = (isTTY = true) => Object.assign(new PassThrough(), { isTTY });
  const [out, err, input] = [make(), make(typeof answer === 'string'), make()];
  const typed = typeof answer === 'string' ? answer : answer.throughPipe;
  const written = { out: '', said: '' };
  out.on('data', (chunk: Buffer) => {
    written.out += chunk;
  });
  err.on('data', (chunk: Buffer) => {
    written.said += chunk;
    meanwhile(String(chunk));
    if (!chunk.includes('[y/N]')) return;
    if (typed === 'End') input.end();
    else input.write(typed);
  });
  const environment = { DATABASE_URL: 'sqlite:///./dev.db', NO_COLOR: '1' };
  const code = await runProgram(argv, {
    environment,
    directory: project.directory,
    terminal: new Terminal(out as never, err as never, input as never, environment),
    signal: new AbortController().signal,
    letSignalsEnd: () => {},
  });
  return { code, ...written };
}

describe('A question of a command', () => {
  // One that stays open would never end the test.
  const timeout = 120_000;
  it('that is answered with no, Ctrl-C or Ctrl-D has found nothing: somebody stopped it, and nothing was done', {
    timeout,
  }, async () => {
    const project = new Project({
      '001_a.up.sql': 'CREATE TABLE a (n INTEGER); INSERT INTO a VALUES (1);',
      '001_a.down.sql': 'DROP TABLE a;',
    });
    assert.equal((await project.migrate('upgrade')).code, 0);
    assert.equal((await project.migrate('backup', 'copy')).code, 0);
    project.execute('INSERT INTO a VALUES (2)');
    for (const answer of ['n\n', '\u0003', '\u0004', { throughPipe: 'n\n' }, { throughPipe: 'End' }]) {
      for (const command of [
        ['downgrade', 'empty'],
        ['restore', 'copy'],
      ]) {
        const { code, said } = await asked(project, answer, command);
        assert.equal(code, 12, said);
        assert.match(said, /Nothing was done\.\n$/, JSON.stringify(answer));
      }
    }
    assert.deepEqual(project.rows('SELECT count(*) AS n FROM a'), [{ n: 2 }]);
    assert.equal((await asked(project, 'y\n', ['downgrade', 'empty'])).code, 0);
  });

  it('that comes up in the middle of a run, because somebody else has written, is asked then, and what was done before it is told', async () => {
    const place = async () => {
      const files = ['a', 'b', 'c'].flatMap((table, at) => [
        [`00${at + 1}_${table}.up.sql`, `CREATE TABLE ${table} (n INTEGER);`],
        [`00${at + 1}_${table}.down.sql`, `DROP TABLE ${table};`],
      ]);
      const project = new Project(Object.fromEntries(files));
      assert.equal((await project.migrate('upgrade')).code, 0);
      const write = (chunk: string) => {
        if (/^ {2}003_c /m.test(chunk)) project.execute('INSERT INTO b VALUES (1)');
      };
      return { project, write };
    };
    const yes = await place();
    const run = await asked(yes.project, 'y\n', ['downgrade', 'empty', '-o', 'json'], yes.write);
    assert.equal(run.code, 0, run.said);
    assert.match(
      run.said,
      /planning again\.\nDowngrade from 002_b to empty: 2 migrations\nloses: table b with 1 row \(002_b\)\n/,
    );
    const { from, versions } = JSON.parse(run.out);
    assert.deepEqual({ from, versions }, { from: '003_c', versions: ['003_c', '002_b', '001_a'] });
    const no = await place();
    const refused = await asked(no.project, 'n\n', ['downgrade', 'empty'], no.write);
    assert.equal(refused.code, 12, refused.said);
    assert.match(refused.said, /Nothing more was done; 003_c was\.\n$/);
  });
});
