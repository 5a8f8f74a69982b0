// Settle: an attempt to migrate ended without a clear answer. A Job fences it off in the database (no earlier attempt
// can still commit) and then reads the ledger. It has no limit: until it has answered nobody knows what is true.
import type { JobResultOf } from '../../../api/job-contract.ts';
import type { MigrationStatus } from '../../../api/parse.ts';
import { compareVersions } from '../../../api/versions.ts';
import { noteAudit } from '../audit.ts';
import { isAtTarget, isChanging, isRepeatable } from '../direction.ts';
import { isStartOverdue, pursue, tryAgain } from '../pursue.ts';
import type { Turn } from '../turn.ts';
import { sentence } from '../wording.ts';

type Ledger = NonNullable<JobResultOf<'SettleResult'>['ledger']>;

/** Whether the ledger was read behind the fence after the last attempt to migrate. */
export function isSettled(t: Turn): boolean {
  const read = t.run.ledger?.attempt;
  return read !== undefined && read > (t.step('Migrate')?.attempt ?? 0);
}

/** One more look at the database; `run.ledger` holds the answer when this says Done. */
export function judgeSettle(t: Turn): 'Done' | 'Waiting' {
  if (isSettled(t)) return 'Done';
  const begun = t.step('Settle');
  if (begun !== undefined && begun.state === 'Done') {
    begun.state = 'Waiting';
    begun.startTime = t.world.now;
    delete begun.endTime;
    delete begun.retryTime;
    delete begun.message;
    delete begun.reason;
  }
  const attempt = pursue(t, 'Settle');
  const step = t.begin('Settle');
  if (attempt.state === 'Answered' && attempt.result.kind === 'SettleResult') {
    const { ledger, error } = attempt.result;
    if (attempt.exitCode === 0 && ledger !== undefined) {
      takeLedger(t, step.attempt ?? 0, ledger);
      t.finish('Settle', `The database is at ${ledger.version ?? 'the start: nothing is applied'}.`);
      return 'Done';
    }
    tryAgain(t, step, error?.code ?? 'Settling', error?.message ?? `exit code ${attempt.exitCode}`);
  } else if (attempt.state === 'Answered' || attempt.state === 'NotOurs') {
    tryAgain(t, step, 'JobNameTaken', `Job ${step.job?.name} is not ours`);
  } else if (attempt.state === 'Refused') {
    tryAgain(t, step, 'RequestRefused', attempt.message);
  } else if (attempt.state === 'Lost') {
    tryAgain(t, step, 'JobCrashed', attempt.message);
  } else if (attempt.state === 'Starting' && isStartOverdue(t, attempt)) {
    t.do({ do: 'DeleteJob', name: attempt.job.name, uid: attempt.job.uid });
    tryAgain(t, step, attempt.waiting.reason, attempt.waiting.message);
  }
  settling(t, step.message);
  warnEverySoOften(t);
  return 'Waiting';
}

/** Nothing goes on until the database has answered, and only a person can help it to. */
function warnEverySoOften(t: Turn): void {
  const step = t.begin('Settle');
  const limit = t.spec.rollout.maxStoppedSeconds;
  if (step.blockedSince === undefined || t.since(step.blockedSince) < limit) return;
  t.tell('Warning', 'Settling', `For ${limit} s the database has not answered: ${sentence(step.message ?? '')}`);
  step.blockedSince = t.world.now;
}

/** What the ledger says, read behind the fence: the only thing that ends a run or starts the app. */
export function takeLedger(t: Turn, attempt: number, ledger: Omit<Ledger, 'epochRunId' | 'schemaSinceEpoch'>): void {
  const { run, status } = t;
  const { revertedByRun = [] } = ledger;
  t.sawEpoch(ledger.epochAttempt);
  noteAudit(t, ledger.auditHead);
  run.ledger = {
    attempt,
    ...(ledger.version === null ? {} : { version: ledger.version }),
    ledgerDigest: ledger.ledgerDigest,
    progressRows: ledger.progressRows,
    appliedCount: ledger.appliedCount,
    unchanged: ledger.unchanged,
    appliedByRun: ledger.appliedByRun,
    ...(revertedByRun.length === 0 ? {} : { revertedByRun }),
  };
  if (ledger.version === null) delete status.version;
  else status.version = ledger.version;
  status.halfDoneFiles = ledger.progressRows;
  status.pending = pendingAt(t, ledger);
}

/** What the plan had found to do, without what is done by now. */
function pendingAt(
  t: Turn,
  { version, appliedByRun }: Pick<Ledger, 'version' | 'appliedByRun'>,
): NonNullable<MigrationStatus['pending']> {
  if (isAtTarget(t.run)) return { count: 0, first: [] };
  const { count = 0, first = [] } = t.status.pending ?? {};
  const isDown = t.run.plan?.direction === 'Down';
  const left = first.filter(name => {
    if (isRepeatable(name)) return !appliedByRun.includes(name);
    return isDown ? compareVersions(name, version) <= 0 : compareVersions(name, version) > 0;
  });
  return { count: count - (first.length - left.length), first: left };
}

function settling(t: Turn, obstacle: string | undefined): void {
  const attempt = t.step('Migrate');
  const failed = attempt?.state === 'Failed' ? `${sentence(attempt.message ?? '')} ` : '';
  const app = t.isDone('Stop') ? 'the app stays stopped' : 'the app is left as it is';
  const what =
    !isChanging(t.run.plan) && attempt === undefined
      ? `Nothing is to be migrated; a Job makes sure that the database is at ${t.run.plan?.target} before the app is started or checked.`
      : `${failed}A Job asks the database what was done; until it has answered, ${app}.`;
  const message =
    obstacle === undefined ? what : `${what} It has not answered yet and is asked again: ${sentence(obstacle)}`;
  t.reconciling('Settling', message);
  t.condition('Migrated', 'Unknown', 'Settling', message);
}
