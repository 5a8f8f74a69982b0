// A Kubernetes cluster of one's own for tests and the demo, made from Go modules and
// Debian packages alone: real API server, controllers, kubelet and containers. Two of
// them never meet: each has its own network, mounts, processes, cgroups and directory.
// Tests end theirs by `down`; one whose process was killed is swept by the next `up`.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { compactEtcd, restartApiServer } from './kit/apiServer.ts';
import {
  builtBefore,
  corednsBinary,
  helmBinary,
  type KubernetesMinor,
  kubernetesBinaries,
  newestKubernetes,
} from './kit/binaries.ts';
import { auditLogOf, caFileOf, startControlPlane } from './kit/controlPlane.ts';
import { startFullCluster } from './kit/fullCluster.ts';
import type { Home } from './kit/home.ts';
import { kubeconfigOf } from './kit/kubeconfig.ts';
import { withLock } from './kit/lock.ts';
import { loadIntoNode } from './kit/node.ts';
import { cachePath, statePath } from './kit/paths.ts';
import { freePorts } from './kit/ports.ts';
import { PrerequisiteError, requireDebianPackages, requireRoot } from './kit/prerequisites.ts';
import { signalNow, thisProcess } from './kit/processes.ts';
import { elapsed, type Progress } from './kit/progress.ts';
import { allStates, conditionOf, readState, type State, saveState } from './kit/state.ts';
import { tearDown } from './kit/teardown.ts';

export { clusterFromEnvironment } from './kit/environment.ts';
export { PrerequisiteError } from './kit/prerequisites.ts';

export interface Cluster {
  readonly name: string;
  /** Path of a file with the token of a member of system:masters. */
  readonly kubeconfig: string;
  /** Paths of the commands. */
  readonly kubectl: string;
  readonly helm: string;
  /** e.g. `https://10.250.1.2:6443` */
  readonly server: string;
  /** File with the CA that the server's certificate verifies against; absent for somebody else's cluster of KUBECONFIG. */
  readonly caFile: string | undefined;
  /** The API server's audit log, one JSON event a line; absent for somebody else's cluster of KUBECONFIG. */
  readonly auditLog: string | undefined;
  /** Makes the image of a docker-archive known to the node under the name it has. A repeat does nothing. */
  loadImage(archiveTar: string): Promise<void>;
  /**
   * Kills the API server, runs what is given, and starts it again; returns when it is ready. Only of a control plane without
   * nodes.
   */
  restartApiServer(meanwhile: () => Promise<void>): Promise<void>;
  /** Makes etcd forget every revision but the newest, as it does of itself every few minutes in a real cluster. */
  compactEtcd(): Promise<void>;
  /** Ends the cluster and leaves nothing behind; returns when the last process is gone. A repeat, and one of KUBECONFIG, does nothing. */
  down(): Promise<void>;
}

export interface UpOptions {
  /** Lower-case letters, digits and dashes; two clusters that live at the same time need two names. */
  readonly name: string;
  /** Default: the newest supported. */
  readonly kubernetes?: KubernetesMinor;
  /** Only etcd, API server and controller-manager: no root, no containers, Pods are played by the test. */
  readonly controlPlaneOnly?: boolean;
  /** `process` (default): ends with this process at the latest. `until-down`: stays. */
  readonly lifetime?: 'process' | 'until-down';
  readonly progress: Progress;
}

/** Builds what is missing, starts the cluster, and returns when a Pod can be created in it. */
export async function up(options: UpOptions): Promise<Cluster> {
  const { name, progress } = options;
  if (!/^[a-z0-9](-?[a-z0-9])*$/.test(name)) {
    throw new Error(
      `A cluster's name has lower-case letters, digits and single dashes between them, and "${name}" does not`,
    );
  }
  const started = Date.now();
  const isFull = !options.controlPlaneOnly;
  if (process.platform !== 'linux') {
    throw new PrerequisiteError('The local cluster needs Linux: set KUBECONFIG to a test cluster (kind, minikube).');
  }
  if (isFull) requireRoot('The local cluster');
  if (isFull) await requireDebianPackages(progress);
  const minor = options.kubernetes ?? newestKubernetes;
  const bin = await kubernetesBinaries(minor, progress);
  const helm = isFull ? await helmBinary(progress) : (builtBefore('helm') ?? 'helm');
  const coredns = isFull ? await corednsBinary(progress) : undefined;
  await sweep(progress);
  const state = await claim(options, minor, bin, helm);
  await interruptible(state, async signal => {
    if (coredns === undefined) await startControlPlane(await hostHome(state, signal));
    else await startFullCluster(state, signal, coredns, progress);
  });
  state.starter = undefined;
  saveState(state);
  if (state.owner !== undefined) endWithThisProcess(state);
  progress(`cluster ${name}: Kubernetes ${minor} is up at ${state.server} after ${elapsed(started)}`);
  return clusterOf(state);
}

/** The cluster of that name if it is up, whoever started it. */
export function attach(name: string): Cluster | undefined {
  const state = readState(name);
  return state !== undefined && conditionOf(state) === 'up' ? clusterOf(state) : undefined;
}

/** One line for each cluster of this machine. */
export function list(): string[] {
  return allStates().map(state => {
    const owner = state.owner === undefined ? 'stays until `down`' : `of process ${state.owner.pid}`;
    return `${state.name}\t${conditionOf(state)}\tKubernetes ${state.kubernetes} ${state.shape}\t${state.server}\t${owner}`;
  });
}

/** Ends the cluster of that name, half of one too; false when there was none. */
export async function down(name: string): Promise<boolean> {
  const state = readState(name);
  if (state === undefined) return false;
  if (conditionOf(state) === 'starting' && state.starter !== undefined) {
    throw new Error(
      `Cluster ${name} is being started by process ${state.starter.pid}: end that one (Ctrl-C), it cleans up`,
    );
  }
  await tearDown(state);
  return true;
}

/** Ends every cluster that nobody wants any more: its process has ended, or part of it has. */
async function sweep(progress: Progress): Promise<void> {
  await withLock(cachePath('sweep.lock'), async () => {
    for (const state of allStates()) {
      if (conditionOf(state) !== 'stale') continue;
      progress(`removing what is left of cluster ${state.name}`);
      await tearDown(state);
    }
  });
}

/** Takes the name, or says who has it. */
async function claim(options: UpOptions, minor: KubernetesMinor, bin: string, helm: string): Promise<State> {
  const { name } = options;
  return await withLock(cachePath('sweep.lock'), async () => {
    if (readState(name) !== undefined) {
      throw new Error(`There is a cluster named ${name} already: \`npm run cluster -- down ${name}\` ends it`);
    }
    const state: State = {
      name,
      directory: statePath(name),
      kubernetes: minor,
      shape: options.controlPlaneOnly ? 'control-plane' : 'full',
      owner: options.lifetime === 'until-down' ? undefined : thisProcess(),
      starter: thisProcess(),
      processes: [],
      init: undefined,
      veth: undefined,
      cgroup: undefined,
      server: '',
      bin,
      helm,
      loaded: [],
    };
    saveState(state);
    mkdirSync(join(state.directory, 'logs'), { recursive: true });
    return state;
  });
}

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Ctrl-C or any failure on the way up takes down what is there already. */
async function interruptible(state: State, start: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const interrupt = (signal: NodeJS.Signals) => controller.abort(new Error(`interrupted by ${signal}`));
  for (const signal of ENDING_SIGNALS) process.on(signal, interrupt);
  try {
    await start(controller.signal);
    controller.signal.throwIfAborted();
  } catch (error) {
    await tearDown(state);
    throw error;
  } finally {
    for (const signal of ENDING_SIGNALS) process.removeListener(signal, interrupt);
  }
}

async function hostHome(state: State, signal: AbortSignal): Promise<Home> {
  const [api = 0, etcd = 0, etcdPeer = 0] = await freePorts(3);
  const { directory, bin } = state;
  return { state, directory, bin, address: '127.0.0.1', ports: { api, etcd, etcdPeer }, inside: [], signal };
}

/**
 * A test process that is told to end (Ctrl-C in the terminal, a CI job that is cancelled) takes its cluster with it. Node's
 * test runner leaves these signals to their default in the process of a test file, which would end it without a word.
 */
function endWithThisProcess(state: State): void {
  process.once('exit', () => killNow(state));
  for (const signal of ENDING_SIGNALS) {
    const end = (): void => {
      void tearDown(state).finally(() => process.kill(process.pid, signal));
    };
    // `once`: the signal that follows, or a second Ctrl-C, has its usual effect.
    process.once(signal, end);
  }
}

/** For the 'exit' event, which cannot wait: ends the processes; their files go with the next sweep. */
function killNow(state: State): void {
  for (const id of [...(state.init === undefined ? [] : [state.init]), ...state.processes]) signalNow(id);
}

function clusterOf(state: State): Cluster {
  return {
    name: state.name,
    kubeconfig: kubeconfigOf(state.directory, 'admin'),
    kubectl: join(state.bin, 'kubectl'),
    helm: state.helm,
    server: state.server,
    caFile: caFileOf(state.directory),
    auditLog: auditLogOf(state.directory),
    loadImage: archive => loadIntoNode(state, archive),
    restartApiServer: meanwhile => restartApiServer(state, meanwhile),
    compactEtcd: () => compactEtcd(state),
    down: () => tearDown(state),
  };
}
