// Collects what is true about one DatabaseMigration: from the caches what we watch, live what we do not (workloads and,
// while it may be deleted, the namespace). Reads only.
import { ANNOTATIONS, FINALIZER, LABELS } from '../../api/names.ts';
import { parseMigrationSpec, parseStatus } from '../../api/parse.ts';
import type { Api } from '../../kubernetes/api.ts';
import { NAMESPACES } from '../../kubernetes/resources.ts';
import { ownerOf } from '../identity.ts';
import { withPodRefusals } from '../jobs/pod-refusals.ts';
import { jobView } from '../jobs/view.ts';
import type { Refusals } from '../refusals.ts';
import { type Caches, type DatabaseMigration, INDEX, MIGRATIONS } from '../sources.ts';
import { withInheritedMark } from './marks.ts';
import { namesLike } from './near.ts';
import { isCommitNear, readScalers } from './scalers.ts';
import { toTime } from './turn.ts';
import { isWaitingToBegin, volumeUsersOf } from './volume-users.ts';
import { readWorkload, type WorkloadName } from './workloads.ts';
import type { World } from './world.ts';

export interface Observer {
  readonly api: Api;
  readonly caches: Caches;
  /** Uid of the namespace kube-system. */
  readonly clusterUid: string;
  readonly now: () => Date;
  readonly refusals: Refusals;
}

export async function observe(from: Observer, object: DatabaseMigration): Promise<World> {
  const { api, caches, clusterUid } = from;
  const { namespace = '', name = '', uid = '' } = object.metadata ?? {};
  const spec = parseMigrationSpec(object.spec);
  const status = parseStatus(object.status);
  const backup = backupOf(caches, namespace, object);
  const seen = caches.jobs
    .byIndex(INDEX.uid, uid)
    .map(job => jobView(job, caches.pods.byIndex(INDEX.uid, uid)))
    .toSorted((a, b) => a.name.localeCompare(b.name));
  const jobs = await withPodRefusals(api, namespace, from.now(), seen);
  return {
    resource: resourceView(object),
    spec,
    status,
    owner: ownerOf(clusterUid, namespace, name),
    namespace: await namespaceState(api, object),
    rivals: rivalsOf(caches, object),
    volumeUsers: await volumeUsers(from, object),
    sources: (object.spec.source?.configMapRefs ?? []).map(ref => {
      const found = caches.configMaps.get(`${namespace}/${ref.name}`)?.metadata;
      return found === undefined
        ? { name: ref.name, near: namesLike(ref.name, configMapNames(caches, namespace)) }
        : { name: ref.name, found: { uid: found.uid ?? '', resourceVersion: found.resourceVersion ?? '' } };
    }),
    ...(object.status?.run === undefined ? { handedOut: handedOutOf(caches, uid) } : {}),
    jobs,
    refusals: from.refusals.of(uid),
    workloads: (await Promise.all(workloadNames(object).map(ref => readWorkload(api, namespace, ref)))).map(workload =>
      withInheritedMark(workload, uid, other => caches.migrations.byIndex(INDEX.uid, other).length > 0),
    ),
    ...(isCommitNear(object, jobs) ? { scalers: await readScalers(api, namespace) } : {}),
    ...(backup === undefined ? {} : { backup }),
    // Last: what was read live has set the clock right by now.
    now: toTime(from.now().getTime()),
  };
}

function resourceView(object: DatabaseMigration): World['resource'] {
  const { metadata } = object;
  const token = metadata?.annotations?.[ANNOTATIONS.retry];
  const adopts = metadata?.annotations?.[ANNOTATIONS.adopt]?.trim();
  const confirms = metadata?.annotations?.[ANNOTATIONS.confirmDowngrade]?.trim();
  return {
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    generation: metadata?.generation ?? 0,
    ...(metadata?.deletionTimestamp === undefined ? {} : { deletionTime: metadata.deletionTimestamp }),
    finalizer: metadata?.finalizers?.includes(FINALIZER) === true ? 'Present' : 'Absent',
    ...(token === undefined ? {} : { retryToken: tokenOf(token) }),
    // Anything else is no owner's id; the message that refuses the database says what to write.
    ...(adopts !== undefined && /^[0-9a-f]{16}$/.test(adopts) ? { adopts } : {}),
    ...(confirms === undefined || confirms === '' ? {} : { confirmsDowngrade: confirms.slice(0, 64) }),
  };
}

/**
 * As much of a token as the status keeps, cut between characters: half of one comes back from the API server as another,
 * and a token that differs from the one that was handled asks for a run.
 */
function tokenOf(annotation: string): string {
  return [...annotation].slice(0, 256).join('');
}

/** The workloads of the spec, and those of the run, which may be held although the spec no longer names them. */
function workloadNames(object: DatabaseMigration): readonly WorkloadName[] {
  const ofSpec = object.spec.rollout?.workloads ?? [];
  const ofRun = object.status?.run?.workloads ?? [];
  const all = [...ofSpec, ...ofRun].map(
    ({ kind, name }) => ({ kind: kind === 'StatefulSet' ? 'StatefulSet' : 'Deployment', name }) as const,
  );
  return [...new Map(all.map(ref => [`${ref.kind}/${ref.name}`, ref])).values()];
}

function claimOf(object: DatabaseMigration): string {
  const { urlSecretRef, ledgerSchema = 'migrate' } = object.spec.database;
  return [urlSecretRef.name, urlSecretRef.key, ledgerSchema].join('\n');
}

function handedOutOf(caches: Caches, uid: string): NonNullable<World['handedOut']> {
  const ofJobs = caches.jobs.byIndex(INDEX.uid, uid).map(({ metadata }) => ({
    run: Number(metadata?.labels?.[LABELS.run]) || 0,
    attempt: Number(metadata?.labels?.[LABELS.attempt]) || 0,
  }));
  const ofBackups = caches.backups.list().flatMap(({ spec }) => (spec.run.uid === uid ? [spec.run] : []));
  const all = [...ofJobs, ...ofBackups.map(({ id, attempt }) => ({ run: id, attempt }))];
  return { run: Math.max(0, ...all.map(one => one.run)), attempt: Math.max(0, ...all.map(one => one.attempt)) };
}

function configMapNames(caches: Caches, namespace: string): readonly string[] {
  return caches.configMaps
    .list()
    .flatMap(({ metadata }) => (metadata?.namespace === namespace ? (metadata.name ?? []) : []));
}

/** Older resources come first; of two of the same second the one with the lower name. */
function rivalsOf(caches: Caches, object: DatabaseMigration): readonly string[] {
  const age = (one: DatabaseMigration): string => `${one.metadata?.creationTimestamp} ${one.metadata?.name}`;
  return caches.migrations
    .byIndex(INDEX.secret, `${object.metadata?.namespace}/${object.spec.database.urlSecretRef.name}`)
    .filter(
      other =>
        other.metadata?.uid !== object.metadata?.uid && claimOf(other) === claimOf(object) && age(other) < age(object),
    )
    .map(other => other.metadata?.name ?? '')
    .toSorted();
}

/** Live just before a commit, which rests on it. */
async function volumeUsers({ api, caches }: Observer, object: DatabaseMigration): Promise<readonly string[]> {
  const namespace = object.metadata?.namespace ?? '';
  const others = isWaitingToBegin(object)
    ? (await api.list(MIGRATIONS, { namespace })).items
    : caches.migrations.list();
  return volumeUsersOf(others, object);
}

function backupOf(caches: Caches, namespace: string, object: DatabaseMigration): World['backup'] {
  const name = object.status?.run?.backup?.name;
  const found = name === undefined ? undefined : caches.backups.get(`${namespace}/${name}`);
  if (found === undefined || found.metadata?.deletionTimestamp !== undefined) return undefined;
  return {
    name: found.metadata?.name ?? '',
    uid: found.metadata?.uid ?? '',
    migrationUid: found.spec.run.uid,
    status: found.status ?? {},
  };
}

/** Only a deletion depends on it. */
async function namespaceState(api: Api, object: DatabaseMigration): Promise<World['namespace']> {
  if (object.metadata?.deletionTimestamp === undefined) return 'Active';
  const namespace = await api.get(NAMESPACES, undefined, object.metadata.namespace ?? '');
  return namespace === undefined || namespace.metadata?.deletionTimestamp !== undefined ? 'Terminating' : 'Active';
}
