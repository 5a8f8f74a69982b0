// Plays the kubelet for a control plane without nodes: every Pod is started at once. The Pod of an app is ready and stays
// so; the Pod of a Job runs its step by the runner's own code in this process, with what its spec names (Secret,
// ConfigMaps, volume claim), and its status says how it ended. A Pod that is deleted gets its SIGTERM.
import { setTimeout as sleep } from 'node:timers/promises';
import { LABELS } from '../../src/api/names.ts';
import type { Api } from '../../src/kubernetes/api.ts';
import { isConflict, isNotFound } from '../../src/kubernetes/errors.ts';
import { PODS, type Pod } from '../../src/kubernetes/resources.ts';
import { openSource } from '../../src/kubernetes/source.ts';
import type { Transport } from '../../src/kubernetes/transport.ts';
import { Cache } from '../../src/operator/controller/cache.ts';
import { ListWatch } from '../../src/operator/controller/list-watch.ts';
import { runJobPod, type Volumes } from './job-pod.ts';

/** A container takes a moment to start and to end, so that its operator sees each state. */
const MOMENT_MS = 120;

export class Player {
  readonly #api: Api;
  readonly #volumes: Volumes;
  readonly #watch: ListWatch<Pod>;
  readonly #stops = new Map<string, AbortController>();
  readonly #plays = new Set<Promise<void>>();
  readonly #failures: string[] = [];

  constructor(options: { readonly api: Api; readonly transport: Transport; readonly volumes: Volumes }) {
    this.#api = options.api;
    this.#volumes = options.volumes;
    const pods = new Cache<Pod>();
    pods.subscribe((_, before, after) => this.#see(before, after));
    this.#watch = new ListWatch<Pod>(openSource<Pod>(options.transport, PODS), pods);
  }

  /** What went wrong in the playing itself: a mistake of the test. */
  get failures(): readonly string[] {
    return this.#failures;
  }

  async start(): Promise<void> {
    this.#watch.start();
    await this.#watch.whenSynced();
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
    for (const stop of this.#stops.values()) stop.abort();
    await Promise.all(this.#plays);
  }

  #see(before: Pod | undefined, after: Pod | undefined): void {
    const uid = (after ?? before)?.metadata?.uid ?? '';
    if (after === undefined || after.metadata?.deletionTimestamp !== undefined) this.#stops.get(uid)?.abort();
    else if (!this.#stops.has(uid)) this.#play(after, uid);
  }

  #play(pod: Pod, uid: string): void {
    const stop = new AbortController();
    this.#stops.set(uid, stop);
    const step = pod.metadata?.labels?.[LABELS.step];
    const play = (step === undefined ? this.#playApp(pod) : this.#playJob(pod, stop.signal))
      .catch((error: unknown) => {
        if (isNotFound(error) || isConflict(error)) return;
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#failures.push(`Pod ${pod.metadata?.namespace}/${pod.metadata?.name}: ${text}`);
      })
      .finally(() => this.#plays.delete(play));
    this.#plays.add(play);
  }

  async #playApp(pod: Pod): Promise<void> {
    await sleep(MOMENT_MS);
    await this.#tell(pod, 'Running', { running: { startedAt: now() } });
  }

  async #playJob(pod: Pod, signal: AbortSignal): Promise<void> {
    await sleep(MOMENT_MS);
    await this.#tell(pod, 'Running', { running: { startedAt: now() } });
    await sleep(MOMENT_MS);
    const { exitCode, message } = await runJobPod(pod, { api: this.#api, volumes: this.#volumes, signal });
    await this.#tell(pod, exitCode === 0 ? 'Succeeded' : 'Failed', {
      terminated: {
        exitCode,
        message,
        reason: exitCode === 0 ? 'Completed' : 'Error',
        startedAt: now(),
        finishedAt: now(),
      },
    });
  }

  /** https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/ */
  async #tell(pod: Pod, phase: 'Running' | 'Succeeded' | 'Failed', state: object): Promise<void> {
    const { name = '', namespace, uid } = pod.metadata ?? {};
    const isReady = phase === 'Running';
    const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map(type => ({
      type,
      status: isReady || type === 'PodScheduled' || type === 'Initialized' ? 'True' : 'False',
      lastTransitionTime: now(),
    }));
    const containerStatuses = (pod.spec?.containers ?? []).map(container => ({
      name: container.name,
      image: container.image ?? '',
      imageID: '',
      restartCount: 0,
      ready: isReady,
      started: isReady,
      state,
    }));
    const status = { phase, conditions, containerStatuses, startTime: now() };
    await this.#api.patch(PODS, namespace, name, { metadata: { uid }, status }, { subresource: 'status' });
  }
}

function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}
