// Gives a place in the catalogue to failures that the code at hand did not expect: a lost connection, a right that is
// missing for one of our own statements, a server in trouble. What is left is a mistake of ours. Called by the runner.
import { ConnectionLost, QueryError } from './connection.ts';
import { EngineError, failure } from './errors.ts';
import { seconds } from './pace.ts';
import { OWN_LOCK_TIMEOUT_MS } from './server.ts';

/** The catalogue's error for anything thrown; undefined when it is a mistake of ours. */
export function catalogued(error: unknown, signal: AbortSignal | undefined): EngineError | undefined {
  if (error instanceof EngineError) return error;
  if (error instanceof ConnectionLost) {
    if (signal?.aborted) return failure('Interrupted', { during: 'while it talked to the database' });
    return failure(
      'ConnectionLost',
      { during: 'before the work was done', reason: error.message },
      {},
      { cause: error },
    );
  }
  if (!(error instanceof QueryError)) return undefined;
  const place = { sqlstate: error.sqlstate };
  if (error.sqlstate === '57014' && signal?.aborted) return failure('Interrupted', { during: 'in a statement' }, place);
  if (error.sqlstate === '42501') {
    return failure('RightMissing', { role: undefined, right: error.message, remedy: 'Grant it.' }, place);
  }
  if (error.sqlstate === '55P03') {
    return failure('LockTimeout', { waited: seconds(OWN_LOCK_TIMEOUT_MS), blockers: [] }, place);
  }
  if (/^(53|57|58)/.test(error.sqlstate)) return failure('ServerInTrouble', { reason: error.message }, place);
  return undefined;
}
