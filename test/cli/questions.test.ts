// A command that asks at a terminal, and is told no.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { runProgram } from '../../src/cli/program.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { Project } from './project.ts';

/** The command line in this process, with a terminal at which `answer` is typed as soon as it asks. */
async function asked(project: Project, answer: string, argv: readonly string[]): Promise<number> {
  const make = () => Object.assign(new PassThrough(), { isTTY: true });
  const [out, err, input] = [make(), make(), make()];
  err.on('data', (chunk: Buffer) => {
    if (chunk.includes('[y/N]')) input.write(answer);
  });
  const environment = { DATABASE_URL: 'sqlite:///./dev.db' };
  return runProgram(argv, {
    environment,
    directory: project.directory,
    terminal: new Terminal(out as never, err as never, input as never, environment),
    signal: new AbortController().signal,
    letSignalsEnd: () => {},
  });
}

describe('A question of a command', () => {
  it('that is answered with no or Ctrl-C has found nothing: somebody stopped it, and nothing was done', async () => {
    const project = new Project({
      '001_a.up.sql': 'CREATE TABLE a (n INTEGER); INSERT INTO a VALUES (1);',
      '001_a.down.sql': 'DROP TABLE a;',
    });
    assert.equal((await project.migrate('upgrade')).code, 0);
    assert.equal((await project.migrate('backup', 'copy')).code, 0);
    project.execute('INSERT INTO a VALUES (2)');
    for (const answer of ['n\n', '\u0003']) {
      assert.equal(await asked(project, answer, ['downgrade', 'empty']), 12);
      assert.equal(await asked(project, answer, ['restore', 'copy']), 12);
    }
    assert.deepEqual(project.rows('SELECT count(*) AS n FROM a'), [{ n: 2 }]);
    assert.equal(await asked(project, 'y\n', ['downgrade', 'empty']), 0);
  });
});
