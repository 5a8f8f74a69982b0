// The commit: the point from which a run goes to its end. One status write freezes the spec and remembers each
// workload's count and template; a finalizer, added just before, keeps the resource until the app is back.

import { isChanging, isStopping } from '../direction.ts';
import { unannotated } from '../downgrade.ts';
import { end, fail, OF_STEPS } from '../ending.ts';
import { isMarked, recordFor } from '../live.ts';
import type { Turn } from '../turn.ts';

/** Judges a planned run: is there anything to do, may it start now? */
export function judgeCommit(t: Turn): 'Committed' | 'NothingToDo' | 'Waiting' {
  if (t.run.committedTime !== undefined) return 'Committed';
  if (!hasWork(t)) return 'NothingToDo';
  if (isStopping(t) && t.world.scalers === undefined) return look(t);
  if (isRefused(t) || isVolumeTaken(t)) return 'Waiting';
  if (t.world.resource.finalizer === 'Absent') {
    t.do({ do: 'AddFinalizer' });
    t.reconciling('Planning', `${t.step('Plan')?.message ?? 'Planned.'} About to begin.`);
    return 'Waiting';
  }
  if (takesVolume(t) && !isPlanWritten(t)) return look(t);
  t.run.committedTime = t.world.now;
  t.run.spec = structuredClone(t.spec) as unknown as Record<string, unknown>;
  t.run.workloads = t.world.workloads.map(recordFor);
  const message = 'Its turn has not come.';
  for (const type of OF_STEPS) t.condition(type, 'False', 'Pending', message);
  if (!isChanging(t.run.plan))
    t.condition('BackedUp', 'False', 'NotRequired', 'Nothing is to be migrated, so no backup is taken.');
  return 'Committed';
}

/** Something to apply or to take back, a workload that waits for us, or a rollout that is still to be judged. */
function hasWork(t: Turn): boolean {
  const { plan } = t.run;
  if (isChanging(plan)) return true;
  const started = new Set(t.status.startedWorkloads ?? []);
  const waits = t.world.workloads.some(({ kind, name, found }) => {
    if (found === undefined || found.replicas > 0) return false;
    const given = t.spec.rollout.workloads.find(ref => ref.kind === kind && ref.name === name)?.replicas;
    return isMarked(t, found) || (given !== undefined && !started.has(found.uid));
  });
  return t.spec.rollout.strategy !== 'None' && (waits || isUnvalidated(t));
}

/** The last run failed in Start or Validate, or a new spec took over while it awaited a manifest: nobody asked the checks. */
function isUnvalidated(t: Turn): boolean {
  const last = t.status.history?.[0];
  const isCutShort = last?.outcome === 'Superseded' && t.conditionOf('Migrated')?.status === 'True';
  return last?.kind === 'Application' || (isCutShort && t.conditionOf('Validated')?.reason === 'Pending');
}

/** A fact is missing that the commit rests on; the next pass reads it. */
function look(t: Turn): 'Waiting' {
  t.reconciling('Planning', `${t.step('Plan')?.message ?? 'Planned.'} About to begin.`);
  t.lookIn(0);
  return 'Waiting';
}

function isRefused(t: Turn): boolean {
  const why = unsupported(t);
  const missing = unannotated(t);
  if (why === undefined && missing === undefined) return false;
  const reason = why === undefined ? 'VersionAnnotationMissing' : 'UnsupportedWorkload';
  fail(t, 'Plan', 'Environment', reason, why ?? missing ?? '');
  end(t, 'Refused');
  return true;
}

/** A workload that this strategy cannot do right by, known before anything is stopped. */
function unsupported(t: Turn): string | undefined {
  const { workloads, scalers = [] } = t.world;
  if (t.spec.rollout.strategy === 'Rolling' && !isStopping(t)) {
    const onDelete = workloads.find(workload => workload.found?.updateStrategy === 'OnDelete');
    return (
      onDelete &&
      `${onDelete.kind} ${onDelete.name} has updateStrategy OnDelete, so its Pods would go on with the old code. Use RollingUpdate, or strategy Recreate.`
    );
  }
  if (!isStopping(t)) return undefined;
  const remedy =
    t.run.plan?.direction === 'Down'
      ? 'Delete the ScaledObject for the time of the downgrade.'
      : 'Use strategy Rolling, or delete the ScaledObject for the time of the release.';
  const scaled = scalers.find(({ kind, scales }) => workloads.some(one => one.kind === kind && one.name === scales));
  return (
    scaled &&
    `${scaled.kind} ${scaled.scales} is scaled by the KEDA ScaledObject ${scaled.name}, which would raise it while it is held at zero; this is not supported yet. ${remedy}`
  );
}

function takesVolume(t: Turn): boolean {
  return t.spec.backup.policy !== 'Never' && isChanging(t.run.plan);
}

/** Another run that wants the same volume must be able to see that this one is about to begin: volume-users.ts. */
function isPlanWritten(t: Turn): boolean {
  const before = t.world.status.ok ? t.world.status.value.run : undefined;
  return before?.id === t.run.id && before.steps?.some(step => step.name === 'Plan' && step.state === 'Done') === true;
}

/** Never two Jobs on one volume claim: a run takes its place before it stops anything. */
function isVolumeTaken(t: Turn): boolean {
  const [user] = t.world.volumeUsers;
  if (user === undefined || !takesVolume(t)) return false;
  t.reconciling(
    'WaitingForVolume',
    `The volume claim ${t.spec.backup.storage?.volumeClaim.name} is in use by the run of DatabaseMigration ${user}. Nothing is stopped; this run begins when that one has its backup.`,
  );
  t.lookIn(10);
  return true;
}
