// The cgroup below which a cluster's kubelet keeps its Pods, in each hierarchy of
// cgroup v1 or in the one of v2. The kubelet demands that it exists beforehand.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = '/sys/fs/cgroup';
const isVersion2 = () => existsSync(join(root, 'cgroup.controllers'));

/** The cluster's cgroup in every hierarchy of this machine, there or not. */
export function cgroupFolders(name: string): string[] {
  if (isVersion2()) return [join(root, name)];
  const hierarchies = readdirSync(root, { withFileTypes: true }).filter(entry => entry.isDirectory());
  return hierarchies.map(entry => join(root, entry.name, name));
}

export function makeCgroups(name: string): void {
  if (isVersion2()) delegate(root);
  for (const folder of cgroupFolders(name)) {
    mkdirSync(folder, { recursive: true });
    for (const file of ['cpuset.cpus', 'cpuset.mems']) copyFromParent(folder, file);
    if (isVersion2()) delegate(folder);
  }
}

/** In v1 a new cpuset is empty, and no process can enter it. */
function copyFromParent(folder: string, file: string): void {
  if (isVersion2() || !existsSync(join(folder, file))) return;
  writeFileSync(join(folder, file), readFileSync(join(folder, '..', file)));
}

/** In v2 a parent says which controllers its children have. */
function delegate(folder: string): void {
  const controllers = readFileSync(join(folder, 'cgroup.controllers'), 'utf8').trim().split(/\s+/);
  for (const controller of controllers) {
    try {
      writeFileSync(join(folder, 'cgroup.subtree_control'), `+${controller}`);
    } catch {
      // Some cannot be delegated; the kubelet says by itself which one it misses.
    }
  }
}
