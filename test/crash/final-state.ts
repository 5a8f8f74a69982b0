// What a run has left behind, in a form in which two runs can be compared: without times, uids, versions of objects,
// attempt numbers and hashed names. Also says whether the end has been reached at all.
import { ANNOTATIONS } from '../../src/api/names.ts';
import { JOBS, type Job } from '../../src/kubernetes/resources.ts';
import { BACKUPS, type DatabaseMigration, MIGRATIONS } from '../../src/operator/sources.ts';
import { APP } from '../control/objects.ts';
import { type Stage, workloadOf } from './stage.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Left out wherever they stand: when, who and how often, not what. */
const DROPPED = new Set([
  ...['startTime', 'endTime', 'committedTime', 'lastTransitionTime', 'retryTime', 'completionTime', 'time', 'since'],
  ...['uid', 'attempt', 'tries', 'resourceVersion', 'sourceRevision', 'planInputDigest', 'stoppedSeconds'],
  ...['sizeBytes', 'blockedSince', 'database', 'digest', 'audit'],
]);

export async function leftBehind(stage: Stage): Promise<Json> {
  const { name } = stage;
  const { api } = stage.world;
  const migration = await api.get(MIGRATIONS, name, APP);
  const workload = await workloadOf(stage);
  const jobs = (await api.list(JOBS, { namespace: name })).items;
  const backups = (await api.list(BACKUPS, { namespace: name })).items;
  const state = {
    migration: { status: migration?.status, finalizers: migration?.metadata?.finalizers ?? [] },
    app: {
      replicas: workload?.spec?.replicas,
      available: workload?.status?.availableReplicas ?? 0,
      revision: workload?.metadata?.annotations?.['deployment.kubernetes.io/revision'],
      marks: [ANNOTATIONS.stoppedBy, ANNOTATIONS.replicas].filter(key => workload?.metadata?.annotations?.[key]),
      template: workload?.spec?.template.metadata?.annotations ?? {},
    },
    backups: backups.map(backup => ({ ...backup.status, hasDigest: backup.status?.digest !== undefined })),
    jobs: jobs.map(jobLine).sort(),
  };
  return canonical(JSON.parse(JSON.stringify(state).replaceAll(name, 'NAMESPACE')) as Json);
}

/** Whether the run has ended and nothing of it is still at work or to be tidied up. */
export async function isSettled({ world, name }: Stage): Promise<boolean> {
  if (!hasEnded(await world.api.get(MIGRATIONS, name, APP))) return false;
  const { items } = await world.api.list(JOBS, { namespace: name });
  return items.every(job => jobLine(job).endsWith('handed over'));
}

function hasEnded(migration: DatabaseMigration | undefined): boolean {
  const { status, metadata } = migration ?? {};
  const ready = status?.conditions?.find(condition => condition.type === 'Ready');
  const isStalled = status?.conditions?.some(condition => condition.type === 'Stalled') === true;
  const isEnded =
    status?.observedGeneration === metadata?.generation &&
    status?.run?.generation === metadata?.generation &&
    status?.run?.outcome !== undefined &&
    (ready?.status === 'True' || isStalled);
  return isEnded && (metadata?.finalizers ?? []).length === 0;
}

function jobLine(job: Job): string {
  const step = job.metadata?.labels?.['migrations.truledgr.app/step'] ?? '?';
  const ended = job.status?.conditions?.find(
    one => one.status === 'True' && (one.type === 'Complete' || one.type === 'Failed'),
  );
  const isAdopted = job.spec?.ttlSecondsAfterFinished !== undefined && job.metadata?.ownerReferences?.length === 1;
  return `${step}: ${ended?.type ?? 'active'}${isAdopted ? ', handed over' : ''}`;
}

function canonical(value: Json): Json {
  if (typeof value === 'string') return withoutNames(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(canonical);
  const entries = Object.entries(value)
    .filter(([key]) => !DROPPED.has(key))
    .map(([key, item]) => [key, canonical(item)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => a.localeCompare(b)));
}

function withoutNames(text: string): string {
  return text
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
    .replace(/-[0-9a-f]{10}\b/g, '-HASH')
    .replace(/-[0-9a-f]{8}\b/g, '-HASH')
    .replace(/\b[0-9]+ (s|bytes)\b/g, 'N $1')
    .replace(/\d{4}-\d\d-\d\dT[\d:]+Z/g, 'TIME');
}

/** Every place in which two states differ, a line each. */
export function differences(reference: Json | undefined, here: Json | undefined, path = ''): readonly string[] {
  if (isTree(reference) && isTree(here)) {
    const keys = [...new Set([...Object.keys(reference), ...Object.keys(here)])].sort();
    return keys.flatMap(key => differences(childOf(reference, key), childOf(here, key), `${path}.${key}`));
  }
  const [expected, actual] = [JSON.stringify(reference), JSON.stringify(here)];
  return expected === actual ? [] : [`${path.slice(1)}: reference ${expected}, here ${actual}`];
}

function isTree(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null;
}

function childOf(value: { readonly [key: string]: Json }, key: string): Json | undefined {
  return value[key];
}
