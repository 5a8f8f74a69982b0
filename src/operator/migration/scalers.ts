// What else scales the workloads of a namespace: the ScaledObjects of KEDA, which would raise again what we hold at zero.
// Read live and only just before a commit, the one decision that rests on it. Called by observe.ts.
import type { Api } from '../../kubernetes/api.ts';
import { isForbidden, isNotFound } from '../../kubernetes/errors.ts';
import { SCALED_OBJECTS } from '../../kubernetes/resources.ts';
import type { DatabaseMigration } from '../sources.ts';
import type { JobView, ScalerView } from './world.ts';

/** Whether this pass may come to the commit of a run that stops the app: its plan is answered or done. */
export function isCommitNear({ spec, status }: DatabaseMigration, jobs: readonly JobView[]): boolean {
  const run = status?.run;
  if (run === undefined || run.committedTime !== undefined || run.outcome !== undefined) return false;
  const { strategy } = spec.rollout ?? {};
  // Rolling stops the app for a downgrade only; that it is one, the status says as soon as the plan is written.
  if (strategy !== 'Recreate' && !(strategy === 'Rolling' && run.plan?.direction === 'Down')) return false;
  const plan = run.steps?.find(step => step.name === 'Plan');
  const job = jobs.find(one => one.name === plan?.job?.name);
  return plan?.state === 'Done' || job?.pods.some(pod => pod.terminated !== undefined) === true;
}

/**
 * None where KEDA is not installed: its kind is then unknown (404). Under a role that is older than this program (403) a
 * release is not held back for it: what KEDA raises all the same ends the run as ReplicasContested.
 */
export async function readScalers(api: Api, namespace: string): Promise<readonly ScalerView[]> {
  try {
    const { items } = await api.list(SCALED_OBJECTS, { namespace });
    return items.flatMap(({ metadata, spec }) => {
      const { apiVersion = 'apps/v1', kind = 'Deployment', name } = spec?.scaleTargetRef ?? {};
      if (name === undefined || !apiVersion.startsWith('apps/')) return [];
      return [{ name: metadata?.name ?? '', kind, scales: name }];
    });
  } catch (error) {
    if (isNotFound(error) || isForbidden(error)) return [];
    throw error;
  }
}
