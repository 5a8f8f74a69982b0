// After a lost connection, above all a lost reply to COMMIT: fences on a new session and reads the ledger, which alone
// says what was done. Runs no further migration SQL: that is the next attempt's. Called by migrate.ts.
import { type ConnectionLost, LostAlone } from './connection.ts';
import { assertOwner } from './epoch.ts';
import { EngineError, failure } from './errors.ts';
import { openSession, takeFence } from './fence.ts';
import { numberOf } from './files.ts';
import type { Ledger } from './ledger.ts';
import { isSameServer } from './server.ts';
import { CommitUnknown } from './transactions.ts';
import type { Work } from './work.ts';

export interface Recovered {
  /** Undefined when the database cannot be asked. */
  readonly ledger: Ledger | undefined;
  /** Undefined: everything was committed. */
  readonly error: EngineError | undefined;
}

/** Asks the database what became of it. Never throws. */
export async function recoverCommit(work: Work, lost: CommitUnknown | ConnectionLost, to: string): Promise<Recovered> {
  const during = lost instanceof CommitUnknown ? 'while COMMIT was on its way' : 'while a migration ran';
  const connectionLost = failure('ConnectionLost', { during, reason: lost.message }, {}, { cause: lost });
  work.log(`the connection was lost ${during}; asking the ledger on a new one`);
  try {
    const { connection, server } = await openSession(work);
    try {
      if (!isSameServer(server, work.server)) {
        if (lost instanceof LostAlone) return { ledger: undefined, error: afterFailover() };
        const what = 'the server (system identifier and timeline)';
        const planned = `${work.server.systemIdentifier}/${work.server.timeline}`;
        const found = `${server.systemIdentifier}/${server.timeline}`;
        return { ledger: undefined, error: failure('PlanOutdated', { what, planned, found }) };
      }
      const { ledger } = await takeFence(connection, server, work.attempt, work, work.connection.pid);
      return { ledger, error: judge(ledger, work, to, connectionLost) };
    } finally {
      await connection.close();
    }
  } catch (error) {
    return { ledger: undefined, error: error instanceof EngineError ? error : connectionLost };
  }
}

/** The new server may or may not have what the old one did outside a transaction; even its started row may be missing. */
function afterFailover(): EngineError {
  const reason = 'the server changed (a failover) while it ran outside any transaction';
  return failure('OutcomeUnknown', { where: 'A statement that stands alone', reason });
}

function judge(ledger: Ledger, work: Work, to: string, connectionLost: EngineError): EngineError | undefined {
  assertOwner(ledger.epoch, work.attempt);
  if (ledger.epoch !== undefined && ledger.epoch.attempt > work.attempt.number) {
    const facts = { mine: String(work.attempt.number), epoch: String(ledger.epoch.attempt) };
    return failure('StaleAttempt', facts);
  }
  const isDone = ledger.version !== null && numberOf(ledger.version) >= numberOf(to) && ledger.progress.length === 0;
  return isDone ? undefined : connectionLost;
}
