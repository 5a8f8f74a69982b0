// Section 3 of the design as a rule of its own: what a GitOps tool must conclude from a status of ours. Asked of the
// golden files and of every status write in the audit log; what the tools do conclude, cluster/health.ts asks them.
import type { Condition } from '../src/api/parse.ts';
import type { Health } from './cluster/health.ts';

/** As much of a DatabaseMigration as the tools read. */
export interface Shown {
  readonly metadata?: { readonly name?: string; readonly generation?: number; readonly deletionTimestamp?: unknown };
  readonly spec?: { readonly suspend?: boolean };
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: readonly Condition[] };
}

export interface Conclusion {
  readonly kstatus: 'Current' | 'InProgress' | 'Failed' | 'Terminating';
  readonly argo: 'Healthy' | 'Progressing' | 'Suspended' | 'Degraded';
}

/** Each conclusion that is not the design's, with the object's number and name. */
export function misjudged(objects: readonly Shown[], answers: readonly Health[]): readonly string[] {
  return objects.flatMap((object, index) => {
    const expected = conclusionOf(object);
    const { kstatus, argo } = answers[index] ?? {};
    const label = `${index} ${object.metadata?.name}`;
    return [
      ...(kstatus?.status === expected.kstatus
        ? []
        : [`${label}: kstatus ${kstatus?.status}, not ${expected.kstatus}`]),
      ...(argo?.status === expected.argo ? [] : [`${label}: Argo CD ${argo?.status}, not ${expected.argo}`]),
    ];
  });
}

function conclusionOf({ metadata, spec, status }: Shown): Conclusion {
  const has = (type: string): boolean => status?.conditions?.some(one => one.type === type) === true;
  const isReady = status?.conditions?.some(one => one.type === 'Ready' && one.status === 'True') === true;
  if (metadata?.deletionTimestamp !== undefined) return { kstatus: 'Terminating', argo: 'Progressing' };
  const isStale = status?.observedGeneration !== metadata?.generation;
  const isSuspended = spec?.suspend === true;
  if (has('Stalled')) return stuck(isStale, isSuspended);
  if (has('Reconciling')) return { kstatus: 'InProgress', argo: 'Progressing' };
  const kstatus = isStale || !isReady ? 'InProgress' : 'Current';
  return { kstatus, argo: isSuspended ? 'Suspended' : kstatus === 'Current' ? 'Healthy' : 'Progressing' };
}

/** What is stuck and holds an edit back: the edit may mend it, unless it cannot begin. */
function stuck(isStale: boolean, isSuspended: boolean): Conclusion {
  if (!isStale) return { kstatus: 'Failed', argo: 'Degraded' };
  return { kstatus: 'InProgress', argo: isSuspended ? 'Degraded' : 'Progressing' };
}
