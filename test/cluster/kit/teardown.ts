// Ends a cluster by what its state file says and removes every trace: processes, the
// namespaces with their mounts, the network link, cgroups, files. Safe to repeat, and
// on a cluster of which only a part was ever there.

import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cgroupFolders } from './cgroups.ts';
import { isCode } from './lock.ts';
import { killAndWait } from './processes.ts';
import { run } from './run.ts';
import type { State } from './state.ts';

export async function tearDown(state: State): Promise<void> {
  // First the init of the namespaces: the kernel ends everything inside with it, shims and containers too.
  if (state.init !== undefined) await killAndWait([state.init]);
  await killAndWait(state.processes);
  if (state.veth !== undefined) await removeLink(state.veth);
  if (state.cgroup !== undefined) await removeCgroups(state.cgroup);
  rmSync(state.directory, { recursive: true, force: true });
}

/** The kernel removes it with its network namespace, but some time later. */
async function removeLink(name: string): Promise<void> {
  const folder = join('/sys/class/net', name);
  if (!existsSync(folder)) return;
  await run('ip', ['link', 'delete', name]).catch(error => {
    if (existsSync(folder)) throw error;
  });
}

async function removeCgroups(name: string): Promise<void> {
  for (const folder of cgroupFolders(name)) await removeCgroup(folder);
}

const attempts = 100;
const pauseMs = 50;

/** A cgroup has no files that could be removed, only child folders; it is busy for a moment after its last process. */
async function removeCgroup(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeCgroup(join(folder, entry.name));
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      rmdirSync(folder);
      return;
    } catch (error) {
      if (isCode(error, 'ENOENT')) return;
      if (!isCode(error, 'EBUSY') || attempt === attempts) throw error;
      await sleep(pauseMs);
    }
  }
}
