// Every effect that a decision about a DatabaseMigration can have on the world besides its status. Each is safe to
// repeat; `act.ts` has a handler for each.
import type { JobInput, StepName } from '../../api/job-contract.ts';
import type { BackupSpec, JobSpec } from '../../api/parse.ts';

export interface JobRequest {
  readonly name: string;
  readonly step: StepName;
  readonly input: JobInput;
  /** Digest of what it is made for; an existing Job of the name with another is not ours. */
  readonly madeFor: string;
  readonly secret: { readonly name: string; readonly key: string };
  readonly configMaps: readonly string[];
  readonly volumeClaim?: string;
  readonly job: JobSpec;
  /** `Owned` Jobs go with their resource; the others finish even when it is deleted. */
  readonly ownership: 'Owned' | 'Free';
}

export interface WorkloadTarget {
  readonly kind: 'Deployment' | 'StatefulSet';
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

export type Action =
  | { readonly do: 'AddFinalizer' }
  | { readonly do: 'RemoveFinalizer' }
  | { readonly do: 'CreateJob'; readonly request: JobRequest }
  | { readonly do: 'DeleteJob'; readonly name: string; readonly uid: string }
  | { readonly do: 'AdoptJob'; readonly name: string; readonly uid: string }
  | { readonly do: 'CreateBackup'; readonly name: string; readonly spec: BackupSpec }
  | { readonly do: 'DeleteBackup'; readonly name: string; readonly uid: string }
  | { readonly do: 'MarkWorkload'; readonly workload: WorkloadTarget; readonly by: string; readonly replicas: number }
  | { readonly do: 'UnmarkWorkload'; readonly workload: WorkloadTarget }
  | { readonly do: 'ScaleWorkload'; readonly workload: WorkloadTarget; readonly replicas: number }
  | { readonly do: 'RestartWorkload'; readonly workload: WorkloadTarget; readonly restartedFor: string }
  | { readonly do: 'DeletePod'; readonly name: string; readonly uid: string };

/** The act by verb and name: the same for each try of it. */
export function actKey(action: Action): string {
  switch (action.do) {
    case 'AddFinalizer':
    case 'RemoveFinalizer':
      return action.do;
    case 'CreateJob':
      return `${action.do} ${action.request.name}`;
    case 'MarkWorkload':
    case 'UnmarkWorkload':
    case 'ScaleWorkload':
    case 'RestartWorkload':
      return `${action.do} ${action.workload.kind}/${action.workload.name}`;
    case 'DeleteJob':
    case 'AdoptJob':
    case 'CreateBackup':
    case 'DeleteBackup':
    case 'DeletePod':
      return `${action.do} ${action.name}`;
  }
}

/**
 * To bring one workload up does not wait for another: what the API server refuses to one must not keep the rest of the
 * app down. Everything else keeps its order; above all, nothing is stopped beside what could not be stopped.
 */
export function isFreeOf(action: Action, refused: Action): boolean {
  const [up, other] = [broughtUp(action), broughtUp(refused)];
  return up !== undefined && other !== undefined && (up.kind !== other.kind || up.name !== other.name);
}

function broughtUp(action: Action): WorkloadTarget | undefined {
  if (action.do === 'UnmarkWorkload') return action.workload;
  return action.do === 'ScaleWorkload' && action.replicas > 0 ? action.workload : undefined;
}

/** One thing that happened, told as an Event after the status that says so was written. */
export interface EventNote {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** Told on this workload; absent: on the resource itself. */
  readonly workload?: { readonly kind: 'Deployment' | 'StatefulSet'; readonly name: string; readonly uid: string };
}
