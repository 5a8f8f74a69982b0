// Killing the operator. Its process is found by the uid of its Pod, which is in the name of its cgroup; on a cluster
// whose node is another machine there is no such process, and the Pod is deleted without grace instead.
import { readdirSync, readFileSync } from 'node:fs';
import type { Pod } from '../../src/kubernetes/resources.ts';
import { OPERATOR } from './names.ts';
import type { Stage } from './stage.ts';

const PODS = `/api/v1/namespaces/${OPERATOR.namespace}/pods`;

/** SIGKILL: nothing is handed over, and the node starts the container again. */
export async function killOperatorProcess(stage: Stage): Promise<void> {
  const processes = (await operatorPods(stage)).flatMap(pod => processesOf(pod.metadata?.uid ?? ''));
  if (processes.length === 0) await killOperatorPod(stage);
  for (const id of processes) process.kill(id, 'SIGKILL');
}

/** Its process first, so that it cannot give the Lease back; then the Pod, so that another takes its place. */
export async function killOperatorPod(stage: Stage): Promise<void> {
  for (const pod of await operatorPods(stage)) {
    for (const id of processesOf(pod.metadata?.uid ?? '')) process.kill(id, 'SIGKILL');
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

/** Processes of this machine that run the operator's program in a container of this Pod. */
function processesOf(podUid: string): readonly number[] {
  const names = [podUid, podUid.replaceAll('-', '_')];
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(id => names.some(name => fileOf(id, 'cgroup').includes(name)))
    .filter(id => fileOf(id, 'cmdline').includes('/app/operator/main.js'))
    .map(Number);
}

/** Empty when the process has ended meanwhile, and where there is no /proc. */
function fileOf(id: string, file: 'cgroup' | 'cmdline'): string {
  try {
    return readFileSync(`/proc/${id}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
