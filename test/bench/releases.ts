// Releases with a stop and a backup, one after another, in the played world (test/control): what the operator adds to the
// Jobs, where it goes, what it asks the API server for, and how long the app is stopped. The operator is a process of the
// shipped bundle; Pods start at once and run the runner's code in this process.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Audited, addAccount, readAudit } from '../control/accounts.ts';
import { migration } from '../control/objects.ts';
import { openWorld, type World } from '../control/world.ts';
import { openScene, type Scene } from '../failures/scene.ts';
import type { OperatorProcess } from '../machine/process.ts';
import { type Figure, type Group, inWords, median, type Progress } from './figure.ts';
import { Shipped } from './processes.ts';
import { covered, type Span, Timeline } from './timeline.ts';

const RUNS = 7;
const ACCOUNT = { namespace: 'kube-system', name: 'bench' };
/** What comes after Ready belongs to the migration too: the last Jobs are handed over. */
const REST_MS = 2_500;
const READ = ['get', 'list', 'watch'];

interface Release {
  /** In milliseconds, as all that follows. From the request that makes the resource to Ready. */
  readonly total: number;
  /** Of the total, none of which is in a Job: from its creation to its terminal condition. */
  readonly besideJobs: number;
  /** Of the total, none of which is in a Job's work: from its creation to the end of its Pod's container. */
  readonly besideWork: number;
  /** Of that, none of which the app's Pods took to end and to become available. */
  readonly own: number;
  /** By step: how long it took, and what of that is in nobody's work. */
  readonly steps: ReadonlyMap<string, { readonly total: number; readonly own: number }>;
  /** From zero in the app's spec until it is available again. */
  readonly stopped: number;
  readonly stoppedSaid: number;
  readonly requests: readonly Audited[];
}

async function measure(progress: Progress): Promise<readonly Figure[]> {
  using shipped = await Shipped.build();
  const world = await openWorld('bench', progress);
  try {
    const kubeconfig = await addAccount(world, ACCOUNT);
    const flags = ['--watch-namespaces='];
    await using operator = await shipped.start({ ...ACCOUNT, kubeconfig, flags });
    await operator.whenLeading();
    const releases: Release[] = [];
    // The first warms both up and is not counted.
    for (let i = 0; i <= RUNS; i += 1) {
      const release = await play(world, operator, `bench-${i}`);
      progress(`release ${i} of ${RUNS}: ${inWords(release.total)}, ${inWords(release.own)} of them ours`);
      if (i > 0) releases.push(release);
    }
    if (world.player.failures.length > 0) throw new Error(world.player.failures.join('\n'));
    return [...ownTime(releases), ...requests(releases), ...downtime(releases)];
  } finally {
    await world.close();
  }
}

async function play(world: World, operator: OperatorProcess, name: string): Promise<Release> {
  const scene = await openScene(world, name);
  try {
    await scene.install();
    await scene.appRuns();
    await using timeline = await Timeline.open(world.transport, name);
    const fromMs = Date.now();
    const from = performance.now();
    const sql = { ...migration('001_accounts'), ...migration('002_groups') };
    await scene.apply({ migrations: sql, strategy: 'Recreate' });
    await scene.endsWell('002_groups').catch((error: Error) => {
      throw new Error(`${error.message}\n${operator.lastWords()}`);
    });
    const to = await timeline.ready;
    await sleep(REST_MS);
    return await told(scene, timeline, { from, to }, fromMs);
  } finally {
    await scene.strike();
  }
}

async function told(scene: Scene, timeline: Timeline, whole: Required<Span>, fromMs: number): Promise<Release> {
  const work = [...timeline.work.values()];
  const app = [...timeline.appStops, ...timeline.appStarts];
  const notCovered = (spans: readonly Span[], within: Span): number =>
    (within.to ?? whole.to) - within.from - covered(spans, within);
  const steps = [...timeline.steps].map(([name, span]) => {
    const ended = { ...span, to: span.to ?? whole.to };
    return [name, { total: ended.to - ended.from, own: notCovered([...work, ...app], ended) }] as const;
  });
  const stop = timeline.appStops[0]?.from ?? Number.NaN;
  const { status } = await scene.migration();
  return {
    total: whole.to - whole.from,
    besideJobs: notCovered([...timeline.jobs.values()], whole),
    besideWork: notCovered(work, whole),
    own: notCovered([...work, ...app], whole),
    steps: new Map(steps),
    stopped: (timeline.appStarts[0]?.to ?? Number.NaN) - stop,
    stoppedSaid: status?.history?.[0]?.stoppedSeconds ?? 0,
    requests: requestsAbout(scene, fromMs),
  };
}

/** The operator works for nobody else at the time; of what it asks all the time only the Lease is left out here. */
function requestsAbout({ world }: Scene, fromMs: number): readonly Audited[] {
  const username = `system:serviceaccount:${ACCOUNT.namespace}:${ACCOUNT.name}`;
  return readAudit(world.cluster, username).filter(
    ({ user, verb, objectRef, requestReceivedTimestamp }) =>
      user.username === username &&
      Date.parse(requestReceivedTimestamp) >= fromMs &&
      verb !== 'watch' &&
      objectRef?.resource !== 'leases',
  );
}

function ownTime(releases: readonly Release[]): readonly Figure[] {
  const middle = (read: (release: Release) => number): string => inWords(median(releases.map(read)));
  const names = [...(releases[0]?.steps.keys() ?? [])];
  const steps = names.map(name => `${name} ${middle(one => one.steps.get(name)?.own ?? 0)}`);
  return [
    {
      what: `own time of a release (stop, backup, 2 migrations, start, validation; ${RUNS} one after another, median): create to Ready, less each time from a Job's creation to its terminal condition`,
      ours: middle(one => one.besideJobs),
      aim: 'below 1 s',
      beside: `in all ${middle(one => one.total)}`,
    },
    {
      what: "the same, less each time from a Job's creation to the end of its Pod's container, where the operator goes on",
      ours: middle(one => one.besideWork),
      aim: 'below 1 s',
      beside: `${middle(one => one.own)} of it when neither the app's Pods end or start: ${steps.join(', ')}`,
    },
  ];
}

function requests(releases: readonly Release[]): readonly Figure[] {
  const last = releases.at(-1)?.requests ?? [];
  const writes = (all: readonly Audited[]): number => all.filter(one => !READ.includes(one.verb)).length;
  return [
    {
      what: 'requests of that release, of which writes (without watches and the Lease), median',
      ours: `${median(releases.map(one => one.requests.length))}, ${median(releases.map(one => writes(one.requests)))}`,
      beside: `of the last: ${counts(last).join(', ')}`,
    },
  ];
}

/** `7 update databasemigrations/status`, the most frequent first. */
function counts(requests: readonly Audited[]): readonly string[] {
  const kinds = requests.map(({ verb, objectRef: { resource = '?', subresource } = { resource: '?' } }) =>
    [verb, subresource === undefined ? resource : `${resource}/${subresource}`].join(' '),
  );
  return [...Map.groupBy(kinds, kind => kind)]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([kind, all]) => `${all.length} ${kind}`);
}

function downtime(releases: readonly Release[]): readonly Figure[] {
  const middle = (read: (release: Release) => number): string => inWords(median(releases.map(read)));
  const steps = ['Stop', 'BackUp', 'Migrate', 'Start'].map(
    name => `${name} ${middle(one => one.steps.get(name)?.total ?? 0)}`,
  );
  return [
    {
      what: 'the app is stopped in that release, from zero in its spec until it is available again',
      ours: middle(one => one.stopped),
      beside: `${steps.join(', ')}; the status says ${median(releases.map(one => one.stoppedSaid))} s`,
    },
  ];
}

export const releases: Group = { name: 'releases', about: 'own time, requests and downtime of a release', measure };
