// Killing the operator: its process alone, which the node starts again, or its Pod too, for which another comes.
import type { Pod } from '../../src/kubernetes/resources.ts';
import { OPERATOR } from './names.ts';
import { killProcessesOf } from './processes.ts';
import type { Stage } from './stage.ts';

const PODS = `/api/v1/namespaces/${OPERATOR.namespace}/pods`;

/** SIGKILL: nothing is handed over, and the node starts the container again. */
export async function killOperatorProcess(stage: Stage): Promise<void> {
  const killed = (await operatorPods(stage)).map(killProcessesOf);
  if (killed.every(count => count === 0)) await killOperatorPod(stage);
}

/** Its process first, so that it cannot give the Lease back; then the Pod, so that another takes its place. */
export async function killOperatorPod(stage: Stage): Promise<void> {
  for (const pod of await operatorPods(stage)) {
    killProcessesOf(pod);
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 });
    await stage.kubernetes.request(`${PODS}/${pod.metadata?.name}`, { method: 'DELETE', headers, body });
  }
}

async function operatorPods(stage: Stage): Promise<readonly Pod[]> {
  const selector = encodeURIComponent(`app.kubernetes.io/name=${OPERATOR.name}`);
  const response = await stage.kubernetes.request(`${PODS}?labelSelector=${selector}`);
  return ((await response.json()) as { readonly items: readonly Pod[] }).items;
}
