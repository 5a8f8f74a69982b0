// The cluster that KUBECONFIG names: kind, minikube, a test cluster, or one that `npm run
// cluster -- up` has started. We start and end nothing there, and images get in by its own
// loader, or, where it has none that we know, from a registry.

import { spawnSync } from 'node:child_process';
import type { Cluster } from '../cluster.ts';
import { builtBefore } from './binaries.ts';
import { auditLogOf, caFileOf } from './controlPlane.ts';
import { loadIntoNode } from './node.ts';
import { PrerequisiteError } from './prerequisites.ts';
import { run } from './run.ts';
import { conditionOf, readState, type State } from './state.ts';

interface ConfigView {
  readonly 'current-context'?: string;
  readonly clusters?: readonly { readonly cluster: { readonly server: string } }[];
}

/** Undefined when KUBECONFIG is not set. */
export async function clusterFromEnvironment(): Promise<Cluster | undefined> {
  const kubeconfig = process.env.KUBECONFIG;
  if (!kubeconfig) return undefined;
  const kubectl = find('kubectl');
  const view = JSON.parse(await run(kubectl, ['config', 'view', '--minify', '-o', 'json'])) as ConfigView;
  const name = view['current-context'] ?? '';
  const server = view.clusters?.[0]?.cluster.server ?? '';
  const ours = startedHere(name, server);
  return {
    name,
    kubeconfig,
    kubectl,
    helm: find('helm'),
    server,
    caFile: ours && caFileOf(ours.directory),
    auditLog: ours && auditLogOf(ours.directory),
    loadImage: archive => (ours === undefined ? load(name, archive) : loadIntoNode(ours, archive)),
    restartApiServer: () => notOurs(name),
    compactEtcd: () => notOurs(name),
    down: async () => undefined,
  };
}

async function notOurs(name: string): Promise<never> {
  throw new Error(`The control plane of the cluster "${name}" of KUBECONFIG is not ours to restart`);
}

function startedHere(context: string, server: string): State | undefined {
  const state = readState(context.replace(/^migration-operator-/, ''));
  return state !== undefined && state.server === server && conditionOf(state) === 'up' ? state : undefined;
}

async function load(context: string, archive: string): Promise<void> {
  const kind = /^kind-(.+)$/.exec(context)?.[1];
  if (kind !== undefined) {
    await run('kind', ['load', 'image-archive', archive, '--name', kind]);
  } else if (isMinikube(context)) {
    await run('minikube', ['image', 'load', archive, '--profile', context]);
  } else {
    throw new PrerequisiteError(
      `The cluster "${context}" of KUBECONFIG is neither kind nor minikube, so the image cannot be put into it: push ${archive} to a registry that it pulls from and set MIGRATION_OPERATOR_IMAGE to the name there.`,
    );
  }
}

/** A minikube context is named after its profile, which can be anything. */
function isMinikube(context: string): boolean {
  if (context === 'minikube') return true;
  const { status, stdout } = spawnSync('minikube', ['profile', 'list', '--output=json'], { encoding: 'utf8' });
  return status === 0 && stdout.includes(`"Name":"${context}"`);
}

function find(command: 'kubectl' | 'helm'): string {
  const isOnPath = spawnSync(command, ['version', '--client'], { stdio: 'ignore' }).error === undefined;
  const path = isOnPath ? command : builtBefore(command);
  if (path !== undefined) return path;
  throw new PrerequisiteError(
    `KUBECONFIG is set, but there is no \`${command}\` on PATH to use its cluster with: install it.`,
  );
}
