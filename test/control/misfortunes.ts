// What may befall a played Pod, and the status that kubelet, scheduler or node controller would give it then. Words and
// fields are those of real ones. Chosen by a test through `Player.befall`; played by player.ts.
import type { Pod } from '../../src/kubernetes/resources.ts';

/** A Pod as a test chooses by: whose step it is, and which of its like in its namespace, counted from 1. */
export interface PodFacts {
  /** `app` for a Pod that is no Job's. */
  readonly step: string;
  readonly nth: number;
}

export type Misfortune =
  /** Does not start, until `until` resolves or the Pod is deleted. */
  | { readonly is: 'ImagePullFails' | 'Unschedulable' | 'NeverStarts'; readonly until?: Promise<unknown> }
  /** Runs and is not ready, until `until` resolves: for Pods of an app. */
  | { readonly is: 'NeverReady'; readonly until?: Promise<unknown> }
  /** Dies instead of its work, or after it and before it could answer. */
  | { readonly is: 'OutOfMemory' | 'Evicted' | 'Crashes'; readonly after?: 'Start' | 'Work' }
  /** When `when` resolves its node falls silent, as long ago as given: its process goes on, and nobody hears of it. */
  | { readonly is: 'NodeLost'; readonly when: Promise<unknown>; readonly secondsAgo: number };

/** Asked for each Pod as it comes; undefined: it does well. */
export type Fate = (pod: PodFacts) => Misfortune | undefined;

/** What is told of a Pod; `reason` and `message` are the Pod's own. */
export interface PodStatus {
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  readonly state: object;
  readonly isReady?: boolean;
  readonly reason?: string;
  readonly message?: string;
}

/** The status of a Pod that does not start; undefined when nobody says anything of it. */
export function heldUp(pod: Pod, is: Misfortune['is']): object | undefined {
  const image = pod.spec?.containers[0]?.image ?? '';
  const conditions = [{ type: 'PodScheduled', status: 'True', lastTransitionTime: now() }];
  const waiting = { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}"` };
  switch (is) {
    case 'ImagePullFails':
      return { phase: 'Pending', conditions, containerStatuses: containerStatuses(pod, { waiting }, false) };
    case 'Unschedulable':
      return {
        phase: 'Pending',
        conditions: [
          {
            type: 'PodScheduled',
            status: 'False',
            reason: 'Unschedulable',
            message: '0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available.',
            lastTransitionTime: now(),
          },
        ],
      };
    default:
      return undefined;
  }
}

/** How a container's death looks to whoever reads the Pod. */
export function death(is: 'OutOfMemory' | 'Evicted' | 'Crashes'): PodStatus {
  const ended = (exitCode: number, reason: string, message = ''): object => ({
    terminated: { exitCode, reason, message, startedAt: now(), finishedAt: now() },
  });
  switch (is) {
    case 'OutOfMemory':
      return { phase: 'Failed', state: ended(137, 'OOMKilled') };
    case 'Crashes':
      return { phase: 'Failed', state: ended(139, 'Error', 'Segmentation fault (core dumped)') };
    case 'Evicted':
      return {
        phase: 'Failed',
        state: ended(137, 'Error'),
        reason: 'Evicted',
        message: 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 12Mi.',
      };
  }
}

export function containerStatuses(pod: Pod, state: object, isReady: boolean): readonly object[] {
  return (pod.spec?.containers ?? []).map(container => ({
    name: container.name,
    image: container.image ?? '',
    imageID: '',
    restartCount: 0,
    ready: isReady,
    started: 'running' in state,
    state,
  }));
}

export function now(secondsAgo = 0): string {
  return new Date(Date.now() - secondsAgo * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}
