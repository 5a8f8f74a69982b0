// The commit: the point from which a run goes to its end. One status write freezes the spec and remembers each
// workload's count and template; a finalizer, added just before, keeps the resource until the app is back.

import { end, fail } from '../ending.ts';
import { isMarked, recordFor } from '../live.ts';
import type { Turn } from '../turn.ts';

/** Judges a planned run: is there anything to do, may it start now? */
export function judgeCommit(t: Turn): 'Committed' | 'NothingToDo' | 'Waiting' {
  if (t.run.committedTime !== undefined) return 'Committed';
  if (!hasWork(t)) return 'NothingToDo';
  if (isRefused(t) || isVolumeTaken(t)) return 'Waiting';
  if (t.world.resource.finalizer === 'Absent') {
    t.do({ do: 'AddFinalizer' });
    t.reconciling('Planning', `${t.step('Plan')?.message ?? 'Planned.'} About to begin.`);
    return 'Waiting';
  }
  t.run.committedTime = t.world.now;
  t.run.spec = structuredClone(t.spec) as unknown as Record<string, unknown>;
  t.run.workloads = t.world.workloads.map(recordFor);
  const message = 'Its turn has not come.';
  for (const type of ['BackedUp', 'Migrated', 'RolledOut', 'Validated'] as const)
    t.condition(type, 'False', 'Pending', message);
  if (t.run.plan?.pendingCount === 0)
    t.condition('BackedUp', 'False', 'NotRequired', 'Nothing is to be migrated, so no backup is taken.');
  return 'Committed';
}

/** Pending migrations, a workload that waits for us, or a rollout that failed and is to be judged again. */
function hasWork(t: Turn): boolean {
  const { plan } = t.run;
  if ((plan?.pendingCount ?? 0) > 0) return true;
  const started = new Set(t.status.startedWorkloads ?? []);
  const waits = t.world.workloads.some(({ kind, name, found }) => {
    if (found === undefined || found.replicas > 0) return false;
    const given = t.spec.rollout.workloads.find(ref => ref.kind === kind && ref.name === name)?.replicas;
    return isMarked(t, found) || (given !== undefined && !started.has(found.uid));
  });
  const isUnvalidated = t.status.history?.[0]?.kind === 'Application';
  return t.spec.rollout.strategy !== 'None' && (waits || isUnvalidated);
}

function isRefused(t: Turn): boolean {
  if (t.spec.rollout.strategy !== 'Rolling') return false;
  const onDelete = t.world.workloads.find(workload => workload.found?.updateStrategy === 'OnDelete');
  if (onDelete === undefined) return false;
  fail(
    t,
    'Plan',
    'Environment',
    'UnsupportedWorkload',
    `${onDelete.kind} ${onDelete.name} has updateStrategy OnDelete, so its Pods would go on with the old code. Use RollingUpdate, or strategy Recreate.`,
  );
  end(t, 'Refused');
  return true;
}

/** Never two Jobs on one volume claim: a run takes its place before it stops anything. */
function isVolumeTaken(t: Turn): boolean {
  const [user] = t.world.volumeUsers;
  if (user === undefined || t.spec.backup.policy === 'Never') return false;
  t.reconciling(
    'WaitingForVolume',
    `The volume claim ${t.spec.backup.storage?.volumeClaim.name} is in use by the run of DatabaseMigration ${user}. Nothing is stopped; this run begins when that one has its backup.`,
  );
  t.lookIn(10);
  return true;
}
