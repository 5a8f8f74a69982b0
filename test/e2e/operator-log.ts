// The operator's log from the beginning to the end of the test, whichever of its Pods wrote it: a Pod that is killed
// takes its log along, so it is followed while it is written.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Cluster } from '../cluster/cluster.ts';
import { OPERATOR } from './names.ts';

export interface Log {
  /** Everything so far. A line that was written while the follower changed Pods may be there twice. */
  text(): string;
  close(): void;
}

const PAUSE_MS = 300;

export function followLog(cluster: Cluster): Log {
  const chunks: string[] = [];
  let child: ChildProcess | undefined;
  let state: 'following' | 'closed' = 'following';
  const follow = (): void => {
    if (state === 'closed') return;
    const selector = `app.kubernetes.io/name=${OPERATOR.name}`;
    const args = ['logs', '--follow', '--tail=-1', '--namespace', OPERATOR.namespace, '--selector', selector];
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
    child = spawn(cluster.kubectl, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
    child.once('close', () => setTimeout(follow, PAUSE_MS).unref());
  };
  follow();
  return {
    text: () => chunks.join(''),
    close: () => {
      state = 'closed';
      child?.kill();
    },
  };
}
