// The step `settle`: after any lost or ambiguous result it asks the database, behind the fence, what became of the run.
import { CONTRACT_VERSION, type JobInputOf, type JobResultOf } from '../api/job-contract.ts';
import { settleRun } from '../engine/settle.ts';
import { assertTellable } from '../engine/source/long-names.ts';
import { attemptOf, StepConnections, type StepEnvironment, surroundingsOf } from './environment.ts';
import { ledgerState } from './ledger-state.ts';

export async function settle(
  input: JobInputOf<'settle'>,
  environment: StepEnvironment,
): Promise<JobResultOf<'SettleResult'>> {
  const connections = new StepConnections(input, environment);
  const settlement = await settleRun(attemptOf(input), surroundingsOf(connections, environment));
  const { ledger, server, hasBegun } = settlement;
  assertTellable([ledger.version]);
  environment.log(
    `settled: the database is at ${ledger.version ?? 'nothing'}, ${ledger.progress.length} progress rows`,
  );
  return {
    kind: 'SettleResult',
    contract: CONTRACT_VERSION,
    exitCode: 0,
    notes: [...settlement.notes],
    ledger: {
      ...ledgerState(ledger, server),
      progressRows: ledger.progress.length,
      epochRunId: hasBegun ? input.runId : null,
      schemaSinceEpoch: settlement.schemaSinceEpoch,
      unchanged: settlement.unchanged,
      appliedByRun: settlement.appliedByRun.slice(0, 20),
      revertedByRun: settlement.revertedByRun.slice(0, 20),
      auditHead: settlement.auditHead,
    },
  };
}
