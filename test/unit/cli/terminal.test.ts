import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { UsageError } from '../../../src/cli/failure.ts';
import { duration, Terminal, tableLines } from '../../../src/cli/terminal.ts';

function terminal(kind: 'Terminal' | 'Pipe', environment: NodeJS.ProcessEnv = {}) {
  const make = () => Object.assign(new PassThrough(), { isTTY: kind === 'Terminal' });
  const [out, err, input] = [make(), make(), make()];
  return { out, err, input, it: new Terminal(out as never, err as never, input as never, environment) };
}

const never = new AbortController().signal;

describe('A terminal', () => {
  it('takes y and yes for a yes, and everything else for a no', async () => {
    for (const [typed, expected] of [
      ['y', 'Yes'],
      ['YES', 'Yes'],
      ['', 'No'],
      ['n', 'No'],
      ['yesterday', 'No'],
    ] as const) {
      const { it, input } = terminal('Terminal');
      const answer = it.confirm('Lose it?', never);
      input.write(`${typed}\n`);
      assert.equal(await answer, expected, JSON.stringify(typed));
    }
  });

  it('takes Ctrl-C and Ctrl-D for a no', async () => {
    for (const typed of ['\u0003', '\u0004']) {
      const { it, input } = terminal('Terminal');
      const answer = it.confirm('Lose it?', never);
      input.write(typed);
      assert.equal(await answer, 'No', JSON.stringify(typed));
    }
  });

  it('asks nobody where there is none to answer', async () => {
    await assert.rejects(terminal('Pipe').it.confirm('Lose it?', never), (error: unknown) => {
      return error instanceof UsageError && error.message.includes('--yes');
    });
  });

  it('is coloured alone where it is one, and not with NO_COLOR', () => {
    assert.notEqual(terminal('Terminal').it.styled('bad', 'x'), 'x');
    assert.equal(terminal('Terminal', { NO_COLOR: '1' }).it.styled('bad', 'x'), 'x');
    assert.equal(terminal('Pipe').it.styled('bad', 'x'), 'x');
  });

  it('prints tables in columns and times for people', () => {
    assert.deepEqual(tableLines(['A', 'LONG'], [['aaa', 'b']]), ['A    LONG', 'aaa  b']);
    assert.deepEqual([3, 1_250, 125_000].map(duration), ['3 ms', '1.3 s', '2 min 5 s']);
  });
});
