// Which way a planned run goes, and what follows from that for everything around the database: whether there is anything to
// write, whether the app is stopped for it, and which code may run afterwards. Pure; called by the steps and the way back.
import type { Run } from '../../api/parse.ts';
import type { Maximum } from './fit.ts';
import type { Turn } from './turn.ts';

type Plan = Run['plan'];

/** Whether the run writes to the database at all: scripts, or the record of an adopted one. */
export function isChanging(plan: Plan): boolean {
  return countOf(plan) > 0 || plan?.baseline !== undefined;
}

/** Scripts to be run: up ones, or on the way down the down ones. */
export function countOf(plan: Plan): number {
  return plan?.direction === 'Down' ? (plan.downgrade?.revertCount ?? 0) : (plan?.pendingCount ?? 0);
}

/** What the database is at by the last answer. One that was to be adopted, and is not, is what a person said it is. */
export function versionOf({ ledger, plan }: Run): string | undefined {
  const isStillToAdopt = plan?.baseline !== undefined && ledger?.unchanged === true && ledger.appliedCount === 0;
  return ledger?.version ?? (isStillToAdopt ? plan.baseline?.version : undefined);
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
export function migrations(count: number): string {
  return `${count} ${count === 1 ? 'migration' : 'migrations'}`;
}
