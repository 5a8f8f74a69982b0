// A downgrade before anything is stopped: what the plan's answer means for status, whether policy and a person allow it,
// and whether every Pod template says which version its code needs. Pure; called by the steps Plan, Commit and Migrate.
//
// A confirmation names the plan's digest: scripts, ledger, and what is lost by name. Rows that an app goes on writing do
// not void it; a table or column more does.
import type { JobResultOf } from '../../api/job-contract.ts';
import { ANNOTATIONS } from '../../api/names.ts';
import type { MigrationStatus, Run } from '../../api/parse.ts';
import { countOf, isRepeatable, migrations } from './direction.ts';
import type { Turn } from './turn.ts';

type Answer = NonNullable<JobResultOf<'PlanResult'>['plan']>;
type Kept = NonNullable<NonNullable<Run['plan']>['downgrade']>;
type Loss = NonNullable<Kept['losses']>[number];

const SHOWN_LOSSES = 8;
const SHOWN_NAMES = 5;
/** That the status has room for. */
const MOST_PENDING = 20;

/** What the status keeps of a planned downgrade. */
export function keptOf({ digest, revertCount, lossCount, losses }: NonNullable<Answer['downgrade']>): Kept {
  return {
    digest,
    revertCount,
    lossCount,
    losses: losses.map(({ kind, name, rows }) => ({
      kind,
      name: name.slice(0, 256),
      ...(rows === null ? {} : { rows }),
    })),
  };
}

/** What is still to be done: to apply, or on the way down to take back, and what of repeatable ones is run after that. */
export function pendingOf({ pendingCount, pendingFirst, downgrade }: Answer): NonNullable<MigrationStatus['pending']> {
  const reverts = downgrade?.reverts.map(({ version }) => version) ?? [];
  return {
    count: pendingCount + (downgrade?.revertCount ?? 0),
    first: [...reverts, ...pendingFirst].slice(0, MOST_PENDING),
  };
}

/** Why a planned downgrade must not be made; undefined when it may, or when the plan goes another way. */
export function forbiddenDowngrade(t: Turn): { readonly reason: string; readonly message: string } | undefined {
  const { plan } = t.run;
  if (plan?.direction !== 'Down') return undefined;
  const policy = t.spec.safety.downgrade;
  const keep = `set spec.target back to ${plan.from}`;
  if (policy === 'Forbid') {
    const allow = 'set spec.safety.downgrade to WhenLossless, which goes down only if nothing is lost';
    const message = `spec.target is ${plan.target}, the database is at ${plan.from}, and spec.safety.downgrade is Forbid. To stay, ${keep}; to go down, ${allow}.`;
    return { reason: 'DowngradeForbidden', message };
  }
  const { digest = '', lossCount = 0 } = plan.downgrade ?? {};
  const given = t.world.resource.confirmsDowngrade;
  if (policy === 'Allow' || lossCount === 0 || given === digest) return undefined;
  const { namespace, name } = t.world.resource;
  const stale = given === undefined ? '' : ` What ${ANNOTATIONS.confirmDowngrade} confirms is another plan.`;
  const command = `kubectl annotate --overwrite --namespace ${namespace} databasemigration ${name} ${ANNOTATIONS.confirmDowngrade}=${digest}`;
  const message = `Going down from ${plan.from} to ${plan.target} would lose data: ${lossesOf(plan.downgrade)}.${stale} To keep it, ${keep}. To lose it, run: ${command}.`;
  return { reason: 'DowngradeWouldLoseData', message };
}

/** What the plan found, for a downgrade that may be made. */
export function describeDowngrade(t: Turn): string {
  const { plan } = t.run;
  const { first = [] } = t.status.pending ?? {};
  const count = countOf(plan);
  const more = count > SHOWN_NAMES ? `, and ${count - SHOWN_NAMES} more` : '';
  const names = `${first
    .filter(name => !isRepeatable(name))
    .slice(0, SHOWN_NAMES)
    .join(', ')}${more}`;
  const how = plan?.transaction === 'PerRun' ? 'in one transaction' : 'in a transaction each';
  const again = plan?.pendingCount ? ` After that, ${migrations(plan.pendingCount, 'repeatable ')} to run.` : '';
  const what = `Downgrade from ${plan?.from} to ${plan?.target}, ${migrations(count)} to take back, ${how}: ${names}.${again}`;
  if ((plan?.downgrade?.lossCount ?? 0) === 0) return `${what} Nothing is lost by it.`;
  const by = t.spec.safety.downgrade === 'Allow' ? 'spec.safety.downgrade allows' : 'was confirmed';
  return `${what} What is lost by it, as ${by}: ${lossesOf(plan?.downgrade)}.`;
}

/** Whether a run ended because a downgrade would lose something that the plan had not seen: a new plan says what. */
export function isLossNews(t: Turn, reason: string): boolean {
  return reason === 'DowngradeWouldLoseData' && t.run.plan?.direction === 'Down';
}

/** Which Pod templates do not say what their code needs, and how that is mended; undefined when all do. */
export function unannotated(t: Turn): string | undefined {
  const { plan } = t.run;
  if (plan?.direction !== 'Down' || t.spec.rollout.strategy === 'None') return undefined;
  const [first, ...others] = t.world.workloads.filter(({ found }) => found !== undefined && !found.minVersion);
  if (first === undefined) return undefined;
  const names = [first, ...others].map(({ kind, name }) => `${kind} ${name}`).join(', ');
  const template = { metadata: { annotations: { [ANNOTATIONS.minVersion]: plan.from } } };
  const patch = JSON.stringify({ spec: { template } });
  const target = `${first.kind.toLowerCase()} ${first.name}`;
  const command = `kubectl patch --namespace ${t.world.resource.namespace} ${target} --type merge --patch '${patch}'`;
  return `The Pod template of ${names} has no annotation ${ANNOTATIONS.minVersion}, so after the downgrade to ${plan.target} nobody would know whether its code may be started. Give it that annotation in its manifest: ${plan.from} for code of that release, ${plan.target} for code that runs on that. To do so for code of ${plan.from}, run: ${command}.`;
}

/** A refusal that what has come since lifts: the confirmation of exactly this plan, or the annotations. */
export function isPermitted(t: Turn): boolean {
  const { outcome, failure, plan } = t.run;
  if (outcome !== 'Refused') return false;
  if (failure?.reason === 'VersionAnnotationMissing') return unannotated(t) === undefined;
  const given = t.world.resource.confirmsDowngrade;
  return failure?.reason === 'DowngradeWouldLoseData' && given !== undefined && given === plan?.downgrade?.digest;
}

function lossesOf(downgrade: Kept | undefined): string {
  const { losses = [], lossCount = 0 } = downgrade ?? {};
  const shown = losses.slice(0, SHOWN_LOSSES).map(describeLoss);
  const more = lossCount - shown.length;
  return more > 0 ? `${shown.join('; ')}; and ${more} more` : shown.join('; ');
}

function describeLoss({ kind, name, rows }: Loss): string {
  if (kind === 'Statement') return `${name} (what it loses cannot be counted)`;
  const what = kind === 'Table' ? 'table' : 'column';
  if (rows === undefined) return `${what} ${name} (its rows cannot be counted)`;
  const [one, many] = kind === 'Table' ? ['row', 'rows'] : ['value', 'values'];
  return `${what} ${name} (${rows} ${rows === 1 ? one : many}${kind === 'Narrowing' ? ' changed' : ''})`;
}
