// What processes cost, as the kernel counts it: memory and processor time, of the operator's bundle and of the control plane
// beside it. Linux only, as the local cluster is.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildBundle } from '../../build.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { readState } from '../cluster/kit/state.ts';
import { OperatorProcess, type ProcessOptions } from '../machine/process.ts';

const DEPLOYMENT = join(import.meta.dirname, '../../charts/migration-operator/templates/deployment.yaml');

/** The bundle that the image ships, in a directory of its own until it is disposed of, run as the chart does. */
export class Shipped implements Disposable {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async build(): Promise<Shipped> {
    const directory = mkdtempSync(join(tmpdir(), 'migrate-bench-'));
    await buildBundle('operator', join(directory, 'operator'));
    return new Shipped(directory);
  }

  /** A process of it that says what the default says. */
  start(options: Omit<ProcessOptions, 'program'>): Promise<OperatorProcess> {
    const program = join(this.#directory, 'operator', 'main.js');
    const flags = ['--log-level=info', ...(options.flags ?? [])];
    return OperatorProcess.start({
      ...options,
      program,
      flags,
      nodeFlags: [...chartNodeFlags(), ...(options.nodeFlags ?? [])],
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function chartNodeFlags(): readonly string[] {
  const command = /command: \[node, (.*)\/app\/operator\/main\.js\]/.exec(readFileSync(DEPLOYMENT, 'utf8'));
  if (command === null) throw new Error(`${DEPLOYMENT} must say how the operator is started`);
  return (command[1] ?? '').split(', ').filter(flag => flag !== '');
}

/** Resident memory, as `kubectl top` and the out-of-memory killer see most of it: `VmRSS` now, `VmHWM` at its highest. */
export function residentMiB(pid: number, which: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8')
    .split('\n')
    .find(one => one.startsWith(`${which}:`));
  return Number(/(\d+) kB$/.exec(line ?? '')?.[1]) / 1024;
}

/** Processor seconds by name, since the start of each process: of the operator, and of the control plane. */
export function processorSeconds(cluster: Cluster, operator: OperatorProcess): ReadonlyMap<string, number> {
  const others = readState(cluster.name)?.processes.map(({ pid }) => [commandOf(pid), pid] as const) ?? [];
  return new Map([['operator', operator.pid] as const, ...others].map(([name, pid]) => [name, secondsOf(pid)]));
}

/** What each used since, the busiest first: `operator 3.1 s, kube-apiserver 2.0 s`. */
export function usedSince(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string {
  return [...after]
    .map(([name, seconds]) => [name, seconds - (before.get(name) ?? 0)] as const)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, seconds]) => `${name} ${seconds.toFixed(1)} s`)
    .join(', ');
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: fields 14 and 15, in ticks of 1/100 s. */
function secondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
