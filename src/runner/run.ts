// Runs one step to its result, in process: for main.ts in a container, and for tests. Never ends the process, leaves no
// connection open, and throws for nothing: a failure that was not foreseen is a result too, with the exit code of a crash.
import type { JobInput, JobResult } from '../api/job-contract.ts';
import { withoutSecrets } from '../api/secrets.ts';
import { secretsOf } from '../database/url.ts';
import { backup } from './backup.ts';
import type { StepEnvironment } from './environment.ts';
import { migrate } from './migrate.ts';
import { plan } from './plan.ts';
import { failedResult, fitted } from './result.ts';
import { settle } from './settle.ts';
import { validate } from './validate.ts';

export type { StepEnvironment } from './environment.ts';

/** Runs the step that the input names. The result fits a termination message and holds no credential. */
export async function runStep(input: JobInput, environment: StepEnvironment): Promise<JobResult> {
  const secrets = secretsOf(environment.databaseUrl);
  const log = (line: string) => environment.log(withoutSecrets(line, secrets));
  let result: JobResult;
  try {
    result = await dispatch(input, { ...environment, log });
  } catch (error) {
    result = failedResult(input.step, error, environment.signal);
  }
  if (result.error !== undefined) log(`${result.error.code}: ${result.error.message}`);
  return fitted(result, secrets);
}

function dispatch(input: JobInput, environment: StepEnvironment): Promise<JobResult> {
  switch (input.step) {
    case 'plan':
      return plan(input, environment);
    case 'backup':
      return backup(input, environment);
    case 'migrate':
      return migrate(input, environment);
    case 'settle':
      return settle(input, environment);
    case 'validate':
      return validate(input, environment);
  }
}
