// What the operator watches: one slim cache a kind, with the handlers that enqueue keys and do nothing else. Both
// controllers read from these.

import type { DatabaseBackupSpec, DatabaseBackupStatus } from '../api/database-backup.gen.ts';
import type { DatabaseMigrationSpec, DatabaseMigrationStatus } from '../api/database-migration.gen.ts';
import { ANNOTATIONS, LABELS } from '../api/names.ts';
import type { KubernetesObject, Resource } from '../kubernetes/object.ts';
import { objectKey } from '../kubernetes/object.ts';
import {
  CONFIG_MAPS,
  DATABASE_BACKUPS,
  DATABASE_MIGRATIONS,
  JOBS,
  type Job,
  PODS,
  type Pod,
  typed,
} from '../kubernetes/resources.ts';
import { openSource, type SourceOptions, withoutManagedFields } from '../kubernetes/source.ts';
import type { Transport } from '../kubernetes/transport.ts';
import { Cache } from './controller/cache.ts';
import { ListWatch, type ListWatchOptions } from './controller/list-watch.ts';
import type { Watching } from './controller/machine.ts';
import type { Queue } from './controller/queue.ts';

export interface DatabaseMigration extends KubernetesObject {
  readonly spec: DatabaseMigrationSpec;
  readonly status?: DatabaseMigrationStatus;
}
export interface DatabaseBackup extends KubernetesObject {
  readonly spec: DatabaseBackupSpec;
  readonly status?: DatabaseBackupStatus;
}
export const MIGRATIONS = typed<DatabaseMigration>(DATABASE_MIGRATIONS);
export const BACKUPS = typed<DatabaseBackup>(DATABASE_BACKUPS);

export interface Caches {
  readonly migrations: Cache<DatabaseMigration>;
  readonly backups: Cache<DatabaseBackup>;
  readonly jobs: Cache<Job>;
  readonly pods: Cache<Pod>;
  readonly configMaps: Cache<KubernetesObject>;
}

export interface Queues {
  readonly migrations: Queue;
  readonly backups: Queue;
}

/** Names of the indexes. */
export const INDEX = { uid: 'uid', for: 'for', configMap: 'configMap', secret: 'secret' } as const;

const uidOf = (object: KubernetesObject): readonly string[] => {
  const uid = object.metadata?.labels?.[LABELS.uid];
  return uid === undefined ? [] : [uid];
};

export function createCaches(): Caches {
  return {
    migrations: new Cache<DatabaseMigration>({
      indexes: {
        [INDEX.uid]: object => [object.metadata?.uid ?? ''],
        [INDEX.configMap]: object =>
          (object.spec.source?.configMapRefs ?? []).map(ref => `${object.metadata?.namespace}/${ref.name}`),
        [INDEX.secret]: object => [`${object.metadata?.namespace}/${object.spec.database?.urlSecretRef?.name}`],
      },
    }),
    backups: new Cache<DatabaseBackup>(),
    jobs: new Cache<Job>({
      indexes: {
        [INDEX.uid]: uidOf,
        [INDEX.for]: object => [`${object.metadata?.namespace}/${object.metadata?.annotations?.[ANNOTATIONS.for]}`],
      },
    }),
    pods: new Cache<Pod>({ indexes: { [INDEX.uid]: uidOf } }),
    configMaps: new Cache<KubernetesObject>(),
  };
}

/** Which keys a change concerns. Handlers of watch events enqueue keys and nothing else. */
export function connectQueues(caches: Caches, queues: Queues): void {
  caches.migrations.subscribe((_, before, after) => {
    const object = after ?? before;
    if (object === undefined) return;
    queues.migrations.add(objectKey(object), 'resource');
    const secret = `${object.metadata?.namespace}/${object.spec.database?.urlSecretRef?.name}`;
    if (after === undefined || before === undefined) {
      for (const rival of caches.migrations.byIndex(INDEX.secret, secret))
        queues.migrations.add(objectKey(rival), 'rival');
    }
    const asked = object.status?.run?.backup?.name;
    if (asked !== undefined) queues.backups.add(`${object.metadata?.namespace}/${asked}`, 'migration');
  });
  caches.backups.subscribe((_, before, after) => {
    const object = after ?? before;
    if (object === undefined) return;
    queues.backups.add(objectKey(object), 'resource');
    queues.migrations.add(`${object.metadata?.namespace}/${object.spec.run.migration}`, 'backup');
  });
  const child =
    (why: string) => (_: unknown, before: KubernetesObject | undefined, after: KubernetesObject | undefined) => {
      const object = after ?? before;
      const [kind, name] = (object?.metadata?.annotations?.[ANNOTATIONS.for] ?? '').split('/');
      if (name === undefined || name === '') return;
      const queue = kind === 'DatabaseBackup' ? queues.backups : queues.migrations;
      queue.add(`${object?.metadata?.namespace}/${name}`, why);
    };
  caches.jobs.subscribe(child('job'));
  caches.pods.subscribe(child('pod'));
  caches.configMaps.subscribe((_, before, after) => {
    const object = after ?? before;
    if (object === undefined) return;
    for (const user of caches.migrations.byIndex(INDEX.configMap, objectKey(object)))
      queues.migrations.add(objectKey(user), 'source');
  });
}

/** The list-watches that fill the caches, cluster-wide or for each of `namespaces`. */
export function createListWatches(
  transport: Transport,
  caches: Caches,
  namespaces: readonly string[],
  options: ListWatchOptions,
): readonly Watching[] {
  const places = namespaces.length === 0 ? [undefined] : namespaces;
  return places.flatMap(namespace => {
    const watch = <T extends KubernetesObject>(
      resource: Resource<T>,
      cache: Cache<T>,
      extra: Pick<SourceOptions<T>, 'labelSelector' | 'metadataOnly' | 'slim'>,
    ): Watching => {
      const source = openSource<T>(transport, resource, {
        ...(namespace === undefined ? {} : { namespace }),
        slim: withoutManagedFields,
        ...extra,
      });
      return new ListWatch<T>(source, cache, options);
    };
    return [
      watch(MIGRATIONS, caches.migrations, {}),
      watch(BACKUPS, caches.backups, {}),
      watch(JOBS, caches.jobs, { labelSelector: LABELS.uid, slim: slimJob }),
      watch(PODS, caches.pods, { labelSelector: LABELS.uid, slim: slimPod }),
      watch(CONFIG_MAPS, caches.configMaps, { metadataOnly: true }),
    ];
  });
}

/** Of a Job's spec only what says whether it was handed to the garbage collector. */
function slimJob(job: Job): Job {
  const { ttlSecondsAfterFinished } = job.spec ?? {};
  const spec = ttlSecondsAfterFinished === undefined ? {} : { ttlSecondsAfterFinished };
  return { ...withoutManagedFields(job), spec: spec as NonNullable<Job['spec']> };
}

/** Of a Pod its metadata and status; the spec is what we made. */
function slimPod(pod: Pod): Pod {
  const { spec: _, ...rest } = withoutManagedFields(pod);
  return rest;
}
