// Brings up the whole of a cluster, the two halves side by side: control plane and
// container runtime first, then the node that needs both.

import { pauseArchive } from '../images.ts';
import { makeCgroups } from './cgroups.ts';
import { startControlPlane } from './controlPlane.ts';
import type { Home } from './home.ts';
import { makeNamespaces } from './namespaces.ts';
import { loadIntoNode, startContainerd, startNode } from './node.ts';
import { type NodePlace, pauseImage } from './nodeFiles.ts';
import type { Progress } from './progress.ts';
import { type State, saveState } from './state.ts';

const ports = { api: 6443, etcd: 2379, etcdPeer: 2380 };

export async function startFullCluster(
  state: State,
  signal: AbortSignal,
  coredns: string,
  progress: Progress,
): Promise<void> {
  const { directory, bin } = state;
  const pause = await pauseArchive(bin, pauseImage);
  const { address, podSubnet, inside } = await makeNamespaces(state);
  const home: Home = { state, directory, bin, address, ports, inside, signal };
  const cgroup = `migration-operator-${state.name}`;
  state.cgroup = cgroup;
  saveState(state);
  makeCgroups(cgroup);
  const place: NodePlace = { directory, address, podSubnet, cgroup };
  progress(`cluster ${state.name}: starting Kubernetes at ${address}`);
  const runtime = startContainerd(home, place).then(() => loadIntoNode(state, pause));
  await Promise.all([startControlPlane(home), runtime]);
  progress(`cluster ${state.name}: the API server answers, starting the node`);
  await startNode(home, place, coredns);
}
