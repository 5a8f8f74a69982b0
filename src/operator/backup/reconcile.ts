// One pass for one DatabaseBackup: observe, decide, act, report. Also for one that was deleted: its Jobs are ended.
import { isDeepStrictEqual } from 'node:util';
import { LABELS } from '../../api/names.ts';
import { parseBackupSpec } from '../../api/parse.ts';
import { isNotFound } from '../../kubernetes/errors.ts';
import { splitKey } from '../../kubernetes/object.ts';
import { JOBS } from '../../kubernetes/resources.ts';
import type { Logger } from '../controller/collaborators.ts';
import type { Reconcile, ReconcileResult } from '../controller/reconcile.ts';
import { tellEvents } from '../events.ts';
import { ownerOf } from '../identity.ts';
import { nextLook, withPodRefusals } from '../jobs/pod-refusals.ts';
import { jobView } from '../jobs/view.ts';
import { adoptJob, createJob, handOver, type JobOwner } from '../jobs/write.ts';
import type { ProductMetrics } from '../measurements.ts';
import type { Actor } from '../migration/act.ts';
import { toTime } from '../migration/turn.ts';
import type { JobView } from '../migration/world.ts';
import { actInOrder, type Refusals } from '../refusals.ts';
import { BACKUPS, type DatabaseBackup, type DatabaseMigration, INDEX, MIGRATIONS } from '../sources.ts';
import { type BackupDecision, decideBackup } from './decide.ts';
import { measureBackup } from './measure.ts';
import { type BackupAction, type BackupWorld, backupActKey } from './world.ts';

export interface BackupReconciler extends Actor {
  readonly clusterUid: string;
  readonly now: () => Date;
  readonly refusals: Refusals;
  readonly logger: Logger;
  readonly measurements: ProductMetrics;
}

export function reconcileBackups(parts: BackupReconciler): Reconcile {
  return async (key, _why, signal): Promise<ReconcileResult> => {
    const object = parts.caches.backups.get(key);
    if (object === undefined) return endOrphans(parts, key);
    const world = await observeBackup(parts, object);
    const decision = decideBackup(world);
    const current = await report(parts, key, object, decision);
    const refused = await actInOrder(decision.actions, {
      uid: current.metadata?.uid ?? '',
      refusals: parts.refusals,
      keyOf: backupActKey,
      now: world.now,
      signal,
      act: action => act(parts, key, current, action),
      isFreeOf: () => false,
    });
    await tellEvents(parts.api, parts.logger, 'DatabaseBackup', current, decision.events, world.now);
    return {
      ...nextLook(decision.lookAgainMs, refused, world.jobs),
      summary: {
        at: decision.at,
        ...(refused === undefined ? {} : { refused: refused.refused }),
        ...(decision.actions.length === 0 ? {} : { actions: decision.actions.map(action => action.do).join(', ') }),
      },
    };
  };
}

async function observeBackup(parts: BackupReconciler, object: DatabaseBackup): Promise<BackupWorld> {
  const { namespace = '', name = '', uid = '', generation = 0 } = object.metadata ?? {};
  return {
    now: toTime(parts.now().getTime()),
    namespace,
    name,
    uid,
    generation,
    spec: parseBackupSpec(object.spec),
    status: object.status ?? {},
    owner: ownerOf(parts.clusterUid, namespace, object.spec.run.migration),
    asked: (await isAsked(parts, object)) ? 'Asked' : 'NotAsked',
    jobs: await withPodRefusals(parts.api, namespace, parts.now(), jobsOf(parts, uid)),
    refusals: parts.refusals.of(uid),
  };
}

/** The cache may not have the status that asks for this backup yet: its watch is another. So a no is read live. */
async function isAsked(parts: BackupReconciler, object: DatabaseBackup): Promise<boolean> {
  const { namespace = '', name } = object.metadata ?? {};
  const { migration, uid, id } = object.spec.run;
  const asks = (one: DatabaseMigration | undefined): boolean =>
    one?.metadata?.uid === uid && one.status?.run?.id === id && one.status.run.backup?.name === name;
  return (
    asks(parts.caches.migrations.get(`${namespace}/${migration}`)) ||
    asks(await parts.api.get(MIGRATIONS, namespace, migration))
  );
}

function jobsOf(parts: BackupReconciler, uid: string): readonly JobView[] {
  const pods = parts.caches.pods.byIndex(INDEX.uid, uid);
  return parts.caches.jobs.byIndex(INDEX.uid, uid).map(job => jobView(job, pods));
}

async function report(
  parts: BackupReconciler,
  key: string,
  object: DatabaseBackup,
  { status }: BackupDecision,
): Promise<DatabaseBackup> {
  if (isDeepStrictEqual(status, object.status)) return object;
  const written = await parts.api.replace(BACKUPS, { ...object, status }, 'status');
  parts.expectations.wrote(key, 'databasebackups', parts.caches.backups, written);
  measureBackup(parts.measurements, object.status, status);
  return written;
}

async function act(parts: BackupReconciler, key: string, object: DatabaseBackup, action: BackupAction): Promise<void> {
  const { namespace = '', name: ownerName = '', uid: ownerUid = '' } = object.metadata ?? {};
  const owner: JobOwner = { key, namespace, kind: 'DatabaseBackup', ownerName, ownerUid };
  if (action.do === 'CreateJob') return createJob(parts, owner, action.request);
  if (action.do === 'AdoptJob') return adoptJob(parts, owner, action);
  try {
    await parts.api.delete(JOBS, namespace, action.name, { uid: action.uid });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** The backup is gone: a Job of it that never started is deleted, another is left to end and then collected. */
async function endOrphans(parts: BackupReconciler, key: string): Promise<ReconcileResult> {
  parts.refusals.keepOnly(() => parts.caches.backups.list());
  const { namespace = '', name } = splitKey(key);
  const jobs = parts.caches.jobs.byIndex(INDEX.for, `${namespace}/DatabaseBackup/${name}`);
  for (const job of jobs) {
    const [view] = jobsOf(parts, job.metadata?.labels?.[LABELS.uid] ?? '').filter(
      one => one.name === job.metadata?.name,
    );
    if (view === undefined || view.deleting) continue;
    const hasStarted = view.pods.some(pod => pod.container !== 'Waiting');
    if (view.finished !== undefined && !view.adopted) await handOver(parts, { key, namespace }, view, []);
    else if (view.finished === undefined && !hasStarted)
      await parts.api.delete(JOBS, namespace, view.name, { uid: view.uid });
  }
  return { summary: { at: 'Gone', jobs: jobs.length } };
}
