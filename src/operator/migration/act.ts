// Does what was decided, one handler an action; the table does not compile when one is missing. Each handler is safe to
// repeat and carries the uid or resourceVersion that it was decided on: what has changed since is a conflict, and the
// next pass decides anew.
import { ANNOTATIONS, FINALIZER, LABELS } from '../../api/names.ts';
import type { Api } from '../../kubernetes/api.ts';
import { isAlreadyExists, isNotFound } from '../../kubernetes/errors.ts';
import { objectKey } from '../../kubernetes/object.ts';
import { DEPLOYMENTS, JOBS, PODS, STATEFUL_SETS } from '../../kubernetes/resources.ts';
import { adoptJob, createJob, type JobOwner, type JobWriter } from '../jobs/write.ts';
import { BACKUPS, type DatabaseMigration, MIGRATIONS } from '../sources.ts';
import type { Action, WorkloadTarget } from './actions.ts';

export type Actor = JobWriter;

/** Replicas are written under a manager of their own, never by server-side apply. */
const SCALE_MANAGER = 'migration-operator-scale';
type Handlers = {
  readonly [Kind in Action['do']]: (context: Context, action: Extract<Action, { do: Kind }>) => Promise<void>;
};

interface Context {
  readonly actor: Actor;
  readonly object: DatabaseMigration;
  readonly namespace: string;
  readonly key: string;
}

export async function act(actor: Actor, object: DatabaseMigration, action: Action): Promise<void> {
  const context = { actor, object, namespace: object.metadata?.namespace ?? '', key: objectKey(object) };
  const handler = HANDLERS[action.do] as (context: Context, action: Action) => Promise<void>;
  return handler(context, action);
}

const HANDLERS: Handlers = {
  CreateJob: (context, { request }) => createJob(context.actor, ownerOf(context), request),
  AddFinalizer: context =>
    changeFinalizers(context, finalizers => [...finalizers.filter(one => one !== FINALIZER), FINALIZER]),
  RemoveFinalizer: context => changeFinalizers(context, finalizers => finalizers.filter(one => one !== FINALIZER)),
  DeleteJob: (context, { name, uid }) =>
    ignoreGone(context.actor.api.delete(JOBS, context.namespace, name, { uid, propagationPolicy: 'Background' })),
  AdoptJob: (context, job) => adoptJob(context.actor, ownerOf(context), job),
  CreateBackup: async ({ actor, namespace, key, object }, { name, spec }) => {
    try {
      const created = await actor.api.create(BACKUPS, namespace, {
        metadata: { name, namespace, labels: { [LABELS.uid]: object.metadata?.uid ?? '' } },
        spec: spec as never,
      });
      actor.expectations.wrote(key, 'databasebackups', actor.caches.backups, created);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  },
  DeleteBackup: async ({ actor, namespace }, { name, uid }) =>
    ignoreGone(actor.api.delete(BACKUPS, namespace, name, { uid })),
  MarkWorkload: (context, { workload, by, replicas }) =>
    annotate(context, workload, { [ANNOTATIONS.stoppedBy]: by, [ANNOTATIONS.replicas]: String(replicas) }),
  UnmarkWorkload: (context, { workload }) =>
    annotate(context, workload, { [ANNOTATIONS.stoppedBy]: null, [ANNOTATIONS.replicas]: null }),
  ScaleWorkload: async ({ actor, namespace }, { workload, replicas }) => {
    const body = { metadata: { uid: workload.uid, resourceVersion: workload.resourceVersion }, spec: { replicas } };
    await patchWorkload(actor.api, namespace, workload, body, 'scale');
  },
  RestartWorkload: async ({ actor, namespace }, { workload, restartedFor }) => {
    const annotations = { [ANNOTATIONS.restartedFor]: restartedFor };
    const body = {
      metadata: { uid: workload.uid, resourceVersion: workload.resourceVersion },
      spec: { template: { metadata: { annotations } } },
    };
    await patchWorkload(actor.api, namespace, workload, body);
  },
  DeletePod: ({ actor, namespace }, { name, uid }) => ignoreGone(actor.api.delete(PODS, namespace, name, { uid })),
};

function ownerOf({ object, namespace, key }: Context): JobOwner {
  const { name = '', uid = '' } = object.metadata ?? {};
  return { key, namespace, kind: 'DatabaseMigration', ownerName: name, ownerUid: uid };
}

async function changeFinalizers(
  { actor, object, namespace, key }: Context,
  change: (finalizers: readonly string[]) => readonly string[],
): Promise<void> {
  const { name = '', uid } = object.metadata ?? {};
  const live = await actor.api.get(MIGRATIONS, namespace, name);
  if (live === undefined || live.metadata?.uid !== uid) return;
  const finalizers = change(live.metadata?.finalizers ?? []);
  const body = { metadata: { uid, resourceVersion: live.metadata?.resourceVersion, finalizers } };
  const written = await actor.api.patch(MIGRATIONS, namespace, name, body);
  if (written.metadata?.deletionTimestamp === undefined)
    actor.expectations.wrote(key, 'databasemigrations', actor.caches.migrations, written);
}

async function annotate(
  { actor, namespace }: Context,
  workload: WorkloadTarget,
  annotations: Readonly<Record<string, string | null>>,
): Promise<void> {
  // A mark must hold the count of this very version; taking one away is right whatever else has changed.
  const isMark = Object.values(annotations).some(value => value !== null);
  const precondition = isMark ? { resourceVersion: workload.resourceVersion } : {};
  const body = { metadata: { uid: workload.uid, ...precondition, annotations } };
  await patchWorkload(actor.api, namespace, workload, body);
}

async function patchWorkload(
  api: Api,
  namespace: string,
  workload: WorkloadTarget,
  body: object,
  subresource?: 'scale',
): Promise<void> {
  const options = subresource === undefined ? {} : { subresource, fieldManager: SCALE_MANAGER };
  if (workload.kind === 'Deployment') await api.patch(DEPLOYMENTS, namespace, workload.name, body, options);
  else await api.patch(STATEFUL_SETS, namespace, workload.name, body, options);
}

async function ignoreGone(deletion: Promise<void>): Promise<void> {
  try {
    await deletion;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
