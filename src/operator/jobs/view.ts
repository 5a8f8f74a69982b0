// A Job and its Pods as a decision sees them: plain, small, without what the API server adds.
import { ANNOTATIONS, LABELS } from '../../api/names.ts';
import type { Job, Pod } from '../../kubernetes/resources.ts';
import type { JobView, PodView } from '../migration/world.ts';

export function jobView(job: Job, pods: readonly Pod[]): JobView {
  const finished = finishedOf(job);
  return {
    name: job.metadata?.name ?? '',
    uid: job.metadata?.uid ?? '',
    createdTime: job.metadata?.creationTimestamp ?? '',
    step: job.metadata?.labels?.[LABELS.step] ?? '',
    madeFor: job.metadata?.annotations?.[ANNOTATIONS.madeFor] ?? '',
    ...(finished === undefined ? {} : { finished }),
    deleting: job.metadata?.deletionTimestamp !== undefined,
    adopted: job.spec?.ttlSecondsAfterFinished !== undefined,
    pods: pods
      .filter(pod => pod.metadata?.ownerReferences?.some(owner => owner.uid === job.metadata?.uid))
      .toSorted((a, b) => (a.metadata?.creationTimestamp ?? '').localeCompare(b.metadata?.creationTimestamp ?? ''))
      .map(podView),
  };
}

function finishedOf(job: Job): JobView['finished'] {
  const condition = job.status?.conditions?.find(
    one => one.status === 'True' && (one.type === 'Complete' || one.type === 'Failed'),
  );
  if (condition === undefined) return undefined;
  return {
    as: condition.type === 'Complete' ? 'Complete' : 'Failed',
    reason: condition.reason ?? '',
    message: condition.message ?? '',
  };
}

function podView(pod: Pod): PodView {
  const state = pod.status?.containerStatuses?.[0]?.state;
  const ended = state?.terminated;
  const waiting = waitingOf(pod);
  const { reason, message = '' } = pod.status ?? {};
  const notReadySince = state?.running === undefined ? undefined : notReady(pod);
  return {
    name: pod.metadata?.name ?? '',
    uid: pod.metadata?.uid ?? '',
    phase: pod.status?.phase ?? 'Pending',
    ...(pod.metadata?.deletionTimestamp === undefined ? {} : { deletionTime: pod.metadata.deletionTimestamp }),
    container: ended !== undefined ? 'Terminated' : state?.running !== undefined ? 'Running' : 'Waiting',
    ...(waiting === undefined ? {} : { waiting }),
    ...(ended === undefined
      ? {}
      : { terminated: { exitCode: ended.exitCode, reason: ended.reason ?? '', message: ended.message ?? '' } }),
    ...(reason === undefined || pod.status?.phase !== 'Failed' ? {} : { endedByNode: { reason, message } }),
    ...(notReadySince === undefined ? {} : { notReadySince }),
  };
}

function waitingOf(pod: Pod): PodView['waiting'] {
  const waiting = pod.status?.containerStatuses?.[0]?.state?.waiting;
  if (waiting?.reason !== undefined && !['ContainerCreating', 'PodInitializing'].includes(waiting.reason)) {
    return { reason: waiting.reason, message: waiting.message ?? waiting.reason };
  }
  const unscheduled = pod.status?.conditions?.find(one => one.type === 'PodScheduled' && one.status === 'False');
  if (unscheduled === undefined) return undefined;
  return { reason: unscheduled.reason ?? 'Unschedulable', message: unscheduled.message ?? 'no node takes it' };
}

/**
 * The runner has no readiness probe, so a running container that is not ready is on a node that does not answer: the node
 * lifecycle controller sets the Pod's condition to False and says no more.
 */
function notReady(pod: Pod): string | undefined {
  const ready = pod.status?.conditions?.find(one => one.type === 'Ready');
  return ready === undefined || ready.status === 'True' ? undefined : ready.lastTransitionTime;
}
