// Which way a planned run goes, and what follows from that for everything around the database: whether there is anything to
// write, whether the app is stopped for it, and which code may run afterwards. Pure; called by the steps and the way back.
import type { Run } from '../../api/parse.ts';
import { compareVersions, orderOf } from '../../api/versions.ts';
import type { Maximum } from './fit.ts';
import type { Turn } from './turn.ts';

type Plan = Run['plan'];

/** Whether the run writes to the database at all: scripts, or the record of an adopted one. */
export function isChanging(plan: Plan): boolean {
  return countOf(plan) > 0 || plan?.baseline !== undefined;
}

/** Scripts to be run: up ones and repeatable ones, or on the way down the down ones. */
export function countOf(plan: Plan): number {
  return plan?.direction === 'Down' ? (plan.downgrade?.revertCount ?? 0) : (plan?.pendingCount ?? 0);
}

/** What the database is at by the last answer. One that was to be adopted, and is not, is what a person said it is. */
export function versionOf({ ledger, plan }: Run): string | undefined {
  const isStillToAdopt = plan?.baseline !== undefined && ledger?.unchanged === true && ledger.appliedCount === 0;
  return ledger?.version ?? (isStillToAdopt ? plan.baseline?.version : undefined);
}

/** Whether the database is where the plan wanted it, by the last answer. */
export function isAtTarget(run: Run): boolean {
  const { ledger, plan } = run;
  if (ledger?.version === undefined || plan === undefined || ledger.progressRows > 0) return false;
  return compareVersions(ledger.version, plan.target) === 0 && !hasRepeatablesLeft(run);
}

/** Of repeatable migrations no version tells: it may be the target's before them, and while some are still to come. */
export function hasRepeatablesLeft({ ledger, plan }: Run): boolean {
  return plan?.goalDigest !== undefined && plan.goalDigest !== ledger?.ledgerDigest;
}

/** A name without a number, as in `status.pending`: Flyway's `R__views`. */
export function isRepeatable(name: string): boolean {
  return orderOf(name) === undefined;
}

/** Whether this run holds the app at zero: no code that knows a table may run while that is taken back. */
export function isStopping(t: Turn): boolean {
  const { strategy } = t.spec.rollout;
  if (countOf(t.run.plan) === 0) return false;
  return strategy === 'Recreate' || (strategy === 'Rolling' && t.run.plan?.direction === 'Down');
}

/** Under Rolling newer code runs on any later schema, but nobody said that older code runs on one that was never its. */
export function maximumOf(t: Turn): Maximum {
  return t.spec.rollout.strategy === 'Recreate' || t.status.run?.plan?.direction === 'Down' ? 'Minimum' : 'None';
}

/** `1 migration`, `3 migrations`. */
export function migrations(count: number, kind: '' | 'repeatable ' = ''): string {
  return `${count} ${kind}${count === 1 ? 'migration' : 'migrations'}`;
}
