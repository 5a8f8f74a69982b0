// One scenario's place: a namespace that enforces the restricted Pod Security Standard, a database, and the handful of
// things that one does there. Waiting has a limit and says what it saw last.
import { setTimeout as sleep } from 'node:timers/promises';
import { API_VERSION } from '../../src/api/names.ts';
import type { KubernetesObject } from '../../src/kubernetes/object.ts';
import type { Deployment, Job, Pod, StatefulSet } from '../../src/kubernetes/resources.ts';
import type { DatabaseBackup, DatabaseMigration } from '../../src/operator/sources.ts';
import { createDatabase, type Database, sql } from './database.ts';
import { APP, MIGRATION } from './names.ts';
import { surroundings } from './objects.ts';
import { restrictedNamespace } from './pod-security.ts';
import type { Stage } from './stage.ts';

export interface Site {
  readonly stage: Stage;
  readonly namespace: string;
  readonly database: Database;
}

/** What the tests read, and under which path. */
interface Kinds {
  readonly databasemigrations: DatabaseMigration;
  readonly databasebackups: DatabaseBackup;
  readonly deployments: Deployment;
  readonly statefulsets: StatefulSet;
  readonly jobs: Job;
  readonly pods: Pod;
  readonly events: KubernetesObject & { readonly reason?: string; readonly message?: string; readonly type?: string };
}

const PATHS = {
  databasemigrations: `/apis/${API_VERSION}`,
  databasebackups: `/apis/${API_VERSION}`,
  deployments: '/apis/apps/v1',
  statefulsets: '/apis/apps/v1',
  jobs: '/apis/batch/v1',
  pods: '/api/v1',
  events: '/api/v1',
} as const satisfies Record<keyof Kinds, string>;

const POLL_MS = 250;
/** Longer than anything here takes on a busy machine. */
const PATIENCE_MS = 150_000;

export async function openSite(stage: Stage, scenario: string): Promise<Site> {
  const namespace = `e2e-${scenario}`;
  const site = { stage, namespace, database: await createDatabase(stage.kubernetes, scenario) };
  await stage.kubernetes.kubectl(['create', '--filename=-'], JSON.stringify(restrictedNamespace(namespace)));
  await apply(site, surroundings(site.database));
  return site;
}

/** As a person or a GitOps tool does it: server-side, so that what a manifest leaves out stays as it is. */
export async function apply({ stage, namespace }: Site, items: readonly object[]): Promise<void> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await stage.kubernetes.kubectl(['apply', '--server-side', `--namespace=${namespace}`, '--filename=-'], list);
}

export async function kubectl({ stage, namespace }: Site, ...args: readonly string[]): Promise<string> {
  return stage.kubernetes.kubectl([`--namespace=${namespace}`, ...args]);
}

export async function read<K extends keyof Kinds>(site: Site, kind: K, name: string): Promise<Kinds[K] | undefined> {
  const response = await site.stage.kubernetes.request(pathOf(site, kind, name));
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`GET ${kind} ${name}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Kinds[K];
}

export async function list<K extends keyof Kinds>(site: Site, kind: K, selector = ''): Promise<readonly Kinds[K][]> {
  const query = selector === '' ? '' : `?labelSelector=${encodeURIComponent(selector)}`;
  const response = await site.stage.kubernetes.request(`${pathOf(site, kind)}${query}`);
  if (!response.ok) throw new Error(`GET ${kind}: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { readonly items: readonly Kinds[K][] }).items;
}

/** Without grace: the API server forgets it at once, and the node kills what runs. */
export async function kill(site: Site, pod: Pod): Promise<void> {
  const body = { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 };
  const headers = { 'content-type': 'application/json' };
  const options = { method: 'DELETE', headers, body: JSON.stringify(body) };
  const response = await site.stage.kubernetes.request(pathOf(site, 'pods', pod.metadata?.name), options);
  if (!response.ok) throw new Error(`DELETE pod ${pod.metadata?.name}: ${response.status}`);
}

export async function migrationOf(site: Site): Promise<DatabaseMigration> {
  const found = await read(site, 'databasemigrations', MIGRATION);
  if (found === undefined) throw new Error(`there is no DatabaseMigration in ${site.namespace}`);
  return found;
}

/** Asks until there is an answer; the error says what was waited for, and what `seen` answers then. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  options: { readonly patienceMs?: number; readonly seen?: () => Promise<string> } = {},
): Promise<T> {
  const limit = Date.now() + (options.patienceMs ?? PATIENCE_MS);
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() >= limit) throw new Error(`${what}: not yet. ${(await options.seen?.()) ?? ''}`);
    await sleep(POLL_MS);
  }
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A request to the app by its Service, as another Pod would make it. */
export async function ask(site: Site, path: string, body?: object): Promise<Answer> {
  const url = `/api/v1/namespaces/${site.namespace}/services/${APP}:80/proxy${path}`;
  const headers = { 'content-type': 'application/json' };
  const options = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) };
  const response = await site.stage.kubernetes.request(url, options);
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text };
}

export async function query(site: Site, text: string): Promise<readonly string[]> {
  return sql(site.stage.kubernetes, site.database.name, text);
}

function pathOf(site: Site, kind: keyof Kinds, name?: string): string {
  const collection = `${PATHS[kind]}/namespaces/${site.namespace}/${kind}`;
  return name === undefined ? collection : `${collection}/${name}`;
}
