// What all steps that Jobs carry have in common: hand out an attempt, create its Job, read what became of it, wait
// between two attempts. What an answer means is the step's own business.
//
// Order of effects: (1) the attempt's number and its Job's name go to status; (2) the Job is created under that name.
// A crash after 1: the name is there, no Job is: it is created. After 2: the Job is found by its name.
import type { StepName as JobStep } from '../../api/job-contract.ts';
import type { RunStep } from '../../api/parse.ts';
import { jobRetrySeconds } from '../controller/backoff.ts';
import { actKey } from './actions.ts';
import { type Attempt, mayHaveStarted, NODE_LOST_SECONDS, readAttempt } from './attempt.ts';
import { madeFor, requestFor } from './requests.ts';
import type { StepName, Turn } from './turn.ts';
import { phrase } from './wording.ts';
import type { JobView } from './world.ts';

type PursuedStep = Extract<StepName, 'Plan' | 'Migrate' | 'Settle' | 'Validate'>;

const JOB_STEP = { Plan: 'plan', Migrate: 'migrate', Settle: 'settle', Validate: 'validate' } as const satisfies Record<
  PursuedStep,
  JobStep
>;

/**
 * How far the step's current attempt is. `Between`: the next one is not due yet. `Refused`: for as long as its Pod would
 * have had to start, the API server has not taken its Job; it is not tried any more.
 */
export type Pursuit =
  | Attempt
  | { readonly state: 'Between'; readonly step: RunStep }
  | { readonly state: 'Refused'; readonly message: string };

/** Looks at the step's attempt, and makes one if none is under way and its time has come. */
export function pursue(t: Turn, name: PursuedStep): Pursuit {
  const step = t.begin(name);
  const fresh = step.attempt === undefined;
  if (!fresh && step.state === 'Waiting') {
    if (step.retryTime !== undefined && t.since(step.retryTime) < 0) {
      t.lookAt(step.retryTime);
      return { state: 'Between', step };
    }
  }
  if (fresh || step.state !== 'Active') return newAttempt(t, name, step);
  const attempt = readAttempt(t.world, step, madeFor(t, JOB_STEP[name], step.attempt ?? 0));
  if (attempt.state === 'Missing') return make(t, name, step);
  seen(step, attempt);
  if (attempt.state === 'Running') lookWhenLost(t, attempt.job);
  return attempt;
}

/** Makes the Job of an attempt that has none yet, or had it refused. Nothing is stopped for a plan, so it may take its time. */
function make(t: Turn, name: PursuedStep, step: RunStep): Pursuit {
  const create = { do: 'CreateJob', request: requestFor(t, JOB_STEP[name], step.attempt ?? 0) } as const;
  const refusal = t.world.refusals.find(one => one.act === actKey(create));
  if (refusal?.why === 'NameTaken') return { state: 'NotOurs' };
  const limit = t.spec.job.startDeadlineSeconds;
  if (refusal !== undefined && name !== 'Plan') {
    if (t.since(refusal.since) >= limit)
      return {
        state: 'Refused',
        message: `Job ${create.request.name} was refused for ${limit} s: ${phrase(refusal.message)}`,
      };
    t.lookIn(limit - t.since(refusal.since));
  }
  t.do(create);
  return { state: 'Missing' };
}

/** Remembers of which Job an attempt is, and whether its container may have run: both can vanish. */
export function seen(step: RunStep, attempt: Attempt): void {
  if (!('job' in attempt) || attempt.job === undefined || step.job === undefined) return;
  const hasStarted = step.job.started === true || mayHaveStarted(attempt);
  step.job = { name: step.job.name, uid: attempt.job.uid, ...(hasStarted ? { started: true } : {}) };
}

/** Ends the current attempt and lets the next one come after a pause that grows with the tries. */
export function tryAgain(t: Turn, step: RunStep, reason: string, message: string): void {
  step.state = 'Waiting';
  step.reason = reason;
  step.message = message;
  step.blockedSince ??= t.world.now;
  step.retryTime = t.after(jobRetrySeconds(step.tries ?? 1));
  t.lookAt(step.retryTime);
}

/** Whether the current attempt's Pod has had its time to start; asks for a look at that time if not. */
export function isStartOverdue(t: Turn, attempt: Attempt & { state: 'Starting' }): boolean {
  const limit = t.spec.job.startDeadlineSeconds;
  const waited = t.since(attempt.job.createdTime);
  if (waited < limit) t.lookIn(limit - waited);
  return waited >= limit;
}

/** No event tells when a node has been silent for long enough. */
function lookWhenLost(t: Turn, job: JobView): void {
  for (const { notReadySince } of job.pods) {
    if (notReadySince !== undefined) t.lookIn(NODE_LOST_SECONDS - t.since(notReadySince));
  }
}

function newAttempt(t: Turn, name: PursuedStep, step: RunStep): Pursuit {
  const attempt = t.nextAttempt();
  const request = requestFor(t, JOB_STEP[name], attempt);
  step.state = 'Active';
  step.attempt = attempt;
  step.tries = (step.tries ?? 0) + 1;
  step.job = { name: request.name };
  delete step.retryTime;
  t.do({ do: 'CreateJob', request });
  return { state: 'Missing' };
}
