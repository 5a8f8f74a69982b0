// When things happened in one namespace, to the millisecond, as a watch of ours hears of them: statuses have seconds. Made
// for one release; reads nothing else and writes nothing.
import type { Condition } from '../../src/api/parse.ts';
import type { KubernetesObject, Resource } from '../../src/kubernetes/object.ts';
import { DEPLOYMENTS, type Deployment, JOBS, type Job, PODS, type Pod } from '../../src/kubernetes/resources.ts';
import { openSource } from '../../src/kubernetes/source.ts';
import type { Transport } from '../../src/kubernetes/transport.ts';
import { Cache } from '../../src/operator/controller/cache.ts';
import { ListWatch } from '../../src/operator/controller/list-watch.ts';
import { type DatabaseMigration, MIGRATIONS } from '../../src/operator/sources.ts';

/** From and to, on the clock of `performance.now()`; `to` is set when it has ended. */
export interface Span {
  readonly from: number;
  to?: number;
}

export class Timeline implements AsyncDisposable {
  /** A Job by its name, from when it was made until its Pod's container had ended. */
  readonly work = new Map<string, Span>();
  /** The same until the Job has a terminal condition. */
  readonly jobs = new Map<string, Span>();
  /** A step of the run by its name, from when the status speaks of it until it says that it is done. */
  readonly steps = new Map<string, Span>();
  /** When the app was at zero: from the count in its spec to the last Pod's end, and from the count to its availability. */
  readonly appStops: Span[] = [];
  readonly appStarts: Span[] = [];
  readonly #ready = Promise.withResolvers<number>();
  readonly #watches: readonly { stop(): Promise<void> }[];
  readonly #synced: Promise<unknown>;
  #appPods = 0;

  private constructor(transport: Transport, namespace: string) {
    const watch = <T extends KubernetesObject>(
      resource: Resource<T>,
      see: (before: T | undefined, after: T | undefined) => void,
    ): ListWatch<T> => {
      const cache = new Cache<T>();
      cache.subscribe((_, before, after) => see(before, after));
      const listWatch = new ListWatch<T>(openSource<T>(transport, resource, { namespace }), cache);
      listWatch.start();
      return listWatch;
    };
    const watches = [
      watch<Job>(JOBS, (_, job) => this.#seeJob(job)),
      watch<Pod>(PODS, (before, pod) => this.#seePod(before, pod)),
      watch<DatabaseMigration>(MIGRATIONS, (_, migration) => this.#seeMigration(migration)),
      watch<Deployment>(DEPLOYMENTS, (before, app) => this.#seeApp(before, app)),
    ];
    this.#watches = watches;
    this.#synced = Promise.all(watches.map(one => one.whenSynced()));
  }

  static async open(transport: Transport, namespace: string): Promise<Timeline> {
    const timeline = new Timeline(transport, namespace);
    await timeline.#synced;
    return timeline;
  }

  /** When the resource was Ready for the first time. */
  get ready(): Promise<number> {
    return this.#ready.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#watches.map(watch => watch.stop()));
  }

  #seeJob(job: Job | undefined): void {
    const name = job?.metadata?.name;
    if (name === undefined) return;
    begin(this.jobs, name);
    begin(this.work, name);
    const isOver = job?.status?.conditions?.some(
      ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
    );
    if (isOver === true) end(this.jobs.get(name));
  }

  #seePod(before: Pod | undefined, pod: Pod | undefined): void {
    const job = (pod ?? before)?.metadata?.labels?.['batch.kubernetes.io/job-name'];
    if (job === undefined) this.#countAppPods(before, pod);
    else if (pod?.status?.phase === 'Succeeded' || pod?.status?.phase === 'Failed') end(this.work.get(job));
  }

  #countAppPods(before: Pod | undefined, pod: Pod | undefined): void {
    this.#appPods += Number(pod !== undefined) - Number(before !== undefined);
    if (this.#appPods === 0) end(this.appStops.at(-1));
  }

  #seeApp(before: Deployment | undefined, app: Deployment | undefined): void {
    const was = before?.spec?.replicas ?? 0;
    const is = app?.spec?.replicas ?? 0;
    if (before !== undefined && was > 0 && is === 0) this.appStops.push({ from: performance.now() });
    if (before !== undefined && was === 0 && is > 0) this.appStarts.push({ from: performance.now() });
    if (is > 0 && app?.status?.availableReplicas === is) end(this.appStarts.at(-1));
  }

  #seeMigration(migration: DatabaseMigration | undefined): void {
    for (const { name, state } of migration?.status?.run?.steps ?? []) {
      begin(this.steps, name);
      if (state === 'Done') end(this.steps.get(name));
    }
    const ready = migration?.status?.conditions?.find((one: Condition) => one.type === 'Ready');
    if (ready?.status === 'True') this.#ready.resolve(performance.now());
  }
}

function begin(spans: Map<string, Span>, name: string): void {
  if (!spans.has(name)) spans.set(name, { from: performance.now() });
}

/** The first end counts. */
function end(span: Span | undefined): void {
  if (span !== undefined) span.to ??= performance.now();
}

/** How long any of the spans lasted within a time, each moment counted once. */
export function covered(spans: Iterable<Span>, { from, to = Number.POSITIVE_INFINITY }: Span): number {
  let sum = 0;
  let reached = from;
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const start = Math.max(reached, span.from);
    const stop = Math.min(to, span.to ?? to);
    if (stop > start) sum += stop - start;
    reached = Math.max(reached, stop);
  }
  return sum;
}
