// Reads what the operator asks of a Job: JSON in MIGRATE_JOB, checked against the contract before a word of it is
// believed. Pure. Called by main.ts.
import { type JobInput, jobInput, STEPS, type StepName } from '../api/job-contract.ts';
import { failure } from '../engine/errors.ts';

/** The step that the command line names. Throws BadInput. */
export function readStep(argument: string | undefined): StepName {
  const step = STEPS.find(name => name === argument);
  if (step === undefined) {
    const given = argument === undefined ? 'no step is named' : `there is no step ${JSON.stringify(argument)}`;
    throw failure('BadInput', { reason: `${given}; it must be one of ${STEPS.join(', ')}` });
  }
  return step;
}

/** The Job's input. Throws BadInput with every field that does not fit. */
export function readInput(step: StepName, text: string | undefined): JobInput {
  if (text === undefined || text === '') throw failure('BadInput', { reason: 'MIGRATE_JOB is not set' });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw failure('BadInput', { reason: 'MIGRATE_JOB is not JSON' });
  }
  const parsed = jobInput.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(issue => `${issue.path.join('.') || 'the whole'}: ${issue.message}`);
    throw failure('BadInput', { reason: `MIGRATE_JOB does not fit the contract (${problems.slice(0, 5).join('; ')})` });
  }
  if (parsed.data.step !== step) {
    throw failure('BadInput', { reason: `the input is for the step ${parsed.data.step}, not ${step}` });
  }
  return parsed.data;
}
