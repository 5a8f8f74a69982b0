// Why a Job has no Pod: the Job controller tells it in an Event and nowhere else (a quota, an admission webhook, a service
// account that is not there). Read live, only for a Job that should have had a Pod by now. Called by both observers.
import type { Api } from '../../kubernetes/api.ts';
import { isForbidden } from '../../kubernetes/errors.ts';
import { EVENTS, type Event } from '../../kubernetes/resources.ts';
import { withoutSecrets } from '../migration/wording.ts';
import type { JobView } from '../migration/world.ts';

/** The Job controller usually needs a fraction of this. */
const PATIENCE_SECONDS = 2;
/** No watch tells when a Pod was refused: how soon to look again. */
const POD_REFUSAL_LOOK_MS = 3_000;

/** The same Jobs; one whose Pod was refused says why. */
export async function withPodRefusals(
  api: Api,
  namespace: string,
  now: Date,
  jobs: readonly JobView[],
): Promise<readonly JobView[]> {
  return Promise.all(
    jobs.map(async job => {
      if (!lacksPod(job) || now.getTime() - Date.parse(job.createdTime) < PATIENCE_SECONDS * 1000) return job;
      const podRefused = await refusalOf(api, namespace, job);
      return podRefused === undefined ? job : { ...job, podRefused };
    }),
  );
}

/** When a pass looks again: as it decided, when a refused act is due again, and while a Job of it has no Pod. */
export function nextLook(
  decidedMs: number | undefined,
  refused: { readonly againInMs: number } | undefined,
  jobs: readonly JobView[],
): { readonly requeueAfterMs?: number } {
  const wishes = [decidedMs, refused?.againInMs, jobs.some(lacksPod) ? POD_REFUSAL_LOOK_MS : undefined];
  const given = wishes.filter(one => one !== undefined);
  return given.length === 0 ? {} : { requeueAfterMs: Math.min(...given) };
}

function lacksPod(job: JobView): boolean {
  return job.finished === undefined && !job.deleting && job.pods.length === 0;
}

async function refusalOf(api: Api, namespace: string, { uid }: JobView): Promise<string | undefined> {
  try {
    const fieldSelector = `involvedObject.uid=${uid},reason=FailedCreate`;
    const { items } = await api.list(EVENTS, { namespace, fieldSelector });
    const last = items.toSorted((a, b) => timeOf(a).localeCompare(timeOf(b))).at(-1);
    return last?.message === undefined ? undefined : withoutSecrets(last.message.replace(/^Error creating: /, ''));
  } catch (error) {
    // A role of an earlier chart does not grant it; the wait is then told without its reason.
    if (isForbidden(error)) return undefined;
    throw error;
  }
}

function timeOf({ lastTimestamp, eventTime, metadata }: Event): string {
  return String(lastTimestamp ?? eventTime ?? metadata?.creationTimestamp ?? '');
}
