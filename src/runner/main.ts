// What a Job's container runs: `main.ts <step>` with MIGRATE_JOB and DATABASE_URL in the environment. Log lines for people
// go to standard output, the result to the termination message, the exit code to the Pod. The only file of the runner
// that looks at the process.
import { writeFileSync } from 'node:fs';
import { BACKUPS_DIRECTORY, type JobResult, MIGRATIONS_DIRECTORY, type StepName } from '../api/job-contract.ts';
import { readInput, readStep } from './input.ts';
import { failedResult, failureOf, fitted } from './result.ts';
import { runStep } from './run.ts';

const log = (line: string) => process.stdout.write(`${new Date().toISOString()} ${line}\n`);

async function main(): Promise<number> {
  const environment = process.env;
  let step: StepName;
  try {
    step = readStep(process.argv[2]);
  } catch (error) {
    const { error: said, exitCode } = failureOf(error);
    log(said.message);
    return exitCode;
  }
  const result = await resultOf(step, environment);
  const file = environment.MIGRATE_RESULT_FILE ?? '/dev/termination-log';
  try {
    writeFileSync(file, JSON.stringify(result));
  } catch (error) {
    log(`the result cannot be written to ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  log(result.error === undefined ? `${step} done` : `${step} ended with exit code ${result.exitCode}`);
  return result.exitCode;
}

async function resultOf(step: StepName, environment: NodeJS.ProcessEnv): Promise<JobResult> {
  const stop = new AbortController();
  const end = () => stop.abort();
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  try {
    const input = readInput(step, environment.MIGRATE_JOB);
    return await runStep(input, {
      databaseUrl: environment.DATABASE_URL ?? '',
      migrationsDirectory: environment.MIGRATE_MIGRATIONS_DIRECTORY ?? MIGRATIONS_DIRECTORY,
      backupsDirectory: environment.MIGRATE_BACKUPS_DIRECTORY ?? BACKUPS_DIRECTORY,
      ...(environment.MIGRATE_POSTGRES_BINARIES === undefined
        ? {}
        : { postgresBinaries: environment.MIGRATE_POSTGRES_BINARIES }),
      log,
      signal: stop.signal,
    });
  } catch (error) {
    return fitted(failedResult(step, error), []);
  } finally {
    process.removeListener('SIGTERM', end);
    process.removeListener('SIGINT', end);
  }
}

process.exitCode = await main();
