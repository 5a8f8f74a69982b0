// One scenario's place: a namespace with an app and its database, an operator of its own in this process, and what a
// person does and reads there. Opened by failures.test.ts, given to each scenario, struck after it.
import { setTimeout as sleep } from 'node:timers/promises';
import { ANNOTATIONS, LABELS } from '../../src/api/names.ts';
import type { Condition } from '../../src/api/parse.ts';
import { isAlreadyExists } from '../../src/kubernetes/errors.ts';
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  type Deployment,
  JOBS,
  type Job,
  NAMESPACES,
  PERSISTENT_VOLUME_CLAIMS,
} from '../../src/kubernetes/resources.ts';
import { type DatabaseMigration, MIGRATIONS } from '../../src/operator/sources.ts';
import { createDatabase, type Database } from '../control/database.ts';
import { SECRETS, SERVICE_ACCOUNTS } from '../control/kinds.ts';
import type { Fate } from '../control/misfortunes.ts';
import {
  APP,
  type App,
  claimOf,
  configMapOf,
  deploymentOf,
  migrationSpecOf,
  type Release,
  SECRET,
} from '../control/objects.ts';
import type { World } from '../control/world.ts';
import { overlay } from '../golden/merge.ts';
import { type Operator, startOperator } from './operator.ts';

export interface Scenario {
  /** Lower-case letters and dashes: also its namespace, its database, and FAILURES_ONLY. */
  readonly name: string;
  /** What is proven. */
  readonly title: string;
  readonly run: (scene: Scene) => Promise<void>;
  readonly needs?: 'Root';
}

/** What a person on call must find: the reason, and every one of these in the message. */
export interface Expected {
  readonly reason: string;
  readonly says: readonly RegExp[];
  /** Which condition; `Ready` is the one that `kubectl get` shows. */
  readonly type?: string;
  /** Must be there and True beside it; checked in the same read. */
  readonly outlook?: 'Reconciling' | 'Stalled';
}

const LOOK_MS = 200;
const LIMIT_SECONDS = Number(process.env.FAILURES_LIMIT_SECONDS ?? 240);
const isVerbose = process.env.FAILURES_VERBOSE === '1';

export class Scene {
  readonly world: World;
  /** Of the namespace, and of the database. */
  readonly name: string;
  readonly database: Database;
  readonly #operators: Operator[] = [];
  readonly #closers: (() => unknown)[] = [];

  constructor(world: World, name: string, database: Database) {
    this.world = world;
    this.name = name;
    this.database = database;
  }

  /** What befalls the Pods that come from now on; a repeat replaces it. */
  befall(fate: Fate): void {
    this.world.player.befall(this.name, fate);
  }

  /** Undone when the scenario ends, whatever its end, last first. */
  afterwards(close: () => unknown): void {
    this.#closers.push(close);
  }

  /** Everything but the migration; `url` is another way to the database than the plain one. */
  async install(app: App = { replicas: 2 }, url = this.database.url): Promise<void> {
    const { api } = this.world;
    await api.create(NAMESPACES, undefined, { metadata: { name: this.name } });
    // Its controller makes it too, but Pods that come before are delayed by seconds.
    await unlessThere(api.create(SERVICE_ACCOUNTS, this.name, { metadata: { name: 'default' } }));
    await api.create(SECRETS, this.name, { metadata: { name: SECRET }, stringData: { url } });
    await api.create(PERSISTENT_VOLUME_CLAIMS, this.name, claimOf() as never);
    await api.create(DEPLOYMENTS, this.name, deploymentOf(app) as never);
  }

  /** Applies a release as a person or a GitOps tool does; `change` is laid over the spec, null takes a field away. */
  async apply(release: Release, change: object = {}, name = APP): Promise<void> {
    const { api } = this.world;
    await unlessThere(api.create(CONFIG_MAPS, this.name, configMapOf(release)));
    const spec = overlay(migrationSpecOf(release, this.world.healthUrl), change);
    const existing = await api.get(MIGRATIONS, this.name, name);
    if (existing === undefined) await api.create(MIGRATIONS, this.name, { metadata: { name }, spec: spec as never });
    else await api.patch(MIGRATIONS, this.name, name, { spec });
  }

  /** Edits the spec in place. */
  async edit(spec: object, name = APP): Promise<void> {
    await this.world.api.patch(MIGRATIONS, this.name, name, { spec });
  }

  /** Asks for one more try; also wakes an operator that rests. */
  async retry(token: string, name = APP): Promise<void> {
    const metadata = { annotations: { [ANNOTATIONS.retry]: token } };
    await this.world.api.patch(MIGRATIONS, this.name, name, { metadata });
  }

  /** An operator of this namespace; `aheadSeconds` is how far its clock is ahead of the world's. */
  async startOperator(aheadSeconds = 0): Promise<Operator> {
    const operator = await startOperator(this.world.kubeconfig, this.name, aheadSeconds);
    this.#operators.push(operator);
    return operator;
  }

  async migration(name = APP): Promise<DatabaseMigration> {
    const found = await this.world.api.get(MIGRATIONS, this.name, name);
    if (found === undefined) throw new Error(`there is no DatabaseMigration ${name}`);
    return found;
  }

  async deployment(name = APP): Promise<Deployment> {
    const found = await this.world.api.get(DEPLOYMENTS, this.name, name);
    if (found === undefined) throw new Error(`there is no Deployment ${name}`);
    return found;
  }

  /** The Jobs of a step, oldest first. */
  async jobs(step: string): Promise<readonly Job[]> {
    const labelSelector = `${LABELS.step}=${step}`;
    const { items } = await this.world.api.list(JOBS, { namespace: this.name, labelSelector });
    const age = (job: Job): string => `${job.metadata?.creationTimestamp} ${job.metadata?.labels?.[LABELS.attempt]}`;
    return items.toSorted((a, b) => age(a).localeCompare(age(b)));
  }

  /** Waits until `probe` answers anything but false or undefined, and gives that back. */
  async until<T>(
    what: string,
    probe: () => Promise<T | undefined | false> | T | undefined | false,
    limitSeconds = LIMIT_SECONDS,
  ): Promise<T> {
    const deadline = Date.now() + limitSeconds * 1000;
    for (;;) {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
      if (Date.now() > deadline)
        throw new Error(`${this.name}: not in ${limitSeconds} s: ${what}\n${await this.#seen()}`);
      await sleep(LOOK_MS);
    }
  }

  /** Waits for a condition's reason, then reads its message as the person on call does; answers it. */
  async reads({ reason, says, type = 'Ready', outlook }: Expected, limitSeconds?: number, name = APP): Promise<string> {
    const expected = `${type}/${reason} that says ${says.join(' ')}`;
    const message = await this.until(
      expected,
      async () => {
        const conditions = (await this.migration(name)).status?.conditions ?? [];
        const found = conditions.find(one => one.type === type);
        if (found?.reason !== reason || !says.every(pattern => pattern.test(found.message))) return undefined;
        const isOutlook = conditions.some(one => one.type === outlook && one.status === 'True');
        return outlook === undefined || isOutlook ? found.message : undefined;
      },
      limitSeconds,
    );
    if (isVerbose)
      console.error(`# ${this.name}: ${type}=${reason}${outlook === undefined ? '' : ` (${outlook})`}: ${message}`);
    return message;
  }

  /** The end of a release that went well, or well in the end: the app runs with its count and without our mark. */
  async endsWell(version: string, replicas = 2, limitSeconds?: number): Promise<void> {
    await this.reads({ reason: 'UpToDate', says: [new RegExp(version)] }, limitSeconds);
    await this.appRuns(replicas);
  }

  async appRuns(replicas = 2): Promise<void> {
    await this.until(`the app runs with ${replicas} and has no mark`, async () => {
      const { spec, status, metadata } = await this.deployment();
      const isMarked = metadata?.annotations?.[ANNOTATIONS.stoppedBy] !== undefined;
      return !isMarked && spec?.replicas === replicas && status?.availableReplicas === replicas;
    });
  }

  /** Versions for which a migration's row is in the database, each as often as it was written. */
  async applied(): Promise<readonly string[]> {
    const exists = await this.database.query(`SELECT to_regclass('public.witness')::text AS name`);
    if (exists[0]?.name === null || exists[0]?.name === undefined) return [];
    const rows = await this.database.query('SELECT version FROM public.witness ORDER BY version');
    return rows.map(row => String(row.version));
  }

  async strike(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
    await Promise.all(this.#operators.map(operator => operator.stop()));
    await this.world.api.delete(DEPLOYMENTS, this.name, APP);
    await this.database.drop();
  }

  /** What a person would look at first. */
  async #seen(): Promise<string> {
    const { items } = await this.world.api.list(MIGRATIONS, { namespace: this.name });
    const jobs = (await this.world.api.list(JOBS, { namespace: this.name })).items;
    return [
      ...items.flatMap(({ metadata, status }) => [
        `${metadata?.name}: ${JSON.stringify({ ...status, conditions: undefined })}`,
        ...((status?.conditions ?? []) as Condition[]).map(
          one => `  ${one.type}=${one.status} ${one.reason}: ${one.message}`,
        ),
      ]),
      ...jobs.map(job => `Job ${job.metadata?.name}: ${job.status?.conditions?.map(one => one.reason).join(', ')}`),
      ...this.#operators.flatMap(operator => operator.log),
    ].join('\n');
  }
}

/** A scene with nothing in it but an empty database. */
export async function openScene(world: World, name: string): Promise<Scene> {
  return new Scene(world, name, await createDatabase(world.postgres, name));
}

async function unlessThere(creation: Promise<unknown>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
