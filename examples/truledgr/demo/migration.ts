// What the demo reads of a DatabaseMigration: its conditions, whether it is at rest, and how long its steps took.
import type { Kubernetes } from './kubernetes.ts';
import { seconds } from './terminal.ts';

export const NAMESPACE = 'truledgr';
export const MIGRATIONS = `/apis/migrations.truledgr.app/v1alpha1/namespaces/${NAMESPACE}/databasemigrations`;

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

interface RunStep {
  readonly name: string;
  readonly startTime: string;
  readonly endTime?: string;
}

export interface Migration {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly version?: string;
    readonly targetVersion?: string;
    readonly pending?: { readonly count: number };
    readonly conditions?: readonly Condition[];
    readonly run?: { readonly steps?: readonly RunStep[] };
  };
}

/** `Healthy`: what lets the next wave go. `Finished`: also no manifest is awaited any more. */
export type Until = 'Healthy' | 'Finished';
export type Outcome = 'Reached' | 'Stalled';

export async function readMigration(kubernetes: Kubernetes): Promise<Migration> {
  const response = await kubernetes.request(`${MIGRATIONS}/truledgr`);
  return (await response.json()) as Migration;
}

export function conditionOf(migration: Migration, type: string): Condition | undefined {
  return migration.status?.conditions?.find(condition => condition.type === type);
}

/** Undefined while it works; what it says about an older spec does not count. */
export function outcomeOf(migration: Migration, until: Until): Outcome | undefined {
  if (migration.status?.observedGeneration !== migration.metadata.generation) return undefined;
  if (conditionOf(migration, 'Stalled')?.status === 'True') return 'Stalled';
  const ready = conditionOf(migration, 'Ready');
  if (ready?.status !== 'True') return undefined;
  return until === 'Healthy' || ready.reason !== 'AwaitingManifest' ? 'Reached' : undefined;
}

/** `Plan 3.0 s · Stop 2.0 s · …` as status has it, to the second. */
export function stepTimes(migration: Migration): string {
  const steps = migration.status?.run?.steps ?? [];
  return steps
    .flatMap(({ name, startTime, endTime }) =>
      endTime === undefined ? [] : [`${name} ${seconds(Date.parse(endTime) - Date.parse(startTime))}`],
    )
    .join(' · ');
}
