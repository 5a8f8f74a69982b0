// Migrate: is the database at the target? Done only when a `migrate` or `settle` Job of this run, behind the fence, says
// so. After any lost or ambiguous answer the database is asked first; nothing is repeated on a guess.
//
// Order of effects: (1) attempt number to status, (2) Job, (3) its answer to status. A crash after 2 finds the Job by
// name; a lost answer leads to `settle`; an attempt that is overtaken cannot commit (its number is lower).
import type { JobResultOf } from '../../../api/job-contract.ts';
import type { RunStep } from '../../../api/parse.ts';
import type { LossCause } from '../attempt.ts';
import { hasBegun } from '../begun.ts';
import { countOf, isAtTarget, isChanging, isStopping, migrations } from '../direction.ts';
import { isLossNews } from '../downgrade.ts';
import { fail } from '../ending.ts';
import { isStartOverdue, pursue, tryAgain } from '../pursue.ts';
import type { Turn } from '../turn.ts';
import { phrase, sentence } from '../wording.ts';
import { suspended } from './back-up.ts';
import { judgeSettle, takeLedger } from './settle.ts';
import { isContested, isStoppedTooLong } from './stop.ts';

/** Crashes in a row without progress in the ledger, and attempts in all, before a person is asked. */
const CRASH_LIMIT = 3;
const TRY_LIMIT = 10;
/** Reasons of attempts that ended without an answer and may be repeated once the database was asked. */
const REPEATABLE = new Set(['JobCrashed']);

export function judgeMigrate(t: Turn): 'Done' | 'Waiting' {
  if (t.isDone('Migrate')) return 'Done';
  if (!isChanging(t.run.plan)) return judgeNothingPending(t);
  const step = t.step('Migrate');
  if (step?.state === 'Failed') return judgeSettle(t) === 'Done' ? afterSettle(t) : 'Waiting';
  if (step?.state !== 'Active') {
    if (isContested(t)) return 'Waiting';
    // Once an attempt may have begun in the database, it is no longer given up for the time it takes.
    const isBegun = step !== undefined && hasBegun(step);
    if (!isBegun && isStoppedTooLong(t, step?.message ?? 'the migration had not begun')) return 'Waiting';
    if (t.spec.suspend) return suspended(t);
  }
  const [refusal] = step?.job?.uid === undefined ? t.world.refusals : [];
  if (refusal !== undefined && step?.tries === 1 && isStoppedTooLong(t, refusal.message)) return 'Waiting';
  return follow(t);
}

/** The plan has nothing to apply, but the app is to be started or validated: the ledger is read behind the fence first. */
function judgeNothingPending(t: Turn): 'Done' | 'Waiting' {
  if (judgeSettle(t) === 'Waiting') return 'Waiting';
  if (isAtTarget(t.run)) return done(t, 'nothing was pending');
  fail(t, 'Migrate', 'Superseded', 'PlanOutdated', 'The ledger is not what the plan had read.');
  return 'Waiting';
}

function follow(t: Turn): 'Done' | 'Waiting' {
  const attempt = pursue(t, 'Migrate');
  const step = t.begin('Migrate');
  switch (attempt.state) {
    case 'Missing':
      return migrating(t, `${way(t)}.`);
    case 'Running':
      return migrating(t, `${way(t)}.${drain(t)}`);
    case 'Between':
      return migrating(t, `${sentence(step.message ?? '')} Trying again at ${step.retryTime ?? 'once'}.`, step.reason);
    case 'NotOurs':
      fail(
        t,
        'Migrate',
        'Environment',
        'JobNameTaken',
        `A Job named ${step.job?.name} exists and is not ours. Delete it.`,
      );
      return 'Waiting';
    case 'Refused':
      fail(t, 'Migrate', 'Environment', 'PodNotStarted', `${attempt.message}.`);
      return 'Waiting';
    case 'Starting':
      migrating(
        t,
        `The Job that migrates is starting: ${attempt.waiting.message}.`,
        attempt.waiting.reason === 'RequestRefused' ? 'RequestRefused' : undefined,
      );
      if (isStartOverdue(t, attempt)) {
        fail(
          t,
          'Migrate',
          'Environment',
          'PodNotStarted',
          `The Pod of Job ${attempt.job.name} did not start in ${t.spec.job.startDeadlineSeconds} s: ${attempt.waiting.message}.`,
        );
      } else isStoppedTooLong(t, whatHinders(step, attempt.waiting.message));
      return 'Waiting';
    case 'Lost':
      return lost(t, attempt.cause, attempt.message);
    case 'Answered':
      if (attempt.result.kind !== 'MigrateResult') return lost(t, 'Crashed', `its answer was a ${attempt.result.kind}`);
      return answered(t, attempt.exitCode, attempt.result);
  }
}

/** An attempt that starts too late does not make the one that was turned away before it unsaid. */
function whatHinders(step: RunStep, waiting: string): string {
  if ((step.turnedAway ?? 0) === 0 || step.message === undefined) return waiting;
  return `${phrase(step.message)}. The next attempt was still starting: ${waiting}`;
}

function way(t: Turn): string {
  const { from, target, pendingCount, direction, baseline } = t.run.plan ?? {};
  const adopting = baseline === undefined ? '' : `Adopting the database at ${baseline.version}`;
  if (direction === 'None') return adopting;
  const doing =
    direction === 'Down'
      ? `Downgrading from ${from} to ${target}, ${countOf(t.run.plan)} to take back${pendingCount ? `, ${migrations(pendingCount, 'repeatable ')} to run` : ''}`
      : from === target
        ? `Running ${migrations(pendingCount ?? 0, 'repeatable ')} at ${target}`
        : `Migrating from ${from ?? 'an empty database'} to ${target}, ${pendingCount} to apply`;
  return adopting === '' ? doing : `${adopting}. Then: ${doing}`;
}

function whatWasDone(t: Turn, appliedNow: number, revertedNow: number): string {
  const { baseline, direction } = t.run.plan ?? {};
  const adopted = baseline === undefined ? '' : `adopted at ${baseline.version}, `;
  const again = appliedNow > 0 ? `, ${migrations(appliedNow, 'repeatable ')} run` : '';
  return `${adopted}${direction === 'Down' ? `${migrations(revertedNow)} taken back${again}` : `${appliedNow} applied`}`;
}

/** The Job does not say when it is past its first act, so this is worded to be true before and after. */
function drain(t: Turn): string {
  const { drainSeconds } = t.spec.rollout;
  if (!isStopping(t)) return '';
  return ` The Job begins once no session of the app is left in the database, for which it waits up to ${drainSeconds} s (spec.rollout.drainSeconds).`;
}

function answered(t: Turn, exitCode: number, result: JobResultOf<'MigrateResult'>): 'Done' | 'Waiting' {
  const step = t.begin('Migrate');
  if (exitCode === 0 && result.ledger !== undefined) {
    const { appliedNow, revertedNow = 0 } = result.ledger;
    const unchanged = appliedNow === 0 && revertedNow === 0;
    takeLedger(t, step.attempt ?? 0, { ...result.ledger, unchanged, appliedByRun: [] });
    if (isAtTarget(t.run)) return done(t, whatWasDone(t, appliedNow, revertedNow));
  }
  const { code, message } = result.error ?? {
    code: 'OutcomeUnknown',
    message: `the migration ended with exit code ${exitCode}`,
  };
  const isTurnedAway = exitCode >= 10 && exitCode <= 13;
  if (!isTurnedAway) return ask(t, code, message);
  if (!result.wrote) step.turnedAway = (step.turnedAway ?? 0) + 1;
  if (isOutOfPatience(t)) return hasBegun(step) ? ask(t, code, message) : giveUp(t, code, message);
  tryAgain(t, step, code, message);
  return migrating(t, `${sentence(message)} Trying again at ${step.retryTime}.`, code);
}

/** Nothing of this run is in the database, so there is nothing to ask it. */
function giveUp(t: Turn, reason: string, message: string): 'Waiting' {
  fail(t, 'Migrate', 'Environment', reason, message);
  return 'Waiting';
}

/** After it has begun, and under Rolling and None, exits 10 to 13 are repeated only for maxStoppedSeconds. */
function isOutOfPatience(t: Turn): boolean {
  const step = t.begin('Migrate');
  const since = step.blockedSince;
  const isBounded = hasBegun(step) || t.step('Stop') === undefined;
  return isBounded && since !== undefined && t.since(since) >= t.spec.rollout.maxStoppedSeconds;
}

function lost(t: Turn, cause: LossCause, message: string): 'Waiting' {
  const step = t.begin('Migrate');
  step.crashes = (step.crashes ?? 0) + 1;
  const reason = cause === 'Crashed' || cause === 'Gone' ? 'JobCrashed' : cause;
  return ask(t, reason, `The attempt to migrate was lost: ${message}.`);
}

/** Ends the attempt; what it did is now the database's to say. */
function ask(t: Turn, reason: string, message: string): 'Waiting' {
  const step = t.begin('Migrate');
  step.state = 'Failed';
  step.reason = reason;
  step.message = message.slice(0, 4000);
  judgeSettle(t);
  return 'Waiting';
}

/** The database has said what it did. */
function afterSettle(t: Turn): 'Done' | 'Waiting' {
  const step = t.begin('Migrate');
  const ledger = t.run.ledger;
  const [reason, message] = [step.reason ?? 'OutcomeUnknown', step.message ?? ''];
  if (isAtTarget(t.run)) return done(t, 'its answer was lost; the ledger has it');
  if (reason === 'PlanOutdated' || reason === 'StaleAttempt' || isLossNews(t, reason)) {
    const kind = ledger?.unchanged === true ? 'Superseded' : 'Migration';
    fail(t, 'Migrate', kind, reason, message);
    return 'Waiting';
  }
  const hasProgress = ledger?.unchanged === false;
  const mayRepeat = (step.crashes ?? 0) < CRASH_LIMIT || (hasProgress && (step.tries ?? 0) < TRY_LIMIT);
  if (REPEATABLE.has(reason) && mayRepeat) {
    tryAgain(t, step, reason, `${sentence(message)} The database was asked, and it is safe to go on.`);
    return migrating(t, `${step.message} Trying again at ${step.retryTime}.`);
  }
  const tries = REPEATABLE.has(reason) ? ` It was tried ${step.tries ?? 1} times.` : '';
  fail(t, 'Migrate', isEnvironment(reason) ? 'Environment' : 'Migration', reason, `${sentence(message)}${tries}`);
  return 'Waiting';
}

function isEnvironment(reason: string): boolean {
  return [
    'JobCrashed',
    'OutOfMemory',
    'DeadlineExceeded',
    'DatabaseUnreachable',
    'FenceHeld',
    'SessionsRemain',
    'LockTimeout',
  ].includes(reason);
}

function done(t: Turn, how: string): 'Done' {
  const { plan, ledger } = t.run;
  const message = `The database is at ${ledger?.version}: ${how}.`;
  t.finish('Migrate', message);
  t.status.pending = { count: 0, first: [] };
  t.condition('Migrated', 'True', 'AtTarget', message);
  if (isChanging(plan)) t.tell('Normal', plan?.direction === 'Down' ? 'Downgraded' : 'Migrated', message);
  return 'Done';
}

/** Between two attempts the reason is what stood in the way of the last one, if that was not a crash. */
function migrating(t: Turn, message: string, obstacle = 'Migrating'): 'Waiting' {
  const reason = REPEATABLE.has(obstacle) ? 'Migrating' : obstacle;
  t.reconciling(reason, message);
  t.condition('Migrated', 'False', reason, message);
  return 'Waiting';
}
