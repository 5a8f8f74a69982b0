// Validate: is it well? A Job asks every check of spec.validation until all say yes or its time is over. A failure leaves
// the app as it is: it runs on the schema that it was made for, and whether to go back is a person's decision.
import type { JobResultOf } from '../../../api/job-contract.ts';
import { fail } from '../ending.ts';
import { isStartOverdue, pursue, tryAgain } from '../pursue.ts';
import type { Turn } from '../turn.ts';
import { phrase, sentence } from '../wording.ts';

const CRASH_LIMIT = 3;

export function judgeValidate(t: Turn): 'Done' | 'Waiting' {
  if (t.isDone('Validate')) return 'Done';
  const { http } = t.spec.validation;
  if (http.length === 0) {
    t.condition('Validated', 'True', 'NoChecks', 'spec.validation names no check.');
    t.finish('Validate', 'no checks');
    return 'Done';
  }
  const attempt = pursue(t, 'Validate');
  const step = t.begin('Validate');
  checking(t);
  if (attempt.state === 'Answered' && attempt.result.kind === 'ValidateResult')
    return answered(t, attempt.exitCode, attempt.result);
  if (attempt.state === 'Starting' && isStartOverdue(t, attempt)) {
    t.do({ do: 'DeleteJob', name: attempt.job.name, uid: attempt.job.uid });
    return again(t, 'PodNotStarted', `the Pod of Job ${attempt.job.name} did not start: ${attempt.waiting.message}`);
  }
  if (attempt.state === 'Refused') return again(t, 'RequestRefused', attempt.message);
  if (attempt.state === 'Lost') return again(t, 'JobCrashed', attempt.message);
  if (attempt.state === 'NotOurs' || attempt.state === 'Answered')
    return again(t, 'JobNameTaken', `Job ${step.job?.name} is not ours`);
  return 'Waiting';
}

function checking(t: Turn): void {
  const { message: lost } = t.begin('Validate');
  const names = t.spec.validation.http.map(check => check.name).join(', ');
  const message = `The app is being checked: ${names}.${lost === undefined ? '' : ` The last try was lost: ${sentence(lost)}`}`;
  t.reconciling('Validating', message);
  t.condition('Validated', 'False', 'Validating', message);
}

function answered(t: Turn, exitCode: number, result: JobResultOf<'ValidateResult'>): 'Done' | 'Waiting' {
  const failed = result.checks.filter(check => check.answer === 'Failed');
  if (exitCode === 0 && failed.length === 0) {
    const message = `All checks said yes: ${result.checks.map(check => check.name).join(', ')}.`;
    t.finish('Validate', message);
    t.condition('Validated', 'True', 'Passed', message);
    t.tell('Normal', 'Validated', message);
    return 'Done';
  }
  // Exits 10 to 13 decided nothing: its Pod was told to stop before the checks had had their time.
  if (exitCode >= 10 && exitCode <= 13)
    return again(t, result.error?.code ?? 'JobCrashed', phrase(result.error?.message ?? `exit code ${exitCode}`));
  const what =
    failed.map(check => `${check.name}: ${check.message}`).join('; ') ||
    (result.error?.message ?? `exit code ${exitCode}`);
  invalid(t, 'ValidationFailed', `Not every check said yes in ${t.spec.validation.timeoutSeconds} s: ${phrase(what)}.`);
  return 'Waiting';
}

function again(t: Turn, reason: string, message: string): 'Waiting' {
  const step = t.begin('Validate');
  step.crashes = (step.crashes ?? 0) + 1;
  if (step.crashes < CRASH_LIMIT) {
    tryAgain(t, step, reason, message);
    checking(t);
  } else invalid(t, reason, `The checks could not be made: ${message}.`);
  return 'Waiting';
}

function invalid(t: Turn, reason: string, message: string): void {
  t.condition('Validated', 'False', reason, message);
  fail(t, 'Validate', 'Application', reason, message);
}
