// After a failure: nothing of the run may still be at work, the database is asked if an attempt may have written, and the
// app comes back if its manifest fits what the database is at. Only then does the run end.
//
// Order: (1) the failure goes to status (ending.ts), (2) what has not started is deleted, what has started ends,
// (3) settle, (4) the app, (5) the outcome. A crash after any of them: the failure is in status, and this file goes on.
import { ANNOTATIONS } from '../../api/names.ts';
import type { RunStep } from '../../api/parse.ts';
import { readAttempt } from './attempt.ts';
import { mayHaveBegun } from './begun.ts';
import { type BringUp, bringUp, type Fitting, lastMoved } from './bring-up.ts';
import { hasRepeatablesLeft, versionOf } from './direction.ts';
import { end } from './ending.ts';
import { isMarked } from './live.ts';
import { TAKEN_OVER } from './marks.ts';
import { seen } from './pursue.ts';
import { madeFor } from './requests.ts';
import { isSettled, judgeSettle } from './steps/settle.ts';
import type { Turn } from './turn.ts';
import { sentence } from './wording.ts';
import type { LiveWorkload } from './world.ts';

/** Brings the run to its outcome; the summary says how far it is. */
export function recover(t: Turn): 'Done' | 'Waiting' {
  const failure = t.run.failure;
  if (failure === undefined) return 'Done';
  if (isAtWork(t) || !isKnown(t)) return 'Waiting';
  if (failure.kind === 'Application' || t.spec.rollout.strategy === 'None' || t.step('Stop') === undefined)
    return finish(t, []);
  const all = t.world.workloads.flatMap(workload => {
    const live = workload.found;
    if (live === undefined || !isMarked(t, live)) return [];
    const fitting = fittingOf(t, live);
    return fitting === 'Hold' ? [] : [bringUp(t, workload, fitting)];
  });
  const unscaled = all.filter(
    one => one.state === 'ComingUp' && (one.live.replicas === 0 || one.live.mark !== undefined),
  );
  if (unscaled.length > 0) {
    back(t, 'Starting', `The app is started again: ${unscaled.map(one => one.note).join('; ')}.`);
    t.lookAtApp(lastMoved(t, unscaled));
    return 'Waiting';
  }
  return finish(t, all);
}

/**
 * The version that a held workload must fit to come back; `Hold` when the database is in a state that no app should meet.
 * Without annotation it comes back only to a database that it ran on (the run that stopped it changed nothing) or that is
 * at the target. What an earlier run left half done is known from status until a run of now has asked again.
 */
export function fittingOf(t: Turn, live: LiveWorkload): Fitting | 'Hold' {
  const { ledger, plan } = t.run;
  if (ledger === undefined && live.mark?.run === TAKEN_OVER) return 'Hold'; // what an earlier resource left is not known
  const isStoppedByThisRun = live.mark?.run === t.run.id;
  if (t.step('Settle')?.state === 'Failed') return 'Hold';
  const halfDoneBefore = isStoppedByThisRun ? 0 : (t.status.halfDoneFiles ?? 0);
  if ((ledger?.progressRows ?? halfDoneBefore) > 0) return 'Hold';
  const earlier = t.status.history?.find(entry => entry.id === live.mark?.run);
  const left = t.status.version ?? (earlier?.unchanged === true ? earlier.from : undefined);
  const before = plan === undefined ? left : plan.from;
  const version = ledger === undefined ? before : versionOf(t.run);
  const reached = ledger === undefined ? earlier?.target : plan?.target;
  const isLeft = ledger !== undefined && hasRepeatablesLeft(t.run);
  const isAtTarget = version !== undefined && version === reached && !isLeft;
  const isAsItWas = isStoppedByThisRun
    ? ledger === undefined || ledger.unchanged
    : earlier?.unchanged === true && earlier.from === version;
  return { version: version ?? null, unannotated: isAtTarget || isAsItWas ? 'Start' : 'Hold' };
}

/** Ends what has not begun, and waits for what has. */
function isAtWork(t: Turn): boolean {
  const { backup } = t.world;
  const isComplete = t.run.backup?.digest !== undefined;
  if (backup !== undefined && !isComplete && backup.migrationUid === t.world.resource.uid) {
    t.do({ do: 'DeleteBackup', name: backup.name, uid: backup.uid });
  }
  for (const name of ['Migrate', 'Validate'] as const) {
    const step = t.step(name);
    if (step?.job === undefined || step.state === 'Done') continue;
    const attempt = readAttempt(
      t.world,
      step,
      madeFor(t, name === 'Migrate' ? 'migrate' : 'validate', step.attempt ?? 0),
    );
    seen(step, attempt);
    if (attempt.state === 'Starting') {
      if (!attempt.job.deleting) t.do({ do: 'DeleteJob', name: attempt.job.name, uid: attempt.job.uid });
      back(
        t,
        name === 'Migrate' ? 'Migrating' : 'Validating',
        `Job ${attempt.job.name}, which had not started, is being deleted.`,
      );
      return true;
    }
    if (attempt.state === 'Running') {
      back(
        t,
        name === 'Migrate' ? 'Migrating' : 'Validating',
        `Job ${attempt.job.name} has started and is left to end.`,
      );
      return true;
    }
  }
  return false;
}

/** Whether it is known what the run did to the database. */
function isKnown(t: Turn): boolean {
  const step = t.step('Migrate');
  if (step?.attempt === undefined || step.state === 'Done' || isSettled(t)) return true;
  const attempt = readAttempt(t.world, step, madeFor(t, 'migrate', step.attempt));
  if (!mayHaveBegun(step, attempt) || hasNeverBegun(t, step) || (t.step('Settle')?.state === 'Waiting' && isGivenUp(t)))
    return true;
  if (judgeSettle(t) === 'Done') return true;
  return hasNeverBegun(t, step) || isGivenUp(t);
}

/**
 * The only attempt was given up because it did not start, and what kept it from starting keeps the Job that would ask the
 * database from starting too: an image that cannot be pulled must not keep the app down for ever. A Job that vanished
 * without having been seen is no such attempt: it may have run.
 */
function hasNeverBegun(t: Turn, migrate: RunStep): boolean {
  const settle = t.step('Settle');
  const { state, reason = '' } = settle ?? {};
  const isKeptOut = state === 'Waiting' && (reason.startsWith('WaitingFor') || reason === 'RequestRefused');
  const wasWatched = NOT_STARTED.has(t.run.failure?.reason ?? '');
  return isKeptOut && wasWatched && migrate.tries === 1 && migrate.job?.started !== true;
}

/** Reasons of runs that were given up while their Job was seen not to start. */
const NOT_STARTED: ReadonlySet<string> = new Set(['PodNotStarted', 'StoppedTooLong']);

/** A deletion does not wait for ever: unknown, the app is held, and the finalizer goes. */
function isGivenUp(t: Turn): boolean {
  const { failure } = t.run;
  const limit = t.spec.rollout.maxStoppedSeconds;
  if (failure?.kind !== 'Deleted') return false;
  if (t.since(failure.time) < limit) {
    t.lookIn(limit - t.since(failure.time));
    return false;
  }
  const settle = t.begin('Settle');
  settle.state = 'Failed';
  for (const workload of t.world.workloads) {
    const mark = workload.found !== undefined && isMarked(t, workload.found) ? workload.found.mark : undefined;
    if (mark === undefined) continue;
    t.tellOn(
      workload,
      'Warning',
      'HeldUnknown',
      `DatabaseMigration ${t.world.resource.name} was deleted during a migration, and for ${limit} s the database could not be asked what it did. This workload is left at zero, as its annotation ${ANNOTATIONS.stoppedBy} says. Find out which version the database is at, then scale it to ${mark.replicas}.`,
    );
  }
  return true;
}

function finish(t: Turn, all: readonly BringUp[]): 'Done' {
  const failure = t.run.failure;
  const isBack = (t.run.workloads ?? []).some(workload => workload.state === 'Started');
  if (isBack && all.length === 0 && failure?.kind !== 'Application') {
    t.condition('RolledOut', 'False', 'Restored', 'After the failure the app was started again.');
  }
  if (isBack && failure?.kind !== 'Application')
    t.tell('Normal', 'Restored', 'After the failure the app was started again.');
  if (failure?.kind === 'Superseded') {
    t.status.replans = (t.status.replans ?? 0) + 1;
    end(t, 'Superseded');
  } else end(t, 'Failed');
  return 'Done';
}

function back(t: Turn, reason: string, message: string): void {
  t.reconciling(reason, `${sentence(t.run.failure?.message ?? '')} ${message}`);
  if (reason !== 'Starting') return;
  t.condition('RolledOut', 'False', reason, message);
  const { failure } = t.run;
  if (failure !== undefined && t.step('Migrate') !== undefined && !t.isDone('Migrate'))
    t.condition('Migrated', 'False', failure.reason, failure.message);
}
