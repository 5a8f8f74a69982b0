// The run's records of workloads, and the preconditions for writing to a live one.
import type { RunWorkload } from '../../api/parse.ts';
import type { WorkloadTarget } from './actions.ts';
import type { Turn } from './turn.ts';
import type { LiveWorkload, WorkloadView } from './world.ts';

/** The record of this workload in the run; one that appeared or was recreated since the commit gets a new one. */
export function liveOf(t: Turn, workload: WorkloadView): RunWorkload {
  const { run } = t;
  const uid = workload.found?.uid;
  const existing = run.workloads?.find(record => record.kind === workload.kind && record.name === workload.name);
  if (existing !== undefined && (uid === undefined || existing.uid === uid)) return existing;
  const record = recordFor(workload);
  run.workloads = [...(run.workloads ?? []).filter(other => other !== existing), record];
  return record;
}

/** What the commit remembers of a workload. */
export function recordFor(workload: WorkloadView): RunWorkload {
  const { kind, name, found } = workload;
  if (found === undefined) return { kind, name, state: 'Seen' };
  return {
    kind,
    name,
    uid: found.uid,
    replicas: found.mark?.replicas ?? found.replicas,
    revision: found.revision,
    scaledBy: found.scaledBy,
    state: 'Seen',
  };
}

export function targetOf(workload: WorkloadView, live: LiveWorkload): WorkloadTarget {
  return { kind: workload.kind, name: workload.name, uid: live.uid, resourceVersion: live.resourceVersion };
}

/** Whether this resource holds the workload at zero. */
export function isMarked(t: Turn, live: LiveWorkload): boolean {
  return live.mark?.uid === t.world.resource.uid;
}
