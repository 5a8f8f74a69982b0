// Bringing one workload up, on the way forward (step Start) and on the way back (recovery), and later when a held one's
// manifest has come. Which version the app must fit is the caller's to say.
//
// Order of effects: (1) for a first start, the uid goes to status.startedWorkloads, (2) scale up, (3) the mark is
// removed. A crash after 1: the record says Starting, it is at zero: it is scaled. After 2: above zero and marked: 3 follows.
import type { RunWorkload } from '../../api/parse.ts';
import { maximumOf } from './direction.ts';
import { fitOf } from './fit.ts';
import { isMarked, liveOf, targetOf } from './live.ts';
import type { Turn } from './turn.ts';
import type { LiveWorkload, WorkloadView } from './world.ts';

export type BringUp =
  | { readonly state: 'Up'; readonly note: string }
  | { readonly state: 'ComingUp'; readonly note: string; readonly record: RunWorkload; readonly live: LiveWorkload }
  | { readonly state: 'AwaitingManifest'; readonly note: string; readonly held: boolean };

/** What the app must fit, and whether a template without annotation may be started. */
export interface Fitting {
  readonly version: string | null;
  readonly unannotated: 'Start' | 'Hold';
}

export function bringUp(t: Turn, workload: WorkloadView, fitting: Fitting): BringUp {
  const live = workload.found;
  const label = `${workload.kind} ${workload.name}`;
  if (live === undefined) {
    // What is listed itself is no guess at what was meant.
    const listed = t.world.workloads.filter(one => one.kind === workload.kind).map(one => one.name);
    const near = (workload.near ?? []).filter(name => !listed.includes(name));
    const guess = near.length > 0 ? ` (there is ${near.join(', ')})` : '';
    return { state: 'AwaitingManifest', note: `${label} does not exist${guess}`, held: false };
  }
  // A mark on what does not stand at zero is stale: somebody else has raised it.
  if (live.replicas > 0 && isMarked(t, live)) t.do({ do: 'UnmarkWorkload', workload: targetOf(workload, live) });
  const fit = fitOf(live, fitting.version, maximumOf(t));
  if (fit === 'DoesNotFit' || (fit === 'Unannotated' && fitting.unannotated === 'Hold')) {
    return {
      state: 'AwaitingManifest',
      note: `${label} ${need(live, fitting)}`,
      held: isMarked(t, live) && live.replicas === 0,
    };
  }
  const record = liveOf(t, workload);
  if (live.replicas === 0) return fromZero(t, workload, live, record);
  if (record.state !== 'Started') {
    record.state = 'Started';
    record.since = t.world.now;
  }
  return isFullyUp(live) && !isMarked(t, live)
    ? { state: 'Up', note: `${label} runs ${live.replicas}` }
    : {
        state: 'ComingUp',
        note: `${label} ${progressOf(live)}${problemOf(live)}`,
        record,
        live,
      };
}

/** Since when the last of those that come up does, for `Turn.lookAtApp`. */
export function lastMoved(t: Turn, all: readonly BringUp[]): string {
  const times = all.flatMap(one => (one.state === 'ComingUp' ? (one.record.since ?? []) : []));
  return times.toSorted().at(-1) ?? t.world.now;
}

/** Whether every Pod is of the newest template and available. */
export function isFullyUp(live: LiveWorkload): boolean {
  return (
    live.observedGeneration >= live.generation &&
    live.updatedReplicas >= live.replicas &&
    live.availableReplicas >= live.replicas &&
    live.statusReplicas === live.replicas
  );
}

function fromZero(t: Turn, workload: WorkloadView, live: LiveWorkload, record: RunWorkload): BringUp {
  const label = `${workload.kind} ${workload.name}`;
  const count = countFor(t, workload, live, record);
  if (count === undefined) return { state: 'Up', note: `${label} stays at zero: it stood there before` };
  if (!isMarked(t, live)) {
    t.status.startedWorkloads = [...new Set([...(t.status.startedWorkloads ?? []), live.uid])].slice(-64);
  }
  if (record.state !== 'Starting') {
    record.state = 'Starting';
    record.since = t.world.now;
  }
  t.do({ do: 'ScaleWorkload', workload: targetOf(workload, live), replicas: count });
  return { state: 'ComingUp', note: `${label} is scaled to ${count}`, record, live };
}

/** The mark's count; else `replicas` for a workload that this resource never started; else none. */
function countFor(t: Turn, workload: WorkloadView, live: LiveWorkload, record: RunWorkload): number | undefined {
  if (isMarked(t, live) && live.mark !== undefined && live.mark.replicas > 0) return live.mark.replicas;
  const given = t.spec.rollout.workloads.find(
    ref => ref.kind === workload.kind && ref.name === workload.name,
  )?.replicas;
  const isFirst = !(t.status.startedWorkloads ?? []).includes(live.uid) || record.state === 'Starting';
  return given !== undefined && isFirst && record.state !== 'Started' ? given : undefined;
}

function need(live: LiveWorkload, fitting: Fitting): string {
  if (live.minVersion === undefined && live.maxVersion === undefined) {
    return 'does not say which version it needs (Pod template annotation migrations.truledgr.app/min-version)';
  }
  const max = live.maxVersion === undefined ? '' : ` to ${live.maxVersion}`;
  return `needs ${live.minVersion ?? 'any'}${max}, the database is at ${fitting.version ?? 'the start'}`;
}

/** What is still to come: new Pods, their readiness, the end of the old ones. */
function progressOf(live: LiveWorkload): string {
  const { replicas, updatedReplicas, availableReplicas, statusReplicas } = live;
  if (updatedReplicas < Math.min(replicas, statusReplicas)) return `has ${updatedReplicas} of ${replicas} Pods renewed`;
  const left = statusReplicas > replicas ? `, and ${statusReplicas - replicas} old ones left` : '';
  return `has ${availableReplicas} of ${replicas} Pods available${left}`;
}

function problemOf(live: LiveWorkload): string {
  const problem = live.pods.find(pod => pod.problem !== undefined);
  return problem === undefined ? '' : ` (Pod ${problem.name}: ${problem.problem})`;
}
