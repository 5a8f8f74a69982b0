// Stop: is the app off? Each workload is first marked with its count (so that the count survives even the resource),
// then scaled to zero, then watched until its last Pod has gone.
//
// Order of effects, per workload: (1) mark, (2) scale, (3) "Stopped" goes to status once zero was seen.
// A crash after 1: marked and not at zero, not yet Stopped: it is scaled. After 2: it is at zero: 3 follows.
import type { Action } from '../actions.ts';
import { hasBegun } from '../begun.ts';
import { fail } from '../ending.ts';
import { liveOf, targetOf } from '../live.ts';
import type { Turn } from '../turn.ts';
import { phrase } from '../wording.ts';
import type { LiveWorkload, WorkloadView } from '../world.ts';

/** Judges all workloads at once; done when nothing of them runs. */
export function judgeStop(t: Turn): 'Done' | 'Waiting' {
  const isNew = t.isDone('Stop');
  if (isNew && hasMigrationBegun(t)) return 'Done';
  t.begin('Stop');
  const waits = t.world.workloads
    .filter(workload => !isNew || isNewcomer(t, workload))
    .flatMap(workload => stopOne(t, workload) ?? []);
  if (t.run.failure !== undefined) return 'Waiting';
  if (waits.length > 0) {
    const notes = waits.map(wait => wait.note).join('; ');
    // What is given up is not stopped any further: the way back begins in this very pass, and it takes the marks away.
    if (isStoppedTooLong(t, notes)) return 'Waiting';
    for (const wait of waits) for (const action of wait.actions) t.do(action);
    const message = `The app is being stopped: ${notes}.`;
    t.reconciling('Stopping', message);
    t.condition('RolledOut', 'False', 'Stopping', message);
    t.lookAtApp(t.begin('Stop').startTime);
    return 'Waiting';
  }
  const message = 'The app is stopped: no Pod of it runs.';
  t.condition('RolledOut', 'False', 'Stopped', message);
  if (isNew) return 'Done';
  t.finish('Stop', message);
  t.tell('Normal', 'Stopped', message);
  return 'Done';
}

/** A workload that was made or made anew since the commit: it is stopped like the others, until the migration has begun. */
function isNewcomer(t: Turn, workload: WorkloadView): boolean {
  const record = recordOf(t, workload);
  return workload.found !== undefined && (record?.uid !== workload.found.uid || record.state === 'Seen');
}

function hasMigrationBegun(t: Turn): boolean {
  const step = t.step('Migrate');
  return step !== undefined && (step.state !== 'Waiting' || hasBegun(step));
}

/** Gives the run up when the app has been down for its limit; what stood in the way goes into the message. */
export function isStoppedTooLong(t: Turn, what: string): boolean {
  const stop = t.step('Stop');
  if (stop === undefined) return false;
  const limit = t.spec.rollout.maxStoppedSeconds;
  const left = limit - t.since(stop.startTime);
  if (left > 0) {
    t.lookIn(left);
    return false;
  }
  const step = t.isDone('BackUp') ? 'Migrate' : t.isDone('Stop') ? 'BackUp' : 'Stop';
  fail(
    t,
    step,
    'Environment',
    'StoppedTooLong',
    `The app had been stopped for ${limit} s (spec.rollout.maxStoppedSeconds) and the migration could not begin: ${phrase(what)}.`,
  );
  return true;
}

/** Whether somebody raised a workload that we hold at zero; the run is then given up, not fought for. */
export function isContested(t: Turn): boolean {
  for (const workload of t.world.workloads) {
    const live = workload.found;
    const record = recordOf(t, workload);
    if (live === undefined || record?.uid !== live.uid || record.state !== 'Stopped' || live.replicas === 0) continue;
    // A scale through /scale leaves no owner of the count behind, so the manager is not always known.
    const by = live.scaledBy === 'unknown' ? '' : ` by "${live.scaledBy}"`;
    fail(
      t,
      t.isDone('BackUp') ? 'Migrate' : t.isDone('Stop') ? 'BackUp' : 'Stop',
      'Environment',
      'ReplicasContested',
      `${workload.kind} ${workload.name} was raised to ${live.replicas} replicas${by} while it was held at zero. Take the replicas out of what applies or scales it.`,
    );
    return true;
  }
  return false;
}

interface Wait {
  readonly note: string;
  readonly actions: readonly Action[];
}

/** What is still to wait for and to do, or undefined when this workload is off. */
function stopOne(t: Turn, workload: WorkloadView): Wait | undefined {
  const live = workload.found;
  if (live === undefined) return undefined;
  const label = `${workload.kind} ${workload.name}`;
  const record = liveOf(t, workload);
  const ours = live.mark !== undefined && live.mark.uid === t.world.resource.uid;
  if (live.replicas > 0) {
    if (record.state === 'Stopped') {
      isContested(t);
      return { note: `${label} was raised again`, actions: [] };
    }
    if (!ours || live.mark?.run !== t.run.id) {
      const by = `${t.world.resource.uid}/${t.run.id}`;
      const mark = { do: 'MarkWorkload', workload: targetOf(workload, live), by, replicas: live.replicas } as const;
      return {
        note: `the count of ${label}, ${live.replicas}, is being written into its annotations`,
        actions: [mark],
      };
    }
    const scale = { do: 'ScaleWorkload', workload: targetOf(workload, live), replicas: 0 } as const;
    return { note: `${label} is being scaled from ${live.replicas} to 0`, actions: [scale] };
  }
  if (record.state !== 'Stopped') {
    record.state = 'Stopped';
    record.since = t.world.now;
  }
  if (live.pods.length === 0 && live.statusReplicas === 0 && live.observedGeneration >= live.generation)
    return undefined;
  const note = `${label} has ${podsLeft(live)} left`;
  if (workload.kind === 'Deployment') return { note, actions: [] };
  const until = t.after(t.spec.rollout.drainSeconds - t.since(t.begin('Stop').startTime));
  return { note: `${note}, to be deleted from ${until} on`, actions: deletionsOfStuckPods(t, live) };
}

function podsLeft(live: LiveWorkload): string {
  const count = Math.max(live.pods.length, live.statusReplicas);
  const names = live.pods
    .slice(0, 3)
    .map(pod => (pod.problem === undefined ? pod.name : `${pod.name}: ${pod.problem}`));
  return `${count} ${count === 1 ? 'Pod' : 'Pods'}${names.length === 0 ? '' : ` (${names.join(', ')})`}`;
}

/** A StatefulSet does not scale down past an unhealthy Pod: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/ */
function deletionsOfStuckPods(t: Turn, live: LiveWorkload): readonly Action[] {
  const stop = t.begin('Stop');
  const left = t.spec.rollout.drainSeconds - t.since(stop.startTime);
  if (left > 0) t.lookIn(left);
  return left > 0 ? [] : live.pods.map(pod => ({ do: 'DeletePod', name: pod.name, uid: pod.uid }));
}

function recordOf(t: Turn, workload: WorkloadView) {
  return t.run.workloads?.find(record => record.kind === workload.kind && record.name === workload.name);
}
