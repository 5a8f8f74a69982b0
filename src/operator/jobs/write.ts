// The writes to Jobs that both controllers make: create one from a request, hand a finished one to the garbage collector.
// Each is safe to repeat; the cache of Jobs is waited for before the key's next pass.
import { ANNOTATIONS, LABELS } from '../../api/names.ts';
import type { Api } from '../../kubernetes/api.ts';
import { isAlreadyExists, isNotFound } from '../../kubernetes/errors.ts';
import type { OwnerReference } from '../../kubernetes/object.ts';
import { JOBS, type Job } from '../../kubernetes/resources.ts';
import type { Expectations } from '../controller/expectations.ts';
import type { JobRequest } from '../migration/actions.ts';
import { NameTaken } from '../refusals.ts';
import type { Caches } from '../sources.ts';
import { buildJob, type JobPlan, ownerReference } from './build.ts';

export interface JobWriter {
  readonly api: Api;
  readonly caches: Caches;
  readonly expectations: Expectations;
  readonly image: { readonly name: string; readonly pullPolicy: string };
}

/** The resource that a Job works for; `key` is the one whose next pass waits for the write. */
export interface JobOwner extends Pick<JobPlan, 'kind' | 'namespace' | 'ownerName' | 'ownerUid'> {
  readonly key: string;
}

/** How long a finished Job and its log stay. */
export const FINISHED_JOB_SECONDS = 24 * 3600;

export async function createJob(to: JobWriter, { key, ...owner }: JobOwner, request: JobRequest): Promise<void> {
  const job = buildJob({ ...request, ...owner, image: to.image.name, imagePullPolicy: to.image.pullPolicy });
  try {
    to.expectations.wrote(key, 'jobs', to.caches.jobs, await to.api.create(JOBS, owner.namespace, job));
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    to.expectations.wrote(key, 'jobs', to.caches.jobs, await existing(to, owner, request, error));
  }
}

/** Ours from before a crash; a Job that is not ours has none of our labels, so no cache will ever show it. */
async function existing(
  to: JobWriter,
  owner: Omit<JobOwner, 'key'>,
  { name, madeFor }: JobRequest,
  error: unknown,
): Promise<Job> {
  // A list, which the role grants anyway.
  const { items } = await to.api.list(JOBS, { namespace: owner.namespace, fieldSelector: `metadata.name=${name}` });
  const [live] = items;
  if (live === undefined || live.metadata?.deletionTimestamp !== undefined) throw error;
  const isOurs =
    live.metadata?.labels?.[LABELS.uid] === owner.ownerUid &&
    live.metadata.annotations?.[ANNOTATIONS.madeFor] === madeFor;
  if (!isOurs) throw new NameTaken(`the Job ${name} is there, and it is not ours`);
  return live;
}

/** Gives a finished Job its owner and its time to live. */
export async function adoptJob(to: JobWriter, owner: JobOwner, job: JobName): Promise<void> {
  try {
    await handOver(to, owner, job, [ownerReference(owner)]);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** The same with the owners given; none for a Job whose resource is gone. Rejects when the Job is gone. */
export async function handOver(
  to: Pick<JobWriter, 'api' | 'caches' | 'expectations'>,
  { key, namespace }: Pick<JobOwner, 'key' | 'namespace'>,
  { name, uid }: JobName,
  ownerReferences: readonly OwnerReference[],
): Promise<void> {
  const body = { metadata: { uid, ownerReferences }, spec: { ttlSecondsAfterFinished: FINISHED_JOB_SECONDS } };
  to.expectations.wrote(key, 'jobs', to.caches.jobs, await to.api.patch(JOBS, namespace, name, body));
}

interface JobName {
  readonly name: string;
  readonly uid: string;
}
