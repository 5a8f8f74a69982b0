import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Progress } from '../../../src/cli/postgres/progress.ts';

describe('Progress on PostgreSQL', () => {
  it('is one line a migration, as on SQLite, and what is running once that takes long', t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const said: string[] = [];
    const progress = new Progress(line => said.push(line));
    progress.note('applying 001_a (1 statement)');
    progress.note('committing transaction 741');
    progress.note('applied 001_a in 0 s');
    progress.note('reverting 002_b (2 statements)');
    t.mock.timers.tick(2_000);
    progress.note('002_b.down.sql waits for a lock held by pid 7; trying again');
    progress.note('reverted 002_b in 2.1 s');
    assert.deepEqual(
      said.map(line => line.replace(/\d+ ms$/, 'N ms')),
      [
        '  001_a  N ms',
        '  reverting 002_b …',
        '  002_b.down.sql waits for a lock held by pid 7; trying again',
        '  002_b  N ms',
      ],
    );
  });
});
