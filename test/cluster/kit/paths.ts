// Where things are kept: what is built once in the user's cache, what belongs to one
// cluster under the temporary directory. Nothing is ever written into the repository.

import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const product = 'migration-operator';

export function cachePath(...parts: string[]): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), product, ...parts);
}

const statePrefix = `${product}-`;

export function statePath(cluster: string): string {
  return join(tmpdir(), statePrefix + cluster);
}

/** The name of the cluster whose state directory has this file name, if it is one. */
export function clusterOfDirectory(fileName: string): string | undefined {
  return fileName.startsWith(statePrefix) ? fileName.slice(statePrefix.length) : undefined;
}

/** test/cluster/go */
export const goSources = join(import.meta.dirname, '..', 'go');
