// The node of a full cluster: containerd, kubelet, scheduler, Service proxy, DNS and the
// provisioner of volumes. Started next to the control plane, in the cluster's namespaces.

import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Home, launch, waitUntil } from './home.ts';
import { kubeconfigOf, nodeName } from './kubeconfig.ts';
import { insideOf } from './namespaces.ts';
import {
  containerdConfig,
  containerdSocket,
  corefile,
  kubeletConfig,
  type NodePlace,
  networkConfig,
  storageClasses,
} from './nodeFiles.ts';
import { run } from './run.ts';
import { type State, saveState } from './state.ts';

/** Needs no API server. Returns when images can be loaded. */
export async function startContainerd(home: Home, place: NodePlace): Promise<void> {
  const { directory } = home;
  for (const folder of ['containerd', 'cni']) mkdirSync(join(directory, folder), { recursive: true });
  writeFileSync(join(directory, 'containerd.toml'), containerdConfig(place));
  writeFileSync(join(directory, 'cni', '10-pods.conflist'), JSON.stringify(networkConfig(place)));
  launch(home, 'containerd', ['containerd', '--config', join(directory, 'containerd.toml')]);
  await waitUntil(home, 'containerd answers', () =>
    ctr(home.state, ['version']).then(
      () => true,
      () => false,
    ),
  );
}

/** Needs the API server and containerd. Returns when the node takes Pods and names are answered. */
export async function startNode(home: Home, place: NodePlace, coredns: string): Promise<void> {
  const { directory, bin, address } = home;
  const config = (user: Parameters<typeof kubeconfigOf>[1]) => `--kubeconfig=${kubeconfigOf(directory, user)}`;
  const kubeletFile = join(directory, 'kubelet.json');
  writeFileSync(kubeletFile, JSON.stringify(kubeletConfig(place)));
  launch(home, 'kubelet', [
    join(bin, 'kubelet'),
    config('kubelet'),
    `--config=${kubeletFile}`,
    `--root-dir=${join(directory, 'kubelet')}`,
    `--cert-dir=${join(directory, 'kubelet-certificates')}`,
    `--hostname-override=${nodeName}`,
    `--node-ip=${address}`,
  ]);
  const scheduler = 'kube-scheduler';
  launch(home, scheduler, [join(bin, scheduler), config(scheduler), '--leader-elect=false', '--secure-port=0']);
  launch(home, 'kube-proxy', [
    join(bin, 'kube-proxy'),
    config('kube-proxy'),
    `--hostname-override=${nodeName}`,
    '--proxy-mode=iptables',
    `--cluster-cidr=${place.podSubnet}`,
    '--conntrack-max-per-core=0', // a setting of the whole host
  ]);
  const names = join(directory, 'Corefile');
  writeFileSync(names, corefile(address, kubeconfigOf(directory, 'coredns')));
  launch(home, 'coredns', [coredns, `-conf=${names}`]);
  const volumes = join(directory, 'volumes');
  mkdirSync(volumes);
  const provisioner = 'local-provisioner';
  launch(home, provisioner, [join(bin, provisioner), config(provisioner), `--directory=${volumes}`]);
  await kubectl(home, ['create', '-f', '-'], JSON.stringify(storageClasses));
  await waitUntil(home, 'the node is ready', () => isNodeReady(home));
  await waitUntil(home, 'DNS answers', () => isDnsReady(address));
}

async function isNodeReady(home: Home): Promise<boolean> {
  const path = '{range .items[*].status.conditions[?(@.type=="Ready")]}{.status}{end}';
  return (await kubectl(home, ['get', 'nodes', '-o', `jsonpath=${path}`])) === 'True';
}

async function isDnsReady(address: string): Promise<boolean> {
  return await fetch(`http://${address}:8181/ready`).then(
    answer => answer.ok,
    () => false,
  );
}

async function kubectl(home: Home, args: readonly string[], input?: string): Promise<string> {
  const all = [`--kubeconfig=${kubeconfigOf(home.directory, 'admin')}`, ...args];
  return await run(join(home.bin, 'kubectl'), all, input === undefined ? {} : { input });
}

/** Imports a docker-archive; one that was imported before and has not changed since is left alone. */
export async function loadIntoNode(state: State, archive: string): Promise<void> {
  if (state.init === undefined)
    throw new Error(`Cluster ${state.name} has a control plane only, so no node to load an image into`);
  const { size, mtimeMs } = statSync(archive);
  const key = `${archive} ${size} ${mtimeMs}`;
  if (state.loaded.includes(key)) return;
  await ctr(state, ['images', 'import', archive]);
  state.loaded.push(key);
  saveState(state);
}

async function ctr(state: State, args: readonly string[]): Promise<string> {
  if (state.init === undefined) throw new Error(`Cluster ${state.name} has no node`);
  const [command, ...inside] = insideOf(state.init.pid);
  const socket = ['--address', containerdSocket(state.directory), '--namespace', 'k8s.io'];
  return await run(String(command), [...inside, 'ctr', ...socket, ...args]);
}
