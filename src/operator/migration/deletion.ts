// The resource is being deleted: a run under way is given up like a failed one, the database is asked, the app comes back
// or is held, and then the finalizer goes. In a namespace that terminates there is nothing left to bring back.
import { ANNOTATIONS } from '../../api/names.ts';
import { fail } from './ending.ts';
import { releaseHeld } from './idle.ts';
import { isMarked } from './live.ts';
import { recover } from './recover.ts';
import type { StepName, Turn } from './turn.ts';

const STEP_ORDER = ['Stop', 'BackUp', 'Migrate', 'Start', 'Validate'] as const satisfies readonly StepName[];

export function deletion(t: Turn): Turn {
  if (t.world.resource.finalizer === 'Absent') return t;
  const { run } = t.status;
  const isUnderWay = run?.committedTime !== undefined && run.outcome === undefined;
  if (isUnderWay && t.world.namespace === 'Active') {
    const at = STEP_ORDER.find(step => !t.isDone(step)) ?? 'Validate';
    fail(t, at, 'Deleted', 'Deleted', 'The resource was deleted during this run.');
    if (recover(t) === 'Waiting') return t;
  }
  if (t.world.namespace === 'Active' && releaseHeld(t).some(one => ['Nothing', 'Permission'].includes(one.needs)))
    return t;
  const isKnown = run === undefined || t.step('Settle')?.state !== 'Failed';
  if (isKnown && t.world.namespace === 'Active') sayHeld(t);
  t.do({ do: 'RemoveFinalizer' });
  return t;
}

/** The status goes with the resource, so what is left at zero is told by an event. */
function sayHeld(t: Turn): void {
  for (const workload of t.world.workloads) {
    const { kind, name, found } = workload;
    if (found?.mark === undefined || !isMarked(t, found) || found.replicas > 0) continue;
    t.tellOn(
      workload,
      'Warning',
      'Held',
      `DatabaseMigration ${t.world.resource.name} is gone, and ${kind} ${name} is left at zero, as its annotation ${ANNOTATIONS.stoppedBy} says: its manifest does not fit the database, which is at ${t.status.version ?? 'the start'}. Apply one that does, and scale it to ${found.mark.replicas}.`,
    );
  }
}
