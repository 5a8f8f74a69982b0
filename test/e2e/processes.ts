// The processes of a Pod, for SIGKILL: found by the Pod's uid, which is in the name of its cgroup. On a cluster whose node
// is another machine there are none.
import { readdirSync, readFileSync } from 'node:fs';
import type { Pod } from '../../src/kubernetes/resources.ts';

/** Kills the product's own program in every container of the Pod at once; answers how many processes that were. */
export function killProcessesOf(pod: Pod): number {
  const processes = processesOf(pod.metadata?.uid ?? '');
  for (const id of processes) process.kill(id, 'SIGKILL');
  return processes.length;
}

function processesOf(podUid: string): readonly number[] {
  const names = [podUid, podUid.replaceAll('-', '_')];
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(id => names.some(name => fileOf(id, 'cgroup').includes(name)))
    .filter(id => /\/app\/(operator|runner)\/main\.js/.test(fileOf(id, 'cmdline')))
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
