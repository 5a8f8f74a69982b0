// Puts the operator together from its parts and gives back a machine to start and stop. Called by main.ts, and by tests,
// which run several in one process.
import type { Api } from '../kubernetes/api.ts';
import { createApi } from '../kubernetes/client.ts';
import { NAMESPACES } from '../kubernetes/resources.ts';
import type { Transport } from '../kubernetes/transport.ts';
import { type BackupReconciler, reconcileBackups } from './backup/reconcile.ts';
import type { Logger, MachineMetrics } from './controller/collaborators.ts';
import { Controller } from './controller/controller.ts';
import { Expectations } from './controller/expectations.ts';
import { guardWrites } from './controller/guard-writes.ts';
import { LeaderElection } from './controller/leader-election.ts';
import type { ListWatchOptions } from './controller/list-watch.ts';
import { Machine } from './controller/machine.ts';
import { Queue } from './controller/queue.ts';
import { type MigrationReconciler, reconcileMigrations } from './migration/reconcile.ts';
import { connectQueues, createCaches, createListWatches } from './sources.ts';

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
  readonly listWatch?: ListWatchOptions;
  readonly now?: () => Date;
}

export async function createOperator(options: OperatorOptions): Promise<Machine> {
  const { transport, logger, metrics, namespaces } = options;
  const direct = createApi(transport);
  const election =
    options.election &&
    new LeaderElection({ ...options.election, name: 'migration-operator', api: direct, logger, metrics });
  const api = election === undefined ? direct : guardWrites(direct, election);
  const caches = createCaches();
  const queues = {
    migrations: new Queue({ name: 'databasemigration', metrics }),
    backups: new Queue({ name: 'databasebackup', metrics }),
  };
  connectQueues(caches, queues);
  const expectations = { migrations: new Expectations(), backups: new Expectations() };
  const parts = {
    api,
    caches,
    clusterUid: await clusterUid(direct),
    now: options.now ?? (() => new Date()),
    image: options.image,
    logger,
  };
  const migration: MigrationReconciler = { ...parts, expectations: expectations.migrations };
  const backup: BackupReconciler = { ...parts, expectations: expectations.backups };
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

/** The uid of kube-system stands for the cluster: https://github.com/kubernetes/kubernetes/issues/77487 */
async function clusterUid(api: Api): Promise<string> {
  const namespace = await api.get(NAMESPACES, undefined, 'kube-system');
  if (namespace?.metadata?.uid === undefined)
    throw new Error('the namespace kube-system must exist: its uid names the cluster');
  return namespace.metadata.uid;
}
