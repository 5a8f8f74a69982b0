// Which scripts an attempt of a run may run, under the fence and before its first write: the ups that are pending, or the
// downs of what is to be taken back, with the proof that they may. Reads only; refuses what was planned otherwise. Called by
// migrate.ts.

import { lockLimitsOf, readBounded } from './bounded-reads.ts';
import { continuedFile } from './continued-file.ts';
import { assertMayLose, COUNTING, prepareDowngrade } from './downgrade.ts';
import { failure, gathered } from './errors.ts';
import type { Fenced } from './fence/fence.ts';
import { forsakenProblem, halfDoneProblem, nextOf } from './half-done.ts';
import { assertBaseline, type Ledger } from './ledger/ledger.ts';
import { type AcceptedLosses, acceptedBy, isAccepted, readAcceptedLosses } from './losses/accepted-losses.ts';
import type { MigrateRequest } from './migrate-request.ts';
import { type MigrationPlan, planMigrations } from './plan.ts';
import { findSignatures, verifySource } from './source/signatures.ts';
import { parseFile, parseRepeatable } from './sql/statements.ts';
import type { PendingFile, RepeatableFile } from './work.ts';

/** A later attempt of the same run finds the ledger further on; what the run began from must still be the plan's. */
export function assertAsPlanned(request: MigrateRequest, ledger: Ledger, isFirst: boolean): void {
  const version = isFirst ? ledger.version : (ledger.epoch?.runVersion ?? null);
  const digest = isFirst ? ledger.digest : ledger.epoch?.runLedgerDigest;
  if (version !== request.from) {
    const planned = request.from ?? 'empty';
    throw failure('PlanOutdated', { what: 'the version of the database', planned, found: version ?? 'empty' });
  }
  if (digest !== request.ledgerDigest) {
    const found = (digest ?? 'unknown').slice(0, 12);
    throw failure('PlanOutdated', { what: "the ledger's digest", planned: request.ledgerDigest.slice(0, 12), found });
  }
}

export interface ScriptsToRun {
  /** In the order in which they run. */
  readonly files: readonly PendingFile[];
  /** On the way down: what the run may lose. */
  readonly accepted: AcceptedLosses | undefined;
}

/** Throws PlanOutdated, DowngradeWouldLoseData, and what reading, proving and counting them throws. */
export async function scriptsToRun(request: MigrateRequest, fenced: Fenced, isFirst: boolean): Promise<ScriptsToRun> {
  const plan = planMigrations(request.source, fenced.ledger, request.to);
  const wanted = request.direction ?? 'Up';
  // An earlier attempt may have taken every version back and left the repeatables to this one.
  const isRest = plan.direction === 'Up' && plan.pending.length === 0 && !isFirst;
  if (plan.direction !== 'None' && plan.direction !== wanted && !isRest) {
    throw failure('PlanOutdated', { what: 'the direction', planned: wanted, found: plan.direction });
  }
  const signatures = await signaturesOf(request);
  const repeatables = repeatableFiles(request, plan, signatures);
  if (wanted === 'Down') {
    const { files, accepted } = await downFiles(request, fenced, plan, isFirst);
    return { files: [...files, ...repeatables], accepted };
  }
  return {
    files: [...(await upFiles(request, fenced, plan, isFirst, signatures)), ...repeatables],
    accepted: undefined,
  };
}

type Signatures = Awaited<ReturnType<typeof signaturesOf>>;

/** After everything else, in the order of their descriptions. */
function repeatableFiles(
  { source: { layout } }: MigrateRequest,
  plan: MigrationPlan,
  signatures: Signatures,
): readonly RepeatableFile[] {
  return plan.repeatables.map(migration => {
    const signature = signatures?.get(migration.version);
    return { direction: 'Repeat', migration, layout, signature, parsed: parseRepeatable(migration) };
  });
}

async function upFiles(
  request: MigrateRequest,
  { connection, ledger }: Fenced,
  plan: MigrationPlan,
  isFirst: boolean,
  signatures: Signatures,
): Promise<readonly PendingFile[]> {
  if (isFirst) await assertBaseline(connection, ledger, request.attempt.ledgerSchema);
  const { layout } = request.source;
  const files = plan.pending.map(migration => {
    const signature = signatures?.get(migration.version);
    const whole = request.parsed?.get(migration.up) ?? parseFile(migration.up);
    const parsed = continuedFile(migration.version, whole, ledger.progress);
    return { direction: 'Up', migration, layout, signature, parsed } as const;
  });
  const problems = [
    forsakenProblem(nextOf(plan), ledger.progress),
    ...files.map(file => halfDoneProblem(file.migration.version, file.parsed, ledger.progress)),
  ].filter(problem => problem !== undefined);
  if (problems.length > 0) throw gathered(problems);
  return files;
}

/** A later attempt of a run runs what is left, and may lose what the first was allowed. */
async function downFiles(
  request: MigrateRequest,
  { connection, server, surroundings, ledger }: Fenced,
  plan: MigrationPlan,
  isFirst: boolean,
): Promise<ScriptsToRun> {
  const { trust, confirmedLoss, attempt } = request;
  const asked = { ledgerSchema: attempt.ledgerSchema, ledger, plan, trust };
  const downgrade = await readBounded(connection, surroundings, lockLimitsOf(request.execution), COUNTING, () =>
    prepareDowngrade(connection, server, asked),
  );
  const accepted = acceptedBy(downgrade);
  const begun = isFirst ? undefined : await readAcceptedLosses(connection, attempt);
  const isAllowed = begun !== undefined && isAccepted(begun, downgrade.losses, accepted.scripts);
  if (!isAllowed) assertMayLose(downgrade, confirmedLoss);
  return { files: downgrade.files, accepted };
}

async function signaturesOf({ source, trust }: MigrateRequest) {
  if (trust === undefined) return undefined;
  return verifySource(source, await findSignatures(source.directory), trust);
}
