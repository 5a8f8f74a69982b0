// The namespace in which the rows of the table are played: their Secrets and ConfigMaps, one database for all plans, one
// for each row that may migrate, and one operator, in this process.
import type { DatabaseMigrationSpec } from '../../src/api/database-migration.gen.ts';
import { LABELS } from '../../src/api/names.ts';
import { CONFIG_MAPS, JOBS, NAMESPACES } from '../../src/kubernetes/resources.ts';
import { openSource } from '../../src/kubernetes/source.ts';
import { openTransport, type Transport } from '../../src/kubernetes/transport.ts';
import { Cache } from '../../src/operator/controller/cache.ts';
import { type LogFields, type Logger, noMetrics } from '../../src/operator/controller/collaborators.ts';
import { ListWatch } from '../../src/operator/controller/list-watch.ts';
import { createOperator } from '../../src/operator/operator.ts';
import { type DatabaseMigration, MIGRATIONS } from '../../src/operator/sources.ts';
import { createDatabase } from '../control/database.ts';
import { SECRETS, SERVICE_ACCOUNTS } from '../control/kinds.ts';
import type { World } from '../control/world.ts';
import { overlay, type Tree } from '../golden/merge.ts';
import { configMapName, type Files, type Row, SHARED_FILES } from './table.ts';

const NAMESPACE = 'input';
const LIMIT_MS = 120_000;

/** What a row that is right needs in order to be brought to its end: no app, no backup, no checks. */
const ALONE: Tree = {
  rollout: { strategy: 'None', workloads: [] },
  backup: { policy: 'Never', storage: null },
  validation: null,
};

export interface Scene {
  readonly world: World;
  readonly namespace: string;
  /** Log lines of the operator that tell of a failed pass. */
  readonly failures: readonly string[];
  /** Makes the resource of a row, and what the row needs. */
  create(row: Row): Promise<void>;
  /** The resource when it is as wanted; fails after two minutes, saying how it is. */
  when(name: string, what: string, isSo: (found: DatabaseMigration) => boolean): Promise<DatabaseMigration>;
  /** Steps of the Jobs that were made for it, in the order of their names. */
  jobsOf(found: DatabaseMigration): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function openScene(world: World): Promise<Scene> {
  const { api } = world;
  await api.create(NAMESPACES, undefined, { metadata: { name: NAMESPACE } });
  await api.create(SERVICE_ACCOUNTS, NAMESPACE, { metadata: { name: 'default' } }).catch(() => undefined);
  const planned = await createDatabase(world.postgres, 'planned');
  await api.create(SECRETS, NAMESPACE, { metadata: { name: 'database' }, stringData: { url: planned.url } });
  await api.create(CONFIG_MAPS, NAMESPACE, configMapOf('migrations', SHARED_FILES));
  const failures: string[] = [];
  const operator = await startOperator(world, failures);
  const resources = await watchResources(operator.transport);
  const scene: Scene = {
    world,
    namespace: NAMESPACE,
    failures,
    async create(row) {
      const mayMigrate = row.place === 'fine';
      const database = mayMigrate ? await createDatabase(world.postgres, row.slug) : planned;
      const key = (row.spec.database as DatabaseMigrationSpec['database']).urlSecretRef.key;
      await api.patch(SECRETS, NAMESPACE, 'database', { stringData: { [key]: row.url ?? database.url } });
      for (const [number, files] of (row.configMaps ?? []).entries())
        await api.create(CONFIG_MAPS, NAMESPACE, configMapOf(configMapName(row.slug, number), files));
      const spec = overlay(row.spec, mayMigrate ? ALONE : {}) as DatabaseMigrationSpec;
      await api.create(MIGRATIONS, NAMESPACE, { metadata: { name: row.slug, annotations: row.annotations }, spec });
    },
    async when(name, what, isSo) {
      const say = () => {
        const found = resources.get(`${NAMESPACE}/${name}`);
        return `${name} is not ${what}: ${JSON.stringify(found?.status, null, 1)}\n${failures.join('\n')}`;
      };
      return resources.when(`${NAMESPACE}/${name}`, isSo, say);
    },
    async jobsOf(found) {
      const labelSelector = `${LABELS.uid}=${found.metadata?.uid}`;
      const { items } = await api.list(JOBS, { namespace: NAMESPACE, labelSelector });
      return items.map(job => job.metadata?.labels?.[LABELS.step] ?? '').toSorted();
    },
    async close() {
      await resources.stop();
      await operator.stop();
    },
  };
  return scene;
}

function configMapOf(name: string, files: Files) {
  const data: Record<string, string> = {};
  const binaryData: Record<string, string> = {};
  for (const [file, content] of Object.entries(files)) {
    if (typeof content === 'string') data[file] = content;
    else binaryData[file] = content.base64;
  }
  return { metadata: { name }, data, binaryData };
}

/** One watch for all who wait. */
async function watchResources(transport: Transport) {
  const cache = new Cache<DatabaseMigration>();
  const waiting = new Set<() => void>();
  cache.subscribe(() => {
    for (const look of waiting) look();
  });
  const watch = new ListWatch<DatabaseMigration>(
    openSource<DatabaseMigration>(transport, MIGRATIONS, { namespace: NAMESPACE }),
    cache,
  );
  watch.start();
  await watch.whenSynced();
  return {
    get: (key: string) => cache.get(key),
    stop: () => watch.stop(),
    when: (key: string, isSo: (found: DatabaseMigration) => boolean, say: () => string) =>
      new Promise<DatabaseMigration>((resolve, reject) => {
        const limit = setTimeout(() => end(() => reject(new Error(say()))), LIMIT_MS);
        const end = (how: () => void) => {
          clearTimeout(limit);
          waiting.delete(look);
          how();
        };
        const look = () => {
          const found = cache.get(key);
          if (found !== undefined && isSo(found)) end(() => resolve(found));
        };
        waiting.add(look);
        look();
      }),
  };
}

interface Running {
  readonly transport: Transport;
  stop(): Promise<void>;
}

async function startOperator(world: World, failures: string[]): Promise<Running> {
  const transport = await openTransport({ source: { kind: 'Kubeconfig', path: world.kubeconfig }, version: 'test' });
  const say = (message: string, fields?: LogFields) => {
    failures.push(`${message} ${JSON.stringify(fields)}`);
  };
  const logger: Logger = { debug() {}, info() {}, warn: say, error: say };
  const machine = await createOperator({
    transport,
    image: { name: 'runner:played', pullPolicy: 'Never' },
    namespaces: [NAMESPACE],
    logger,
    metrics: noMetrics,
  });
  void machine.start();
  return {
    transport,
    stop: async () => {
      await machine.stop();
      await transport.close();
    },
  };
}
