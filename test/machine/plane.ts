// What the tests of the machine on a real API server share: the control plane, accounts by which its audit log tells one
// operator from another, and resources whose first Job shows that they were seen. Nobody runs their Pods.
import { setTimeout as sleep } from 'node:timers/promises';
import { LABELS } from '../../src/api/names.ts';
import type { Api } from '../../src/kubernetes/api.ts';
import { createApi } from '../../src/kubernetes/client.ts';
import { CONFIG_MAPS, JOBS, LEASES, type Lease, NAMESPACES } from '../../src/kubernetes/resources.ts';
import { openSource } from '../../src/kubernetes/source.ts';
import { openTransport, type Transport } from '../../src/kubernetes/transport.ts';
import { type DatabaseMigration, MIGRATIONS } from '../../src/operator/sources.ts';
import { type Cluster, up } from '../cluster/cluster.ts';
import { type Audited, addAccount, requestsOf } from '../control/accounts.ts';
import { configMapOf, migrationSpecOf, type Release } from '../control/objects.ts';
import { applyDefinitions } from '../control/world.ts';

const RELEASE: Release = { migrations: { '001_first': 'SELECT 1;' }, strategy: 'None' };

export class Plane implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly api: Api;
  readonly transport: Transport;
  #kinds: Promise<void> | undefined;

  private constructor(cluster: Cluster, transport: Transport) {
    this.cluster = cluster;
    this.transport = transport;
    this.api = createApi(transport);
  }

  static async open(): Promise<Plane> {
    const progress = (line: string): void => console.error(line);
    const cluster = await up({ name: `machine-${process.pid}`, controlPlaneOnly: true, progress });
    try {
      const source = { kind: 'Kubeconfig', path: cluster.kubeconfig } as const;
      return new Plane(cluster, await openTransport({ source, version: 'test', timeoutMs: 30_000 }));
    } catch (error) {
      await cluster.down();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.transport.close();
    await this.cluster.down();
  }

  /** Installs our own kinds, which are not there at first. A repeat does nothing. */
  defineKinds(): Promise<void> {
    this.#kinds ??= applyDefinitions(this.api);
    return this.#kinds;
  }

  /** A namespace with the ConfigMap that its resources name. */
  async addNamespace(name: string): Promise<void> {
    await this.api.create(NAMESPACES, undefined, { metadata: { name } });
    await this.api.create(CONFIG_MAPS, name, configMapOf(RELEASE));
  }

  /** A service account that may do everything, and a kubeconfig with its token; `server` if not the API server itself. */
  addAccount(namespace: string, name: string, server?: string): Promise<string> {
    return addAccount(this, { namespace, name }, server);
  }

  addMigration(namespace: string, name: string): Promise<DatabaseMigration> {
    const spec = migrationSpecOf(RELEASE, 'http://127.0.0.1:1/');
    // A Secret of its own: of two resources with one Secret the younger waits.
    const database = { ...spec.database, urlSecretRef: { name, key: 'url' } };
    return this.api.create(MIGRATIONS, namespace, { metadata: { name }, spec: { ...spec, database } as never });
  }

  /** Names of the Jobs that are there for this object, and not for one of its name before or after it. */
  async jobsOf(object: DatabaseMigration): Promise<readonly string[]> {
    const { namespace = '', uid = '' } = object.metadata ?? {};
    const { items } = await this.api.list(JOBS, { namespace, labelSelector: `${LABELS.uid}=${uid}` });
    return items.map(job => job.metadata?.name ?? '');
  }

  /** `operator` is asked for its last words when it does not come. */
  async whenHasJob(operator: { lastWords(): string }, ...objects: readonly DatabaseMigration[]): Promise<void> {
    for (const object of objects) {
      const what = `${object.metadata?.name} has a Job`;
      await eventually(
        what,
        async () => (await this.jobsOf(object)).length > 0,
        () => operator.lastWords(),
      );
    }
  }

  /** Resolves at the first event after this version; rejects as a list-watch of the operator would see it. */
  async watchFrom(version: string): Promise<void> {
    const limits = { timeoutSeconds: 60, silenceMs: 60_000 };
    const watch = openSource(this.transport, MIGRATIONS).watch(version, limits, new AbortController().signal);
    for await (const _ of watch) return;
  }

  async lease(namespace: string): Promise<NonNullable<Lease['spec']>> {
    return (await this.api.get(LEASES, namespace, 'migration-operator'))?.spec ?? {};
  }

  /** What this account asked for since `sinceMs`. */
  requestsOf(namespace: string, name: string, sinceMs: number): readonly Audited[] {
    return requestsOf(this.cluster, { namespace, name }, sinceMs);
  }
}

const LIMIT_MS = 90_000;

/** `describe` says what was there instead. */
export async function eventually(
  what: string,
  isTrue: () => Promise<boolean>,
  describe: () => string = () => '',
  limitMs: number = LIMIT_MS,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`waited ${limitMs / 1000} s in vain until ${what}\n${describe()}`);
    await sleep(50);
  }
}
