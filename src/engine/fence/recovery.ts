// After a lost connection, above all a lost reply to COMMIT: fences on a new session and reads the ledger, which alone
// says what was done. Runs no further migration SQL: that is the next attempt's. Called by migrate.ts.

import { type Connection, type ConnectionLost, LostAlone } from '../connection.ts';
import { EngineError, failure } from '../errors.ts';
import { type AuditHead, readAuditHead } from '../ledger/audit.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { MigrateRequest } from '../migrate-request.ts';
import { sleep } from '../pace.ts';
import { EMPTY_TARGET } from '../plan.ts';
import { planRepeatables } from '../repeatables.ts';
import { isSameServer, openSession, type Server } from '../server.ts';
import { numberOf, type Source } from '../source/files.ts';
import { CommitUnknown } from '../transactions.ts';
import type { Work } from '../work.ts';
import { assertOwner } from './epoch.ts';
import { takeFence } from './fence.ts';

export interface Recovered {
  /** Undefined when the database cannot be asked. */
  readonly ledger: Ledger | undefined;
  readonly auditHead: AuditHead | null;
  /** Undefined: everything was committed. */
  readonly error: EngineError | undefined;
}

/** Where the run was going. */
export type Goal = Pick<MigrateRequest, 'to' | 'direction'> & { readonly source: Pick<Source, 'repeatables'> };

/** Asks the database what became of it. Never throws. */
export async function recoverCommit(work: Work, lost: CommitUnknown | ConnectionLost, goal: Goal): Promise<Recovered> {
  const during = lost instanceof CommitUnknown ? 'while COMMIT was on its way' : 'while a migration ran';
  const connectionLost = failure('ConnectionLost', { during, reason: lost.message }, {}, { cause: lost });
  work.log(`the connection was lost ${during}; asking the ledger on a new one`);
  try {
    const { connection, server } = await openSession(work);
    try {
      if (!isSameServer(server, work.server)) {
        if (lost instanceof LostAlone) return { ...NOTHING_READ, error: afterFailover() };
        const what = 'the server (system identifier and timeline)';
        const planned = `${work.server.systemIdentifier}/${work.server.timeline}`;
        const found = `${server.systemIdentifier}/${server.timeline}`;
        return { ...NOTHING_READ, error: failure('PlanOutdated', { what, planned, found }) };
      }
      if (lost instanceof CommitUnknown) await waitForTransaction(connection, server, lost.transaction, work);
      const { ledger } = await takeFence(connection, server, work.attempt, work, work.connection.pid);
      const auditHead = await readAuditHead(connection, work.attempt.ledgerSchema);
      return { ledger, auditHead, error: judge(ledger, work, goal, connectionLost) };
    } finally {
      await connection.close();
    }
  } catch (error) {
    return { ...NOTHING_READ, error: error instanceof EngineError ? error : connectionLost };
  }
}

const NOTHING_READ = { ledger: undefined, auditHead: null } as const;
const POLL_MS = 200;

/**
 * While the transaction is still in progress its COMMIT is at work (a deferred trigger, a slow disk, a standby that is
 * waited for): to end its backend now would undo what is about to be done. What it became, the ledger says.
 */
async function waitForTransaction(connection: Connection, server: Server, id: string, work: Work): Promise<void> {
  const status =
    server.versionNumber >= 130_000
      ? 'pg_catalog.pg_xact_status($1::pg_catalog.xid8)'
      : 'pg_catalog.txid_status($1::bigint)';
  const deadline = Date.now() + work.fenceWaitMs;
  for (let isFirst = true; Date.now() < deadline; isFirst = false) {
    const [row] = await connection.query(`SELECT ${status} AS status`, [id]);
    if (row?.status !== 'in progress') return;
    if (isFirst) work.log(`transaction ${id} is still being committed; waiting for it`);
    await sleep(POLL_MS, work.signal, 'while a COMMIT was waited for');
  }
}

/** The new server may or may not have what the old one did outside a transaction; even its started row may be missing. */
function afterFailover(): EngineError {
  const reason = 'the server changed (a failover) while it ran outside any transaction';
  return failure('OutcomeUnknown', { where: 'A statement that stands alone', reason });
}

function judge(ledger: Ledger, work: Work, goal: Goal, connectionLost: EngineError): EngineError | undefined {
  assertOwner(ledger.epoch, work.attempt);
  if (ledger.epoch !== undefined && ledger.epoch.attempt > work.attempt.number) {
    const facts = { mine: String(work.attempt.number), epoch: String(ledger.epoch.attempt) };
    return failure('StaleAttempt', facts);
  }
  return isReached(ledger, goal) ? undefined : connectionLost;
}

function isReached(ledger: Ledger, { to, direction = 'Up', source }: Goal): boolean {
  const current = ledger.applied.at(-1)?.number ?? -1n;
  const wanted = to === EMPTY_TARGET ? -1n : numberOf(to);
  const isLeft = to !== EMPTY_TARGET && planRepeatables(source, ledger).toRun.length > 0;
  return ledger.progress.length === 0 && !isLeft && (direction === 'Up' ? current >= wanted : current <= wanted);
}
