// Long-running processes that outlive the one that started them. Each is known by its
// pid and its start time, because a pid alone may by now be somebody else's; it is
// ended by that pid only, never by a name, and its end is waited for.

import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { environment } from './run.ts';

export interface ProcessId {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat: clock ticks from boot to the start of the process. */
  readonly startTime: string;
}

export interface Recorded extends ProcessId {
  readonly name: string;
  /** How it was started, so that it can be started again. */
  readonly command: readonly string[];
}

interface Stat {
  readonly state: string;
  readonly parent: number;
  readonly startTime: string;
}

export function thisProcess(): ProcessId {
  return { pid: process.pid, startTime: readStat(process.pid)?.startTime ?? '' };
}

export function isAlive(id: ProcessId): boolean {
  const stat = readStat(id.pid);
  return stat !== undefined && stat.startTime === id.startTime && stat.state !== 'Z';
}

/** Starts a process in a session of its own, so that Ctrl-C in our terminal does not reach it. */
export function startProcess(name: string, command: readonly string[], logFile: string): Recorded {
  const [file, ...args] = command;
  if (file === undefined) throw new Error(`No command for ${name}`);
  const log = openSync(logFile, 'a');
  try {
    const child = spawn(file, args, { detached: true, stdio: ['ignore', log, log], env: environment() });
    child.on('error', () => undefined); // told by the pid that is missing
    child.unref();
    if (child.pid === undefined) throw new Error(`${file} (${name}) cannot be started`);
    return { name, command, pid: child.pid, startTime: readStat(child.pid)?.startTime ?? '' };
  } finally {
    closeSync(log);
  }
}

/** The children of a process, e.g. the first process inside the namespaces that `unshare` has made. */
export function childrenOf(pid: number): ProcessId[] {
  return readdirSync('/proc').flatMap(entry => {
    const stat = /^\d+$/.test(entry) ? readStat(Number(entry)) : undefined;
    return stat?.parent === pid ? [{ pid: Number(entry), startTime: stat.startTime }] : [];
  });
}

const killPatienceMs = 20_000;
const pollMs = 20;

/** Ends processes at once (what they hold is thrown away) and waits until the last is gone. */
export async function killAndWait(ids: readonly ProcessId[]): Promise<void> {
  for (const id of ids) signalNow(id);
  const deadline = Date.now() + killPatienceMs;
  for (const id of ids) {
    while (isAlive(id)) {
      if (Date.now() > deadline) throw new Error(`Process ${id.pid} does not end although it was killed`);
      await sleep(pollMs);
    }
  }
}

export function signalNow(id: ProcessId): void {
  if (!isAlive(id)) return;
  try {
    process.kill(id.pid, 'SIGKILL');
  } catch {
    // ended between the look and the signal
  }
}

function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command's name is in parentheses and may hold spaces, so count the fields from behind it.
    const [state = '', parent = '', ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent), startTime: rest[17] ?? '' };
  } catch {
    return undefined; // no such process
  }
}
