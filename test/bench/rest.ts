// What an operator costs that has nothing to do: requests while it is idle, memory by the number of resources, a scrape of
// its metrics. Four processes of the shipped bundle side by side, each with a namespace of its own: twenty resources that it
// has brought to Ready itself, none, a hundred, a thousand. The hundred and the thousand have the status that the first
// of the twenty came to, and a ConfigMap each.
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlreadyExists } from '../../src/kubernetes/errors.ts';
import { CONFIG_MAPS, NAMESPACES } from '../../src/kubernetes/resources.ts';
import { sourceRevisionOf } from '../../src/operator/migration/begin.ts';
import { type DatabaseMigration, MIGRATIONS } from '../../src/operator/sources.ts';
import { type Audited, addAccount, requestsOf } from '../control/accounts.ts';
import { createDatabase } from '../control/database.ts';
import { SECRETS, SERVICE_ACCOUNTS } from '../control/kinds.ts';
import { configMapOf, migration, migrationSpecOf, type Release } from '../control/objects.ts';
import { openWorld, type World } from '../control/world.ts';
import { eventually } from '../machine/plane.ts';
import type { OperatorProcess } from '../machine/process.ts';
import { type Figure, type Group, inWords, median, type Progress, timed } from './figure.ts';
import { processorSeconds, residentMiB, Shipped } from './processes.ts';
import { sideBySide } from './side-by-side.ts';

const READY = 20;
const IDLE_SECONDS = 180;
const SETTLED_SECONDS = 60;
const SCRAPES = 20;
const WRITERS = 16;
const READ: readonly string[] = ['get', 'list', 'watch'];
const RELEASE: Release = { migrations: migration('001_accounts'), strategy: 'None' };

/** By namespace: how many resources, and how much more memory than without any they may cost. */
const CROWDS = [
  { namespace: 'none', count: 0, mebibytes: 0 },
  { namespace: 'hundred', count: 100, mebibytes: 10 },
  { namespace: 'thousand', count: 1_000, mebibytes: 25 },
] as const;

async function measure(progress: Progress): Promise<readonly Figure[]> {
  using shipped = await Shipped.build();
  const world = await openWorld('bench', progress);
  const operators = new Map<string, OperatorProcess>();
  const start = async (namespace: string): Promise<OperatorProcess> => {
    const kubeconfig = await addAccount(world, { namespace, name: 'bench' });
    const operator = await shipped.start({ name: 'bench', namespace, kubeconfig });
    operators.set(namespace, operator);
    return operator;
  };
  try {
    progress(`${READY} resources to Ready`);
    const ready = await bringToReady(world, start);
    for (const { namespace, count } of CROWDS) {
      progress(`${count} resources in ${namespace}`);
      await world.api.create(NAMESPACES, undefined, { metadata: { name: namespace } });
      await settle(world, namespace, count, ready);
      const operator = await start(namespace);
      await whenQuiet(operator, count);
    }
    const sinceMs = Date.now();
    progress(`idle for ${IDLE_SECONDS} s`);
    await sleep(SETTLED_SECONDS * 1000);
    const memory = CROWDS.map(({ namespace }) => {
      const pid = operators.get(namespace)?.pid ?? 0;
      return { now: residentMiB(pid), highest: residentMiB(pid, 'VmHWM') };
    });
    await sleep((IDLE_SECONDS - SETTLED_SECONDS) * 1000);
    const minutes = (Date.now() - sinceMs) / 60_000;
    const idle = ['ready', 'thousand'].map(namespace =>
      idleFigure(namespace, requestsOf(world.cluster, { namespace, name: 'bench' }, sinceMs), minutes),
    );
    progress('scrapes');
    const scrapes = await scrapeFigure(world, operators);
    return [...idle, ...memoryFigures(memory), scrapes];
  } finally {
    for (const operator of operators.values()) await operator[Symbol.asyncDispose]();
    await world.close();
  }
}

/** By the operator, on databases of their own. Answers the first of them. */
async function bringToReady(
  world: World,
  start: (namespace: string) => Promise<OperatorProcess>,
): Promise<DatabaseMigration> {
  const { api, postgres } = world;
  const namespace = 'ready';
  await api.create(NAMESPACES, undefined, { metadata: { name: namespace } });
  await api.create(CONFIG_MAPS, namespace, configMapOf(RELEASE));
  await api.create(SERVICE_ACCOUNTS, namespace, { metadata: { name: 'default' } }).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
  const names = Array.from({ length: READY }, (_, i) => `app-${i}`);
  for (const name of names) {
    const { url } = await createDatabase(postgres, name);
    await api.create(SECRETS, namespace, { metadata: { name }, stringData: { url } });
  }
  const operator = await start(namespace);
  for (const name of names)
    await api.create(MIGRATIONS, namespace, resourceOf(name, configMapOf(RELEASE).metadata.name));
  await eventually(
    `${READY} resources are Ready`,
    async () => (await api.list(MIGRATIONS, { namespace })).items.every(isReady),
    () => operator.lastWords(),
    180_000,
  );
  const first = await api.get(MIGRATIONS, namespace, 'app-0');
  if (first === undefined) throw new Error('a resource went away');
  return first;
}

/** Resources that rest: made with the spec and left with the status of one that came to Ready. */
async function settle(world: World, namespace: string, count: number, ready: DatabaseMigration): Promise<void> {
  const { api } = world;
  const { data } = configMapOf(RELEASE);
  const settleOne = async (name: string): Promise<void> => {
    const { metadata: source } = await api.create(CONFIG_MAPS, namespace, { metadata: { name }, data });
    const made = await api.create(MIGRATIONS, namespace, resourceOf(name, name));
    const found = { uid: source?.uid ?? '', resourceVersion: source?.resourceVersion ?? '' };
    const run = { ...ready.status?.run, sourceRevision: sourceRevisionOf({ sources: [{ name, found }] }) };
    await api.replace(MIGRATIONS, { ...made, status: { ...ready.status, run } as never }, 'status');
  };
  const names = Array.from({ length: count }, (_, i) => `app-${i}`);
  await sideBySide(
    WRITERS,
    names.map(name => () => settleOne(name)),
  );
}

function resourceOf(name: string, configMap: string): DatabaseMigration {
  const spec = migrationSpecOf(RELEASE, 'http://127.0.0.1:1/');
  const database = { ...spec.database, urlSecretRef: { name, key: 'url' } };
  return { metadata: { name }, spec: { ...spec, database, source: { configMapRefs: [{ name: configMap }] } } as never };
}

function isReady({ status }: DatabaseMigration): boolean {
  return status?.conditions?.some(one => one.type === 'Ready' && one.status === 'True') === true;
}

/** It has looked at each of them once. */
async function whenQuiet(operator: OperatorProcess, count: number): Promise<void> {
  await operator.whenLeading();
  const looked = (): number => operator.log.filter(line => line.message === 'reconciled').length;
  await eventually(
    `${count} resources were looked at`,
    async () => looked() >= count,
    () => operator.lastWords(),
  );
}

function idleFigure(namespace: string, requests: readonly Audited[], minutes: number): Figure {
  const beside = requests.filter(one => one.objectRef?.resource !== 'leases');
  const writes = beside.filter(one => !READ.includes(one.verb));
  const kinds = [...Map.groupBy(beside, one => one.objectRef?.resource ?? '')].map(
    ([kind, all]) => `${kind} ${(all.length / minutes).toFixed(1)}`,
  );
  const count = namespace === 'ready' ? READY : 1_000;
  return {
    what: `idle with ${count} resources for ${minutes.toFixed(1)} minutes: writes besides the Lease; requests a minute by kind`,
    ours: `${writes.length} writes; ${kinds.length === 0 ? 'no request' : kinds.join(', ')}`,
    aim: '0 writes; at most 1 request a minute for each watched kind',
    beside: `the Lease: ${((requests.length - beside.length) / minutes).toFixed(1)} a minute`,
  };
}

function memoryFigures(memory: readonly { readonly now: number; readonly highest: number }[]): readonly Figure[] {
  const floor = memory[0]?.now ?? Number.NaN;
  return CROWDS.map(({ count, mebibytes }, i) => {
    const { now: ours = Number.NaN, highest = Number.NaN } = memory[i] ?? {};
    return count === 0
      ? { what: 'memory (RSS) connected, without resources: the floor', ours: `${ours.toFixed(1)} MiB` }
      : {
          what: `memory with ${count} resources at rest`,
          ours: `${ours.toFixed(1)} MiB: floor + ${(ours - floor).toFixed(1)} MiB`,
          aim: `floor + ${mebibytes} MiB`,
          beside: `${SETTLED_SECONDS} s after the last of them was looked at, never scraped; ${highest.toFixed(1)} MiB at the highest`,
        };
  });
}

/** Of the thousand, beside those of nobody. */
async function scrapeFigure(world: World, operators: ReadonlyMap<string, OperatorProcess>): Promise<Figure> {
  const told: string[] = [];
  for (const namespace of ['thousand', 'none']) {
    const operator = operators.get(namespace);
    if (operator === undefined) throw new Error(`there is no operator of ${namespace}`);
    const before = processorSeconds(world.cluster, operator).get('operator') ?? 0;
    const seconds: number[] = [];
    let text = '';
    for (let i = 0; i < SCRAPES; i += 1) {
      const page = await timed(() => operator.page('/metrics'));
      seconds.push(page.seconds * 1000);
      text = page.value.text;
    }
    const used = (processorSeconds(world.cluster, operator).get('operator') ?? 0) - before;
    const heap = /^nodejs_heap_size_used_bytes (.*)$/m.exec(text)?.[1];
    told.push(
      [
        `${inWords(median(seconds))} (at most ${inWords(Math.max(...seconds))}) for ${Math.round(text.length / 1000)} kB`,
        `${inWords((used / SCRAPES) * 1000)} of processor time`,
        `${residentMiB(operator.pid).toFixed(1)} MiB afterwards, ${(Number(heap) / 2 ** 20).toFixed(1)} of them heap in use`,
      ].join(', '),
    );
  }
  const [ours = '', beside = ''] = told;
  return {
    what: `a scrape of the metrics with 1000 resources, median of ${SCRAPES}`,
    ours,
    beside: `without resources: ${beside}`,
  };
}

export const rest: Group = { name: 'rest', about: 'requests when idle, memory, a scrape', measure };
