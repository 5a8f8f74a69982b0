// Plan: what would run? A Job reads the ledger and the files and writes nothing. Its Pod mounts all that later Jobs
// need, so a wrong Secret, claim or image is known before anything is stopped.
import type { JobResultOf } from '../../../api/job-contract.ts';
import { takeAudit } from '../audit.ts';
import { migrations } from '../direction.ts';
import { describeDowngrade, forbiddenDowngrade, keptOf, pendingOf } from '../downgrade.ts';
import { end, fail, planKey, remembered } from '../ending.ts';
import { isStartOverdue, pursue, tryAgain } from '../pursue.ts';
import type { Turn } from '../turn.ts';
import { sentence } from '../wording.ts';

type Answer = NonNullable<JobResultOf<'PlanResult'>['plan']>;

const CRASH_LIMIT = 3;

/** `Planned`: the run has a plan to go on with. `Waiting`: not yet, or the run has ended here. */
export function judgePlan(t: Turn): 'Planned' | 'Waiting' {
  if (t.isDone('Plan')) return t.run.outcome === undefined ? 'Planned' : 'Waiting';
  const attempt = pursue(t, 'Plan');
  const step = t.begin('Plan');
  switch (attempt.state) {
    case 'Missing':
      if ((step.tries ?? 1) > 1) saidBefore(t, 'Nothing is stopped. It is tried again now.');
      else planning(t, 'Planning', `A Job reads what must be done to reach ${t.spec.target}.`);
      return 'Waiting';
    case 'Running':
      planning(t, 'Planning', `A Job reads what must be done to reach ${t.spec.target}.`);
      return 'Waiting';
    case 'Between':
      saidBefore(t, `Nothing is stopped. Trying again at ${step.retryTime ?? 'once'}.`);
      return 'Waiting';
    case 'Starting':
      starting(t, attempt.waiting);
      if (isStartOverdue(t, attempt)) {
        t.do({ do: 'DeleteJob', name: attempt.job.name, uid: attempt.job.uid });
        tryAgain(t, step, attempt.waiting.reason, `The Job that plans cannot start: ${attempt.waiting.message}.`);
        saidBefore(t, `Nothing is stopped. Trying again at ${step.retryTime}.`);
      }
      return 'Waiting';
    case 'Refused':
      return refuse(t, 'PodNotStarted', `${attempt.message}.`);
    case 'NotOurs':
      return refuse(
        t,
        'JobNameTaken',
        `A Job named ${step.job?.name} exists and was not made for this plan. Delete it.`,
      );
    case 'Lost':
      return lost(t, attempt.cause, attempt.message);
    case 'Answered':
      if (attempt.result.kind !== 'PlanResult') return lost(t, 'Crashed', `its answer was a ${attempt.result.kind}`);
      return answered(t, attempt.exitCode, attempt.result);
  }
}

function starting(t: Turn, { reason, message }: { readonly reason: string; readonly message: string }): void {
  if (reason !== 'WaitingForPod') {
    const remedy = 'Nothing is stopped; it starts by itself once that is mended.';
    planning(t, reason, `The Job that plans cannot start yet: ${message}. ${remedy}`);
  } else if ((t.begin('Plan').tries ?? 1) > 1) saidBefore(t, 'Nothing is stopped. It is tried again now.');
  else
    planning(t, 'Planning', `The Job that reads what must be done to reach ${t.spec.target} is starting: ${message}.`);
}

/** What the last attempt said stays on show until the next one says something. */
function saidBefore(t: Turn, what: string): void {
  const step = t.begin('Plan');
  planning(t, step.reason ?? 'Planning', `${sentence(step.message ?? '')} ${what}`);
}

function answered(t: Turn, exitCode: number, result: JobResultOf<'PlanResult'>): 'Planned' | 'Waiting' {
  const step = t.begin('Plan');
  if (exitCode === 0 && result.plan !== undefined) return take(t, result.plan);
  const { code, message } = result.error ?? {
    code: 'JobCrashed',
    message: `the plan ended with exit code ${exitCode}`,
  };
  const isForTimeToHeal = (exitCode >= 10 && exitCode <= 13) || exitCode === 24;
  if (!isForTimeToHeal) return refuse(t, code, message);
  tryAgain(t, step, code, message);
  saidBefore(t, `Nothing is stopped. Trying again at ${step.retryTime}.`);
  return 'Waiting';
}

function lost(t: Turn, cause: string, message: string): 'Waiting' {
  const step = t.begin('Plan');
  step.crashes = (step.crashes ?? 0) + 1;
  const reason = cause === 'Crashed' || cause === 'Gone' ? 'JobCrashed' : cause;
  if (step.crashes >= CRASH_LIMIT || cause === 'OutOfMemory') {
    return refuse(t, reason, `The plan could not be made: ${message}.`);
  }
  tryAgain(t, step, 'Planning', `The last attempt to plan was lost: ${message}.`);
  saidBefore(t, `Nothing is stopped. Trying again at ${step.retryTime}.`);
  return 'Waiting';
}

function take(t: Turn, answer: Answer): 'Planned' | 'Waiting' {
  const { status, run } = t;
  t.sawEpoch(answer.epochAttempt);
  takeAudit(t, answer.audit);
  status.targetVersion = answer.target;
  status.pending = pendingOf(answer);
  status.serverVersion = answer.serverVersion;
  status.database = answer.database;
  run.plan = {
    key: planKey(answer, answer.ledgerDigest),
    ...(answer.version === null ? {} : { from: answer.version }),
    target: answer.target,
    direction: answer.direction,
    pendingCount: answer.pendingCount,
    ...(answer.goalDigest === undefined ? {} : { goalDigest: answer.goalDigest }),
    sourceDigest: answer.sourceDigest,
    ledgerDigest: answer.ledgerDigest,
    transaction: answer.transaction,
    ...(answer.baseline === undefined
      ? {}
      : { baseline: { version: answer.baseline.version, count: answer.baseline.count } }),
    ...(answer.downgrade === undefined ? {} : { downgrade: keptOf(answer.downgrade) }),
  };
  const forbidden = forbiddenDowngrade(t);
  if (forbidden !== undefined) return refuse(t, forbidden.reason, forbidden.message);
  const before = remembered(t, run.plan.key);
  if (before !== undefined) {
    const unless = before.kind === 'Environment' ? ' unless spec.job, spec.backup or spec.database changes' : '';
    const message = `This plan already failed in run ${before.id}: ${before.message ?? ''} It is not tried again by itself${unless}.`;
    return refuse(t, before.reason ?? 'Failed', message, 'Repeat');
  }
  const what = answer.direction === 'Down' ? describeDowngrade(t) : describe(run.plan.from, answer);
  const message = `${describeAdoption(answer)}${what}`;
  t.finish('Plan', message);
  t.condition('Planned', 'True', 'Planned', message);
  t.tell('Normal', 'Planned', message);
  return 'Planned';
}

/** Said before what else the plan does. */
function describeAdoption({ baseline }: Answer): string {
  if (baseline === undefined) return '';
  const { version, count, tables } = baseline;
  const found = tables === undefined ? '' : `; it has ${tablesOf(tables)}`;
  return `The database is to be adopted at ${version} (spec.baseline), which records ${migrations(count)} as applied without running them${found}. `;
}

function tablesOf({ count, first }: NonNullable<NonNullable<Answer['baseline']>['tables']>): string {
  const more = count > first.length ? ` and ${count - first.length} more` : '';
  return `${count} ${count === 1 ? 'table' : 'tables'} (${first.join(', ')}${more})`;
}

function describe(from: string | undefined, answer: Answer): string {
  const then = answer.baseline === undefined ? '' : 'then ';
  if (answer.pendingCount === 0) return `Nothing is pending: the database is ${then}at ${answer.target}.`;
  const names = answer.pendingFirst.slice(0, 5).join(', ');
  const more = answer.pendingCount > 5 ? `, and ${answer.pendingCount - 5} more` : '';
  const how = answer.transaction === 'PerRun' ? 'in one transaction' : 'in a transaction each';
  if (from === answer.target)
    return `${migrations(answer.pendingCount, 'repeatable ')} pending at ${from}, ${how}: ${names}${more}.`;
  return `${answer.pendingCount} pending from ${from ?? 'an empty database'} to ${answer.target}, ${how}: ${names}${more}.`;
}

function planning(t: Turn, reason: string, message: string): void {
  t.reconciling(reason, message);
  t.condition('Planned', 'False', reason, message);
}

/** A plan that is not to be tried again until something changes; the app was not touched. */
function refuse(t: Turn, reason: string, message: string, news: 'News' | 'Repeat' = 'News'): 'Waiting' {
  fail(t, 'Plan', reason === 'OutOfMemory' || reason === 'JobCrashed' ? 'Environment' : 'Migration', reason, message);
  t.condition('Planned', 'False', reason, message);
  end(t, 'Refused', news);
  return 'Waiting';
}
