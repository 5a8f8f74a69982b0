// The resource is being deleted: a run under way is given up like a failed one, the database is asked, the app comes back
// or is held, and then the finalizer goes. In a namespace that terminates there is nothing left to bring back.
import { fail } from './ending.ts';
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
  t.do({ do: 'RemoveFinalizer' });
  return t;
}
