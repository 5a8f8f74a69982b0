// Back up: is there a restore point? A DatabaseBackup is asked for, and its controller does the work; this step is
// latched when it is complete and its uid and digest are in status.
//
// Order of effects: (1) the backup's name and attempt number go to status, (2) it is created. A backup that status does
// not name starts nothing, so a crash between the two leaves nothing behind.
import { fail } from '../ending.ts';
import { backupName, backupSpecFor } from '../requests.ts';
import type { Turn } from '../turn.ts';
import { isContested, isStoppedTooLong } from './stop.ts';

export function judgeBackUp(t: Turn): 'Done' | 'Waiting' {
  if (t.isDone('BackUp')) return 'Done';
  if (t.spec.backup.policy === 'Never') {
    t.condition(
      'BackedUp',
      'False',
      'NotRequired',
      'spec.backup.policy is Never: there is no backup, and no way back to the data as it was.',
    );
    t.finish('BackUp', 'not required');
    return 'Done';
  }
  if (isContested(t)) return 'Waiting';
  if (t.spec.suspend && t.run.backup === undefined) return suspended(t);
  const step = t.begin('BackUp');
  if (t.run.backup === undefined) t.run.backup = { name: backupName(t), attempt: t.nextAttempt() };
  const { backup } = t.world;
  const asked = t.run.backup;
  if (backup === undefined || backup.name !== asked.name) {
    if (isStoppedTooLong(t, 'the backup was still to be asked for')) return 'Waiting';
    const deadline = t.after(t.spec.rollout.maxStoppedSeconds - t.since(t.step('Stop')?.startTime ?? step.startTime));
    t.do({ do: 'CreateBackup', name: asked.name, spec: backupSpecFor(t, asked.attempt, deadline) });
    return backingUp(t, `DatabaseBackup ${asked.name} is being made.`);
  }
  if (backup.migrationUid !== t.world.resource.uid) {
    fail(
      t,
      'BackUp',
      'Environment',
      'BackupNameTaken',
      `DatabaseBackup ${backup.name} exists and belongs to another resource. Delete it.`,
    );
    return 'Waiting';
  }
  return follow(t, backup);
}

function follow(t: Turn, backup: NonNullable<Turn['world']['backup']>): 'Done' | 'Waiting' {
  const { status } = backup;
  const complete = status.conditions?.find(condition => condition.type === 'Complete');
  if (complete?.status === 'True' && status.digest !== undefined) {
    const asked = t.run.backup;
    if (asked !== undefined) t.run.backup = { ...asked, uid: backup.uid, digest: status.digest };
    const message = `DatabaseBackup ${backup.name} is complete: ${status.sizeBytes ?? 0} bytes, ${status.rowCount ?? 0} rows in ${status.tableCount ?? 0} tables.`;
    t.finish('BackUp', message);
    t.condition('BackedUp', 'True', 'Complete', message);
    t.tell('Normal', 'BackedUp', message);
    return 'Done';
  }
  const stalled = status.conditions?.find(condition => condition.type === 'Stalled');
  if (stalled?.status === 'True') {
    fail(t, 'BackUp', 'Environment', stalled.reason, `No backup, so nothing was migrated: ${stalled.message}`);
    return 'Waiting';
  }
  return backingUp(t, complete?.message ?? `DatabaseBackup ${backup.name} is being made.`, complete?.reason);
}

/** Between two attempts the reason is what stood in the way of the last one, if that was not a crash. */
function backingUp(t: Turn, message: string, obstacle = 'BackingUp'): 'Waiting' {
  const reason = obstacle === 'JobCrashed' ? 'BackingUp' : obstacle;
  t.reconciling(reason, message);
  t.condition('BackedUp', 'False', reason, message);
  isStoppedTooLong(t, message);
  return 'Waiting';
}

/** spec.suspend holds back new attempts; the app comes back when its limit is over. */
export function suspended(t: Turn): 'Waiting' {
  const stop = t.step('Stop');
  const app =
    stop === undefined
      ? ''
      : ` The app is stopped, and comes back at ${t.after(t.spec.rollout.maxStoppedSeconds - t.since(stop.startTime))} at the latest.`;
  // The run is under way, so this is no rest: kstatus and Argo CD go on waiting, and the limit of the stop holds.
  t.reconciling(
    'Suspended',
    `spec.suspend is true: run ${t.run.id} to ${t.run.plan?.target} makes no new attempt.${app} Set it to false to go on.`,
  );
  isStoppedTooLong(t, 'spec.suspend is true');
  return 'Waiting';
}
