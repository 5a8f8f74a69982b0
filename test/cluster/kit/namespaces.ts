// The namespaces of a full cluster: network, mounts, processes, IPC. Their first process
// does nothing but wait; when it is killed the kernel ends everything inside, and mounts,
// Pods' networks and interfaces go with it. That is why nothing of a cluster can be left.
//
// Addresses: host 10.250.N.1 — 10.250.N.2 node, Pods 10.244.N.0/24, N the first free one.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { childrenOf, startProcess } from './processes.ts';
import { run } from './run.ts';
import { type State, saveState } from './state.ts';

export interface Namespaces {
  /** The node's address, reachable from the host and from Pods. */
  readonly address: string;
  readonly podSubnet: string;
  /** Goes before a command that is to run inside. */
  readonly inside: readonly string[];
}

export async function makeNamespaces(state: State): Promise<Namespaces> {
  const pid = await startInit(state);
  const index = await connect(state, pid);
  const inside = insideOf(pid);
  const address = `10.250.${index}.2`;
  const podSubnet = `10.244.${index}.0/24`;
  const [command, ...args] = inside;
  await run(String(command), [...args, 'sh', '-euc', insideScript(state.directory, index)]);
  await run('ip', ['route', 'replace', podSubnet, 'via', address]);
  return { address, podSubnet, inside };
}

export function insideOf(pid: number): string[] {
  return ['nsenter', `--target=${pid}`, '--net', '--mount', '--pid', '--ipc', '--'];
}

const pollMs = 10;

async function startInit(state: State): Promise<number> {
  const unshare = ['unshare', '--net', '--mount', '--pid', '--ipc', '--fork', '--kill-child'];
  const command = [...unshare, '--propagation=private', '--mount-proc', join(state.bin, 'pause')];
  const outer = startProcess('namespaces', command, join(state.directory, 'logs', 'namespaces.log'));
  state.processes.push(outer);
  saveState(state);
  for (;;) {
    const [init] = childrenOf(outer.pid);
    if (init !== undefined) {
      state.init = init;
      saveState(state);
      return init.pid;
    }
    await sleep(pollMs);
  }
}

const highestIndex = 250;

/** The name of the host's end is what two starting clusters compete for: the kernel gives it to one of them. */
async function connect(state: State, pid: number): Promise<number> {
  for (let index = 1; index <= highestIndex; index += 1) {
    const name = `migop${index}`;
    if ((await run('ip', ['-oneline', 'address', 'show'])).includes(` 10.250.${index}.`)) continue;
    const pair = ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)];
    const failure = await run('ip', pair).then(
      () => undefined,
      (error: Error) => error,
    );
    if (failure?.message.includes('File exists')) continue;
    if (failure !== undefined) throw failure;
    state.veth = name;
    saveState(state);
    await run('ip', ['address', 'add', `10.250.${index}.1/30`, 'dev', name]);
    await run('ip', ['link', 'set', name, 'up']);
    return index;
  }
  throw new Error(`All of 10.250.1.0 to 10.250.${highestIndex}.0 are taken: \`ip address\` shows by what`);
}

/** What the node writes outside of its directory (/run, /var/lib, /var/log) goes to the state directory or to memory. */
function insideScript(directory: string, index: number): string {
  for (const name of ['lib', 'log']) {
    for (const part of ['upper', 'work']) mkdirSync(join(directory, 'var', name, part), { recursive: true });
    chmodSync(join(directory, 'var', name, 'upper'), 0o755);
  }
  writeFileSync(join(directory, 'resolv.conf'), `nameserver 10.250.${index}.2\n`);
  const overlay = (name: string) => {
    const layers = `lowerdir=/var/${name},upperdir=${directory}/var/${name}/upper,workdir=${directory}/var/${name}/work`;
    return `mount -t overlay overlay -o '${layers}' /var/${name}`;
  };
  return [
    'ip link set lo up',
    `ip address add 10.250.${index}.2/30 dev eth0`,
    'ip link set eth0 up',
    `ip route add default via 10.250.${index}.1`,
    'echo 1 > /proc/sys/net/ipv4/ip_forward',
    'mount -t tmpfs -o mode=755 tmpfs /run',
    'mkdir /run/netns /run/lock',
    overlay('lib'),
    overlay('log'),
  ].join('\n');
}
