// Puts the operator together from its parts and gives back a machine to start and stop. Called by main.ts, and by tests,
// which run several in one process.
import { setTimeout } from 'node:timers/promises';
import type { Api } from '../kubernetes/api.ts';
import { createApi } from '../kubernetes/client.ts';
import { ApiError, isTransient } from '../kubernetes/errors.ts';
import { NAMESPACES } from '../kubernetes/resources.ts';
import type { Transport } from '../kubernetes/transport.ts';
import { type BackupReconciler, reconcileBackups } from './backup/reconcile.ts';
import { delayAfter } from './controller/backoff.ts';
import type { Logger, MachineMetrics } from './controller/collaborators.ts';
import { Controller } from './controller/controller.ts';
import { Expectations } from './controller/expectations.ts';
import { guardWrites } from './controller/guard-writes.ts';
import { LeaderElection } from './controller/leader-election.ts';
import type { ListWatchOptions } from './controller/list-watch.ts';
import { Machine } from './controller/machine.ts';
import { Queue } from './controller/queue.ts';
import { noProductMetrics, type ProductMetrics } from './measurements.ts';
import { type MigrationReconciler, reconcileMigrations } from './migration/reconcile.ts';
import { Refusals } from './refusals.ts';
import { type Caches, connectQueues, createCaches, createListWatches } from './sources.ts';
import { standings } from './standings.ts';

export interface OperatorOptions {
  readonly transport: Transport;
  /** The image that Jobs run. */
  readonly image: { readonly name: string; readonly pullPolicy: string };
  /** Empty: the whole cluster. */
  readonly namespaces: readonly string[];
  /** Absent: no election; then nobody else may run. */
  readonly election?: { readonly namespace: string; readonly identity: string };
  readonly workers?: number;
  readonly logger: Logger;
  readonly metrics: MachineMetrics;
  /** Default: none. */
  readonly productMetrics?: ProductMetrics;
  readonly listWatch?: ListWatchOptions;
}

/** Resolves when the API server has answered for the first time. */
export async function createOperator(options: OperatorOptions): Promise<Machine> {
  const { transport, logger, metrics, namespaces } = options;
  const direct = createApi(transport);
  const uid = await clusterUid(direct, logger);
  const election =
    options.election &&
    new LeaderElection({ ...options.election, name: 'migration-operator', api: direct, logger, metrics });
  const api = election === undefined ? direct : guardWrites(direct, election);
  const caches = createCaches();
  const measurements = options.productMetrics ?? noProductMetrics;
  tellFigures(measurements, caches, election?.whenElected() ?? Promise.resolve());
  const queues = {
    migrations: new Queue({ name: 'databasemigration', metrics }),
    backups: new Queue({ name: 'databasebackup', metrics }),
  };
  connectQueues(caches, queues);
  const expectations = { migrations: new Expectations(), backups: new Expectations() };
  const parts = {
    api,
    caches,
    clusterUid: uid,
    now: () => transport.now(),
    image: options.image,
    logger,
    measurements,
  };
  const migration: MigrationReconciler = {
    ...parts,
    expectations: expectations.migrations,
    refusals: new Refusals(),
  };
  const backup: BackupReconciler = { ...parts, expectations: expectations.backups, refusals: new Refusals() };
  const common = { logger, metrics, workers: options.workers ?? 4 };
  return new Machine({
    watches: createListWatches(transport, caches, namespaces, { logger, metrics, ...options.listWatch }),
    controllers: [
      new Controller({
        ...common,
        name: 'databasemigration',
        queue: queues.migrations,
        reconcile: reconcileMigrations(migration),
        expectations: expectations.migrations,
      }),
      new Controller({
        ...common,
        name: 'databasebackup',
        queue: queues.backups,
        reconcile: reconcileBackups(backup),
        expectations: expectations.backups,
      }),
    ],
    ...(election === undefined ? {} : { election }),
    logger,
  });
}

/** How resources stand is told by who was elected alone, to its end: of two replicas one is enough. */
function tellFigures(to: ProductMetrics, caches: Caches, elected: Promise<void>): void {
  const { migrations, backups, ...rest } = caches;
  for (const [resource, cache] of Object.entries({ ...rest, databasemigrations: migrations, databasebackups: backups }))
    to.cached(resource.toLowerCase(), () => cache.size);
  void elected.then(() => to.standings(() => standings(caches)));
}

/**
 * The uid of kube-system stands for the cluster: https://github.com/kubernetes/kubernetes/issues/77487. An API server
 * that is away is waited for: a process that ended instead would come back later and later.
 */
async function clusterUid(api: Api, logger: Logger): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      const namespace = await api.get(NAMESPACES, undefined, 'kube-system');
      if (namespace?.metadata?.uid !== undefined) return namespace.metadata.uid;
      throw new Error('the namespace kube-system must exist: its uid names the cluster');
    } catch (error) {
      const isForTimeToHeal = isTransient(error) && !(error instanceof ApiError && error.reason === 'Closed');
      if (!isForTimeToHeal) throw error;
      const delayMs = delayAfter(error, attempt);
      logger.warn('the API server does not answer yet', { error: String(error), attempt, delay_ms: delayMs });
      await setTimeout(delayMs);
    }
  }
}
