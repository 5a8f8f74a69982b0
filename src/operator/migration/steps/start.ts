// Start: does the app run on the new version? Workloads whose manifest fits are started (Recreate) or restarted
// (Rolling); the others are awaited, and meanwhile the resource is Ready=True/AwaitingManifest so that a sync goes on.
import { type BringUp, bringUp, isFullyUp, lastMoved } from '../bring-up.ts';
import { maximumOf } from '../direction.ts';
import { fail } from '../ending.ts';
import { fitOf } from '../fit.ts';
import { liveOf, targetOf } from '../live.ts';
import type { Turn } from '../turn.ts';
import type { WorkloadView } from '../world.ts';

const POLL_SECONDS = 10;
/** After this long a workload that does not exist is worth a Warning event. */
const MISSING_SECONDS = 600;

export function judgeStart(t: Turn): 'Done' | 'Waiting' {
  if (t.isDone('Start')) return 'Done';
  if (t.spec.rollout.strategy === 'None' || t.spec.rollout.workloads.length === 0) {
    t.condition('RolledOut', 'True', 'NotManaged', 'No workload is started or stopped by this resource.');
    t.finish('Start', 'nothing to start');
    return 'Done';
  }
  const step = t.begin('Start');
  const all = t.world.workloads.map(workload => startOne(t, workload));
  const coming = all.filter(one => one.state === 'ComingUp');
  const awaited = all.filter(one => one.state === 'AwaitingManifest');
  if (coming.length > 0) return comingUp(t, coming);
  if (awaited.length > 0) return awaitManifest(t, awaited, step.startTime);
  const message = `The app is up: ${all.map(one => one.note).join('; ')}.`;
  t.finish('Start', message);
  t.condition('RolledOut', 'True', 'Started', message);
  t.tell('Normal', 'Started', message);
  return 'Done';
}

function startOne(t: Turn, workload: WorkloadView): BringUp {
  const version = t.run.ledger?.version ?? null;
  const live = workload.found;
  // On the way down the app was stopped, so its Pods are new anyhow.
  const restart = t.spec.rollout.strategy === 'Rolling' && t.run.plan?.direction === 'Up';
  if (restart && live !== undefined && live.replicas > 0 && fitOf(live, version, maximumOf(t)) === 'Unannotated') {
    const by = `${t.world.resource.uid}/${t.run.id}`;
    if (live.restartedFor !== by) {
      t.do({ do: 'RestartWorkload', workload: targetOf(workload, live), restartedFor: by });
      const record = liveOf(t, workload);
      return { state: 'ComingUp', note: `${workload.kind} ${workload.name} is restarted`, record, live };
    }
  }
  return bringUp(t, workload, { version, unannotated: 'Start' });
}

function comingUp(t: Turn, coming: readonly (BringUp & { state: 'ComingUp' })[]): 'Waiting' {
  const message = `The app is starting: ${coming.map(one => one.note).join('; ')}.`;
  t.reconciling('Starting', message);
  t.condition('RolledOut', 'False', 'Starting', message);
  t.lookAtApp(lastMoved(t, coming));
  const limit = t.spec.rollout.progressDeadlineSeconds;
  const late = coming.find(
    one => one.record.since !== undefined && t.since(one.record.since) >= limit && !isFullyUp(one.live),
  );
  if (late !== undefined) {
    fail(
      t,
      'Start',
      'Application',
      'RolloutFailed',
      `The app was not fully up ${limit} s after its start: ${late.note}.`,
    );
  }
  return 'Waiting';
}

function awaitManifest(
  t: Turn,
  awaited: readonly (BringUp & { state: 'AwaitingManifest' })[],
  since: string,
): 'Waiting' {
  const isMissing = t.world.workloads.some(workload => workload.found === undefined);
  const check = isMissing ? '. If a name is mistyped, mend it in spec.rollout.workloads' : '';
  const notes = `${awaited.map(one => one.note).join('; ')}${check}`;
  const waited = t.since(since);
  t.lookIn(POLL_SECONDS);
  const held = awaited.some(one => one.held);
  const limit = t.spec.rollout.manifestDeadlineSeconds;
  if (held && waited >= limit) {
    const message = `The database is at ${t.run.ledger?.version} and the app is stopped, but its manifest has not come for ${limit} s: ${notes}. Apply the manifest for this version; the app then starts by itself.`;
    t.stalled('ManifestOverdue', message);
    t.condition('RolledOut', 'False', 'ManifestOverdue', message);
    return 'Waiting';
  }
  const until = held ? ' The app is stopped, and starts by itself when it has come.' : '';
  const message = `The database is at ${t.run.ledger?.version}; the app's manifest for it is awaited: ${notes}.${until}`;
  if (waited >= MISSING_SECONDS && t.conditionOf('RolledOut')?.reason !== 'ManifestMissing') {
    t.tell('Warning', 'ManifestMissing', message);
  }
  t.summary('True', 'Resting', 'AwaitingManifest', message);
  t.condition('RolledOut', 'False', waited >= MISSING_SECONDS ? 'ManifestMissing' : 'AwaitingManifest', message);
  return 'Waiting';
}

/** Whether the run is past Migrate and only waits for manifests: a new release may then take over. */
export function isAwaitingManifest(t: Turn): boolean {
  const ready = t.conditionOf('Ready')?.reason;
  return t.isDone('Migrate') && !t.isDone('Start') && (ready === 'AwaitingManifest' || ready === 'ManifestOverdue');
}
