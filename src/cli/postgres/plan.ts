// A plan for PostgreSQL as the commands show it, by the same functions that `migrate` uses under the fence. Writes nothing.
// Where nothing is pending it ends on the comparison of files and ledger; what a plan would do (plan-work.ts) brings the
// grammar with it, so it is loaded only where there is something to do. Called by database.ts.

import { forsakenProblem, nextOf } from '../../engine/half-done.ts';
import { grantsOf, type Ungranted, ungrantedRoles } from '../../engine/ledger/app-grants.ts';
import { assertBaseline } from '../../engine/ledger/ledger.ts';
import { planMigrations } from '../../engine/plan.ts';
import type { Source } from '../../engine/source/files.ts';
import type { Plan } from '../database.ts';
import type { PlannedWork, PlanningPlace } from './plan-work.ts';

export interface PostgresPlan extends Plan, PlannedWork {
  /** The target as the engine names it. */
  readonly target: string;
  readonly ledgerDigest: string;
}

/** Throws EngineError, every mistake of the files at once. */
export async function planPostgres(place: PlanningPlace, source: Source, target: string): Promise<PostgresPlan> {
  const { ledger, connection, ledgerSchema } = place;
  const plan = planMigrations(source, ledger, target);
  const shared = {
    from: ledger.version,
    to: plan.target === 'empty' ? null : plan.target,
    target: plan.target,
    direction: plan.direction,
    ledgerDigest: ledger.digest,
  };
  if (plan.direction === 'None') {
    const forsaken = forsakenProblem(nextOf(plan), ledger.progress);
    if (forsaken !== undefined) throw forsaken;
    const nothing = { versions: [], transactions: [], losses: [], lossDigest: undefined, parsed: new Map() };
    const ungranted = await ungrantedRoles(connection, ledgerSchema, place.appRoles);
    if (ungranted?.mayGrant === 'MayNot') {
      return { ...shared, ...nothing, ungranted: [], notes: [...plan.notes, mayNotGrant(ungranted, ledgerSchema)] };
    }
    return { ...shared, ...nothing, ungranted: ungranted?.roles ?? [], notes: plan.notes };
  }
  const { workOfDown, workOfUp } = await import('./plan-work.ts');
  if (plan.direction === 'Down') return { ...shared, ungranted: [], ...(await workOfDown(place, plan)) };
  await assertBaseline(connection, ledger, ledgerSchema);
  return { ...shared, ungranted: [], ...(await workOfUp(place, plan)) };
}

function mayNotGrant({ roles, owner }: Ungranted, ledgerSchema: string): string {
  const grants = roles.flatMap(role => grantsOf(ledgerSchema, role)).join('; ');
  return `${roles.join(', ')} may not ask for the version yet, and this role may not let them. As ${owner}: ${grants}`;
}
