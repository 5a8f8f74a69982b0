// The place where one cluster starts its processes: the state directory, the address
// they listen on, and how a command is launched there (directly, or inside the
// namespaces of a full cluster). Every launch is recorded before the next.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, startProcess } from './processes.ts';
import { type State, saveState } from './state.ts';

export interface Home {
  readonly state: State;
  readonly directory: string;
  /** Folder with Kubernetes' commands. */
  readonly bin: string;
  readonly address: string;
  readonly ports: { readonly api: number; readonly etcd: number; readonly etcdPeer: number };
  /** What goes before a command so that it runs inside; empty for the host itself. */
  readonly inside: readonly string[];
  readonly signal: AbortSignal;
}

export function launch(home: Home, name: string, command: readonly string[]): void {
  home.signal.throwIfAborted();
  home.state.processes.push(startProcess(name, [...home.inside, ...command], logOf(home, name)));
  saveState(home.state);
}

const logOf = (home: Home, name: string) => join(home.directory, 'logs', `${name}.log`);

const pollMs = 50;
const patienceMs = 120_000;
const shownLines = 15;

/** Polls until the check holds; fails at once when a process of the cluster has ended, with what it said last. */
export async function waitUntil(home: Home, what: string, check: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await check())) {
    home.signal.throwIfAborted();
    const ended = home.state.processes.find(process => !isAlive(process));
    if (ended !== undefined)
      throw new Error(`${ended.name} ended while the cluster waited for: ${what}\n${tail(home, ended.name)}`);
    if (Date.now() > deadline) {
      const logs = home.state.processes.map(({ name }) => `--- ${name}\n${tail(home, name)}`);
      throw new Error(`After ${patienceMs / 1000} s there is still not: ${what}\n${logs.join('\n')}`);
    }
    await sleep(pollMs);
  }
}

function tail(home: Home, name: string): string {
  const file = logOf(home, name);
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-shownLines).join('\n') : '';
}
