// What is known about one cluster, in one JSON file of its state directory, written
// after each thing that must be undone later. Whoever finds the file can end the
// cluster, whatever became of the process that started it.

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubernetesMinor } from './binaries.ts';
import { isCode } from './lock.ts';
import { clusterOfDirectory, statePath } from './paths.ts';
import { isAlive, type ProcessId, type Recorded } from './processes.ts';

export interface State {
  readonly name: string;
  readonly directory: string;
  readonly kubernetes: KubernetesMinor;
  readonly shape: 'full' | 'control-plane';
  /** The process with which the cluster ends; absent for one that stays until somebody ends it. */
  readonly owner: ProcessId | undefined;
  /** Set while `up` runs: a state directory whose starter has ended is half a cluster. */
  starter: ProcessId | undefined;
  readonly processes: Recorded[];
  /** First process in the namespaces of a full cluster; everything in it ends with this one. */
  init: ProcessId | undefined;
  /** The host's end of the veth pair. */
  veth: string | undefined;
  /** Name below each cgroup hierarchy. */
  cgroup: string | undefined;
  server: string;
  bin: string;
  helm: string;
  /** Image archives that the node has already. */
  readonly loaded: string[];
}

const fileOf = (directory: string) => join(directory, 'state.json');

export function saveState(state: State): void {
  mkdirSync(state.directory, { recursive: true, mode: 0o711 });
  const file = fileOf(state.directory);
  writeFileSync(`${file}.new`, JSON.stringify(state, null, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export function readState(name: string): State | undefined {
  const file = fileOf(statePath(name));
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as State) : undefined;
}

/** Every cluster of this user in the temporary directory, whole or not. */
export function allStates(): State[] {
  return readdirSync(tmpdir()).flatMap(entry => {
    const name = clusterOfDirectory(entry);
    try {
      const state = name === undefined ? undefined : readState(name);
      return state === undefined ? [] : [state];
    } catch (error) {
      if (isCode(error, 'EACCES')) return []; // somebody else's
      throw error;
    }
  });
}

/** `starting`: somebody is at it. `stale`: nobody wants it any more, or part of it has ended. */
export function conditionOf(state: State): 'starting' | 'up' | 'stale' {
  if (state.starter !== undefined) return isAlive(state.starter) ? 'starting' : 'stale';
  if (state.owner !== undefined && !isAlive(state.owner)) return 'stale';
  return state.processes.every(isAlive) ? 'up' : 'stale';
}
