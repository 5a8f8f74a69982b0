// Plays the kubelet for a control plane without nodes: every Pod is started at once. The Pod of an app is ready and stays
// so; the Pod of a Job runs its step by the runner's own code in this process, with what its spec names (Secret,
// ConfigMaps, volume claim), and its status says how it ended. A Pod that is deleted gets its SIGTERM. A test may let
// misfortune befall the Pods of a namespace (misfortunes.ts).
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LABELS } from '../../src/api/names.ts';
import type { Api } from '../../src/kubernetes/api.ts';
import { isConflict, isNotFound } from '../../src/kubernetes/errors.ts';
import type { KubernetesObject, Resource } from '../../src/kubernetes/object.ts';
import { PODS, type Pod } from '../../src/kubernetes/resources.ts';
import { openSource } from '../../src/kubernetes/source.ts';
import type { Transport } from '../../src/kubernetes/transport.ts';
import { Cache } from '../../src/operator/controller/cache.ts';
import { ListWatch } from '../../src/operator/controller/list-watch.ts';
import { runJobPod, type Volumes } from './job-pod.ts';
import { containerStatuses, death, type Fate, heldUp, type Misfortune, now, type PodStatus } from './misfortunes.ts';

/** A container takes a moment to start and to end, so that its operator sees each state. */
const MOMENT_MS = 120;

export class Player {
  readonly #api: Api;
  readonly #volumes: Volumes;
  readonly #watch: ListWatch<Pod>;
  readonly #stops = new Map<string, AbortController>();
  readonly #plays = new Set<Promise<void>>();
  readonly #failures: string[] = [];
  readonly #fates = new Map<string, Fate>();
  /** Pods by namespace and step. */
  readonly #counts = new Map<string, number>();
  /** Uids of Pods whose node hears nothing and says nothing: a deletion does not reach them. */
  readonly #unheard = new Set<string>();

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

  /** From now on the Pods that come in this namespace meet the fate that it chooses; a repeat replaces it. */
  befall(namespace: string, fate: Fate): void {
    this.#fates.set(namespace, fate);
  }

  /** The directory that stands for a volume claim. */
  volumeOf(namespace: string, claim: string): string {
    return join(this.#volumes.directory, namespace, claim);
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
    const isGoing = after === undefined || after.metadata?.deletionTimestamp !== undefined;
    if (isGoing && this.#unheard.has(uid)) return;
    if (isGoing) this.#stops.get(uid)?.abort();
    else if (!this.#stops.has(uid)) this.#play(after, uid);
  }

  #play(pod: Pod, uid: string): void {
    const stop = new AbortController();
    this.#stops.set(uid, stop);
    const fate = this.#fateOf(pod);
    if (fate?.is === 'NodeLost') this.#unheard.add(uid);
    const play = (stepOf(pod) === 'app' ? this.#playApp(pod, fate, stop.signal) : this.#playJob(pod, fate, stop.signal))
      .catch((error: unknown) => {
        if (isNotFound(error) || isConflict(error)) return;
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#failures.push(`Pod ${pod.metadata?.namespace}/${pod.metadata?.name}: ${text}`);
      })
      .finally(() => this.#plays.delete(play));
    this.#plays.add(play);
  }

  #fateOf(pod: Pod): Misfortune | undefined {
    const namespace = pod.metadata?.namespace ?? '';
    const step = stepOf(pod);
    const counted = `${namespace}/${step}`;
    const nth = (this.#counts.get(counted) ?? 0) + 1;
    this.#counts.set(counted, nth);
    return this.#fates.get(namespace)?.({ step, nth });
  }

  async #playApp(pod: Pod, fate: Misfortune | undefined, signal: AbortSignal): Promise<void> {
    await sleep(MOMENT_MS);
    if (fate?.is === 'NeverReady') {
      await this.#tell(pod, { phase: 'Running', state: { running: { startedAt: now() } }, isReady: false });
      await lasting(fate.until, signal);
    } else await this.#heldUp(pod, fate, signal);
    if (!signal.aborted) await this.#tell(pod, { phase: 'Running', state: { running: { startedAt: now() } } });
  }

  async #playJob(pod: Pod, fate: Misfortune | undefined, signal: AbortSignal): Promise<void> {
    await sleep(MOMENT_MS);
    await this.#heldUp(pod, fate, signal);
    if (signal.aborted) return;
    if (fate?.is === 'NodeLost') await this.#bind(pod);
    await this.#tell(pod, { phase: 'Running', state: { running: { startedAt: now() } } });
    await sleep(MOMENT_MS);
    const isDeadly = fate?.is === 'OutOfMemory' || fate?.is === 'Evicted' || fate?.is === 'Crashes';
    if (isDeadly && fate.after !== 'Work') return this.#tell(pod, death(fate.is));
    const work = runJobPod(pod, { api: this.#api, volumes: this.#volumes, signal });
    if (fate?.is === 'NodeLost') return this.#loseNode(pod, fate, work);
    const { exitCode, message } = await work;
    if (isDeadly) return this.#tell(pod, death(fate.is));
    const reason = exitCode === 0 ? 'Completed' : 'Error';
    const terminated = { exitCode, message, reason, startedAt: now(), finishedAt: now() };
    await this.#tell(pod, { phase: exitCode === 0 ? 'Succeeded' : 'Failed', state: { terminated } });
  }

  /** Returns at once for a Pod that starts. */
  async #heldUp(pod: Pod, fate: Misfortune | undefined, signal: AbortSignal): Promise<void> {
    if (fate?.is !== 'ImagePullFails' && fate?.is !== 'Unschedulable' && fate?.is !== 'NeverStarts') return;
    const status = heldUp(pod, fate.is);
    if (status !== undefined) await this.#patch(pod, status);
    await lasting(fate.until, signal);
  }

  /** Only a Pod that is on a node stays, Terminating, until that node says that it has ended. */
  async #bind({ metadata: { namespace, name = '' } = {} }: Pod): Promise<void> {
    const target = { apiVersion: 'v1', kind: 'Node', name: 'lost-node' };
    const binding = { metadata: { name, namespace: namespace ?? '' }, target };
    await this.#api.create(bindingOf(name), namespace, binding as never);
  }

  /** As the node lifecycle controller does it; of the end of the work nobody hears. */
  async #loseNode(pod: Pod, fate: Misfortune & { is: 'NodeLost' }, work: Promise<unknown>): Promise<void> {
    const end = work.catch(() => undefined);
    await Promise.race([fate.when, end]);
    const live = await this.#api.get(PODS, pod.metadata?.namespace, pod.metadata?.name ?? '');
    const conditions = (live?.status?.conditions ?? []).map(one =>
      one.type === 'Ready' ? { ...one, status: 'False', lastTransitionTime: now(fate.secondsAgo) } : one,
    );
    await this.#patch(pod, { conditions });
    await end;
  }

  /** https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/ */
  async #tell(pod: Pod, { phase, state, isReady = phase === 'Running', ...own }: PodStatus): Promise<void> {
    const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map(type => ({
      type,
      status: isReady || type === 'PodScheduled' || type === 'Initialized' ? 'True' : 'False',
      lastTransitionTime: now(),
    }));
    const statuses = containerStatuses(pod, state, isReady);
    await this.#patch(pod, { ...own, phase, conditions, containerStatuses: statuses, startTime: now() });
  }

  async #patch(pod: Pod, status: object): Promise<void> {
    const { name = '', namespace, uid } = pod.metadata ?? {};
    await this.#api.patch(PODS, namespace, name, { metadata: { uid }, status }, { subresource: 'status' });
  }
}

function stepOf(pod: Pod): string {
  return pod.metadata?.labels?.[LABELS.step] ?? 'app';
}

/** Until it resolves; without it until the Pod is deleted. */
async function lasting(until: Promise<unknown> | undefined, signal: AbortSignal): Promise<void> {
  const deleted = new Promise<void>(resolve => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race(until === undefined ? [deleted] : [deleted, until]);
}

/** The subresource by which the scheduler puts a Pod on a node. */
function bindingOf(pod: string): Resource<KubernetesObject> {
  return { group: '', version: 'v1', plural: `pods/${pod}/binding`, kind: 'Binding', scope: 'Namespaced' };
}
