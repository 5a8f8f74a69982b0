// Jobs whose resource is gone. They were made without an owner so that a deletion does not end them in the middle; when
// nobody is left to hand them over, they are given the time to live that every finished Job gets.
import { LABELS } from '../../api/names.ts';
import type { Api } from '../../kubernetes/api.ts';
import { isConflict, isNotFound } from '../../kubernetes/errors.ts';
import { JOBS } from '../../kubernetes/resources.ts';
import { type Caches, INDEX } from '../sources.ts';
import { jobView } from './view.ts';
import { FINISHED_JOB_SECONDS } from './write.ts';

/** Finished Jobs of resources that had this name; `uid` is the one that has it now, if one has. A repeat does nothing. */
export async function handOverOrphans(
  { api, caches }: { readonly api: Api; readonly caches: Caches },
  owner: { readonly kind: string; readonly namespace: string; readonly name: string; readonly uid: string | undefined },
): Promise<number> {
  const orphans = caches.jobs
    .byIndex(INDEX.for, `${owner.namespace}/${owner.kind}/${owner.name}`)
    .filter(job => job.metadata?.labels?.[LABELS.uid] !== owner.uid)
    .map(job => jobView(job, []))
    .filter(job => job.finished !== undefined && !job.adopted && !job.deleting);
  for (const { name, uid } of orphans) {
    const body = { metadata: { uid }, spec: { ttlSecondsAfterFinished: FINISHED_JOB_SECONDS } };
    try {
      await api.patch(JOBS, owner.namespace, name, body);
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
  return orphans.length;
}
