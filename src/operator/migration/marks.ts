// A mark says who holds a workload at zero, and outlives that resource: the count must not be lost with it. A resource
// that names the workload takes over a mark whose own resource is gone, because nobody else will ever start it.
// Pure; called by observe.ts.
import type { WorkloadView } from './world.ts';

/** The run of a mark that was taken over; runs of our own begin at 1. */
export const TAKEN_OVER = 0;

/** The workload as `uid` sees it: a mark of a resource that is not there any more is its own. */
export function withInheritedMark(
  workload: WorkloadView,
  uid: string,
  isThere: (uid: string) => boolean,
): WorkloadView {
  const { found } = workload;
  if (found?.mark === undefined || found.mark.uid === uid || isThere(found.mark.uid)) return workload;
  return { ...workload, found: { ...found, mark: { ...found.mark, uid, run: TAKEN_OVER } } };
}
