// A thousand resources at once, with nobody to run their Pods: how long until each has its first Job, what bounds that, and
// how long a resource that comes alone waits for its Job. The witness is the API server's audit log.
import { setTimeout as sleep } from 'node:timers/promises';
import { JOBS, type Job, NAMESPACES } from '../../src/kubernetes/resources.ts';
import type { DatabaseMigration } from '../../src/operator/sources.ts';
import { type Audited, readAudit } from '../control/accounts.ts';
import { eventually, Plane } from '../machine/plane.ts';
import type { OperatorProcess } from '../machine/process.ts';
import { type Figure, type Group, inWords, type Progress, quantile } from './figure.ts';
import { processorSeconds, Shipped, usedSince } from './processes.ts';
import { sideBySide } from './side-by-side.ts';

const MANY = 1_000;
const SINGLE = 200;
const SINGLE_EVERY_MS = 100;
/** As many passes as the operator makes at the same time by default: --workers. */
const WORKERS = 16;
const WRITERS = 32;
const OPERATOR = 'bench';

async function measure(progress: Progress): Promise<readonly Figure[]> {
  using shipped = await Shipped.build();
  await using plane = await Plane.open();
  await plane.defineKinds();
  const figures: Figure[] = [];
  for (const namespace of ['single', 'many']) {
    await plane.addNamespace(namespace);
    const kubeconfig = await plane.addAccount(namespace, OPERATOR);
    await using operator = await shipped.start({ name: OPERATOR, namespace, kubeconfig });
    await operator.whenLeading();
    figures.push(
      ...(namespace === 'single' ? await single(plane, operator, progress) : await many(plane, operator, progress)),
    );
  }
  return [...figures, await bareLoop(plane, progress)];
}

async function single(plane: Plane, operator: OperatorProcess, progress: Progress): Promise<readonly Figure[]> {
  progress(`${SINGLE} resources, one each ${SINGLE_EVERY_MS} ms`);
  const made: Promise<DatabaseMigration>[] = [];
  for (let i = 0; i < SINGLE; i += 1) {
    made.push(plane.addMigration('single', `app-${i}`));
    await sleep(SINGLE_EVERY_MS);
  }
  await Promise.all(made);
  await whenJobs(plane, operator, 'single', SINGLE);
  return [
    {
      what: `from the event of a new resource to the create of its Job, ${1000 / SINGLE_EVERY_MS} resources a second: p50 / p99`,
      ours: pairOf(await latencies(plane, 'single')),
      beside:
        "from the end of the API server's answer to whoever made the resource, to its receipt of the Job; one status write lies between",
    },
  ];
}

async function many(plane: Plane, operator: OperatorProcess, progress: Progress): Promise<readonly Figure[]> {
  progress(`${MANY} resources at once`);
  const before = processorSeconds(plane.cluster, operator);
  const startedMs = Date.now();
  await sideBySide(
    WRITERS,
    Array.from({ length: MANY }, (_, i) => () => plane.addMigration('many', `app-${i}`)),
  );
  const createdMs = Date.now();
  await whenJobs(plane, operator, 'many', MANY);
  const used = usedSince(before, processorSeconds(plane.cluster, operator));
  // The operator is let come to rest: what else it asks for is counted too.
  await sleep(3_000);
  const asked = plane.requestsOf('many', OPERATOR, startedMs);
  const jobs = asked.filter(isJobCreate).map(one => Date.parse(one.stageTimestamp));
  const seconds = (Math.max(...jobs) - startedMs) / 1000;
  const untilThen = asked.filter(one => Date.parse(one.stageTimestamp) <= Math.max(...jobs));
  return [
    {
      what: `${MANY} resources at once to ${MANY} first Jobs`,
      ours: `${seconds.toFixed(1)} s, ${(MANY / seconds).toFixed(0)} a second`,
      aim: 'below 10 s on 2 cores',
      beside: `making the resources took ${((createdMs - startedMs) / 1000).toFixed(1)} s of it; ${untilThen.length} requests of the operator; processor time: ${used}`,
    },
    {
      what: 'the same: from the event of a resource to the create of its Job, p50 / p99',
      ours: pairOf(await latencies(plane, 'many')),
    },
  ];
}

/** The peer: the same Jobs, by as many loops as the operator has workers, and nothing else. */
async function bareLoop(plane: Plane, progress: Progress): Promise<Figure> {
  progress('the same Jobs by a bare loop');
  const { items } = await plane.api.list(JOBS, { namespace: 'many' });
  await plane.api.create(NAMESPACES, undefined, { metadata: { name: 'bare' } });
  const startedMs = Date.now();
  await sideBySide(
    WORKERS,
    items.map(job => () => plane.api.create(JOBS, 'bare', copyOf(job))),
  );
  const seconds = (Date.now() - startedMs) / 1000;
  return {
    what: `the same ${items.length} Jobs made by a bare loop, ${WORKERS} at a time`,
    ours: `${seconds.toFixed(1)} s, ${(items.length / seconds).toFixed(0)} a second`,
    beside: 'the API server alone; the peer of the row above',
  };
}

function copyOf({ metadata, spec }: Job): Job {
  const { name, labels = {}, annotations = {} } = metadata ?? {};
  const { selector: _, template, ...rest } = spec ?? { template: {} };
  const own = Object.entries(template.metadata?.labels ?? {}).filter(([key]) => !/controller-uid|job-name/.test(key));
  const copied = { ...template, metadata: { ...template.metadata, labels: Object.fromEntries(own) } };
  return { metadata: { name: name ?? '', labels, annotations }, spec: { ...rest, template: copied } } as Job;
}

/** Milliseconds, of each resource that has its Job. */
async function latencies(plane: Plane, namespace: string): Promise<readonly number[]> {
  const created = readAudit(plane.cluster, '"verb":"create"').filter(one => isMigrationCreate(one, namespace));
  const made = new Map(created.map(one => [one.objectRef?.name, one]));
  return plane
    .requestsOf(namespace, OPERATOR, 0)
    .filter(isJobCreate)
    .flatMap(job => {
      const resource = made.get(/^(.*)-plan-[0-9a-f]+$/.exec(job.objectRef?.name ?? '')?.[1]);
      return resource === undefined
        ? []
        : [preciseMs(job.requestReceivedTimestamp) - preciseMs(resource.stageTimestamp)];
    });
}

function isJobCreate({ verb, objectRef, responseStatus }: Audited): boolean {
  return verb === 'create' && objectRef?.resource === 'jobs' && responseStatus?.code === 201;
}

function isMigrationCreate({ verb, objectRef }: Audited, namespace: string): boolean {
  return verb === 'create' && objectRef?.resource === 'databasemigrations' && objectRef.namespace === namespace;
}

/** `Date.parse` drops the microseconds. */
function preciseMs(timestamp: string): number {
  const micros = /\.\d{3}(\d{3})Z$/.exec(timestamp)?.[1] ?? '0';
  return Date.parse(timestamp) + Number(micros) / 1000;
}

function pairOf(values: readonly number[]): string {
  return `${inWords(quantile(values, 0.5))} / ${inWords(quantile(values, 0.99))}`;
}

/** Asks for one Job and how many more there are, which costs the API server next to nothing. */
async function whenJobs(plane: Plane, operator: OperatorProcess, namespace: string, count: number): Promise<void> {
  let found = 0;
  await eventually(
    `there are ${count} Jobs`,
    async () => {
      const path = `/apis/batch/v1/namespaces/${namespace}/jobs`;
      const request = { verb: 'list', resource: 'jobs', path, query: { limit: '1' } } as const;
      const answer = (await plane.transport.send(request)) as Counted;
      found = (answer.items?.length ?? 0) + (answer.metadata?.remainingItemCount ?? 0);
      return found >= count;
    },
    () => `there were ${found}; ${operator.lastWords()}`,
    180_000,
  );
}

interface Counted {
  readonly items?: readonly unknown[];
  readonly metadata?: { readonly remainingItemCount?: number };
}

export const burst: Group = { name: 'burst', about: `${MANY} resources at once, and one at a time`, measure };
