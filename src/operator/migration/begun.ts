// Has the migration begun in the database? It has when a container of it has or may have started and has not ended with
// exit 10 to 13 and the word that nothing was written. Until then the run can be given up without asking the database.
// Pure; called by the steps Stop and Migrate, and by the way back.
import type { RunStep } from '../../api/parse.ts';
import { type Attempt, mayHaveStarted } from './attempt.ts';

/** Between two attempts, and after the last one. */
export function hasBegun(step: RunStep): boolean {
  return (step.tries ?? 0) > (step.turnedAway ?? 0);
}

/** While the last attempt is under way, or was lost: one that never started has done nothing either. */
export function mayHaveBegun(step: RunStep, last: Attempt): boolean {
  const isUnheard = step.state !== 'Waiting' && step.job?.started !== true && !mayHaveStarted(last);
  return (step.tries ?? 1) > (step.turnedAway ?? 0) + (isUnheard ? 1 : 0);
}
