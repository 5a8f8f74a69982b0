// The step `migrate`: takes the files to the database by the engine, and tells honestly whether it may have written.
import { CONTRACT_VERSION, type JobInputOf, type JobResultOf } from '../api/job-contract.ts';
import { failure } from '../engine/errors.ts';
import { migrateDatabase } from '../engine/migrate.ts';
import { isTooLong } from '../engine/source/long-names.ts';
import { attemptOf, StepConnections, type StepEnvironment, surroundingsOf } from './environment.ts';
import { ledgerState } from './ledger-state.ts';
import { failureOf } from './result.ts';
import { readMountedSource } from './source.ts';

export async function migrate(
  input: JobInputOf<'migrate'>,
  environment: StepEnvironment,
): Promise<JobResultOf<'MigrateResult'>> {
  const source = await readMountedSource(environment);
  if (source.digest !== input.sourceDigest) {
    const [planned, found] = [input.sourceDigest.slice(0, 12), source.digest.slice(0, 12)];
    throw failure('PlanOutdated', { what: "the files' digest", planned, found });
  }
  const check = input.sessionCheck;
  const outcome = await migrateDatabase(
    {
      attempt: attemptOf(input),
      source,
      from: input.from,
      to: input.to,
      ledgerDigest: input.ledgerDigest,
      execution: input.execution,
      strategy: input.strategy,
      appRoles: input.appRoles,
      direction: input.direction ?? 'Up',
      ...(input.baseline === undefined ? {} : { baseline: input.baseline.version }),
      ...(input.confirmedLoss === undefined ? {} : { confirmedLoss: input.confirmedLoss }),
      applicationSessions:
        check === undefined ? undefined : { roles: check.appRoles, drainMs: check.drainSeconds * 1000 },
    },
    surroundingsOf(new StepConnections(input, environment), environment),
  );
  const { ledger, server, appliedNow, revertedNow, auditHead, notes, wrote } = outcome;
  const progressRows = ledger?.progress.length ?? 0;
  return {
    kind: 'MigrateResult',
    contract: CONTRACT_VERSION,
    exitCode: 0,
    ...(outcome.error === undefined ? {} : failureOf(outcome.error, environment.signal)),
    notes: [...notes],
    wrote,
    // An answer with such a version could not be read; one without the ledger can, and `settle` is asked.
    ...(ledger === undefined || server === undefined || isTooLong(ledger.version ?? '')
      ? {}
      : { ledger: { ...ledgerState(ledger, server), appliedNow, revertedNow, progressRows, auditHead } }),
  };
}
