// What is said of a lock that is not to be had: a look at who holds it may come too late for a short try.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { QueryError } from '../../../src/engine/connection.ts';
import { StatementFailure } from '../../../src/engine/execute.ts';
import { withLockRetries } from '../../../src/engine/transactions.ts';
import type { PendingFile, Work } from '../../../src/engine/work.ts';

const WORK = { execution: { lockRetrySeconds: 0.6 }, log: () => {}, signal: undefined } as unknown as Work;
const FILE = { parsed: { file: '002_names.up.sql' } } as unknown as PendingFile;

/** Tries that fail at a lock; each has seen these blockers, the last ones again and again. */
async function saidOf(...tries: readonly (readonly string[])[]): Promise<readonly string[]> {
  let done = 0;
  const attempt = async () => {
    const blockers = tries[Math.min(done, tries.length - 1)] ?? [];
    done += 1;
    const error = new QueryError({ message: 'canceling statement due to lock timeout', sqlstate: '55P03' });
    throw new StatementFailure(FILE, {} as never, error, { blockers, hasCancelled: false });
  };
  const failed = await withLockRetries(WORK, attempt).catch((error: unknown) => error);
  assert.ok(failed instanceof StatementFailure && done > 1, `${done} tries`);
  return failed.blockers;
}

describe('A lock that is not to be had', () => {
  it('is held by whom an earlier try has seen, where the last one was over before a look', async () => {
    assert.deepEqual(await saidOf(['pid 7'], []), ['pid 7']);
  });

  it('is held by whom the last try has seen', async () => {
    assert.deepEqual(await saidOf(['pid 7'], ['pid 8']), ['pid 8']);
  });
});
