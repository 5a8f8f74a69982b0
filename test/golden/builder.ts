// From a world.yaml to the passes it shows. A scene names a point of the story (story.ts) and holds only what differs:
//
//   given:  what is different from the beginning: {spec, workload, release}
//   at:     the point; the world is as the operator itself brought it there
//   change: what has just happened (see Change)
//   then:   a list of further changes, each followed by a pass of its own
//
// A word that is not known here is an error, so that no scene says less than it seems to.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { MigrationStatus } from '../../src/api/parse.ts';
import type { Decision } from '../../src/operator/migration/decide.ts';
import type { World } from '../../src/operator/migration/world.ts';
import { type Answer, completeBackup } from './answers.ts';
import { type MutableWorkload, newWorkload, type PlayedJob, podsOf, touch } from './cluster.ts';
import { isTree, overlay, type Tree } from './merge.ts';
import type { Play } from './play.ts';
import { type Given, playTo } from './story.ts';

export interface Pass {
  readonly world: World;
  readonly decision: Decision;
}

export type JobChange = 'Runs' | 'Gone' | 'Answers' | Tree;

/** One thing that has happened, or several at once. */
interface Change {
  /** Seconds since what was before. */
  readonly after?: number;
  /** An edit of the spec: the generation rises. */
  readonly edit?: Tree;
  /** A value of the retry annotation. */
  readonly retry?: string;
  /** A value of the adopt annotation. */
  readonly adopt?: string;
  /** A value of the confirm-downgrade annotation; `This`: the digest that the message quotes. */
  readonly confirm?: string;
  readonly deleted?: boolean;
  readonly namespace?: World['namespace'];
  readonly rivals?: readonly string[];
  readonly volumeUsers?: readonly string[];
  /** By step: why its Job is refused, and for how long it has been; or by verb and name of another act. */
  readonly refused?: Readonly<
    Record<string, { readonly message: string; readonly why?: string; readonly seconds?: number }>
  >;
  /** `Unread`: not looked for in this pass. */
  readonly scalers?: 'Unread' | NonNullable<World['scalers']>;
  /** By name: `Missing`, or a resourceVersion. */
  readonly configMaps?: Readonly<Record<string, string>>;
  /** By step, the last Job of it: Runs, Gone, Answers, or {runs, answers, ends, waits, silentSince, ...fields of JobView}. */
  readonly jobs?: Readonly<Record<string, JobChange>>;
  /** By kind and name: `Missing`, `{near: […]}`, or fields of LiveWorkload; pods may be a number. */
  readonly workloads?: Readonly<Record<string, 'Missing' | Tree>>;
  /** Every Pod that the counts ask for is there, and no other. */
  readonly podsSettle?: boolean;
  /** Of this run: Complete, Gone, or {status} or {migrationUid}. */
  readonly backup?: 'Complete' | 'Gone' | Tree;
  /** What the database is like, for what Jobs answer. */
  readonly database?: Tree;
  /** Laid over the status: somebody edited it. */
  readonly status?: Tree;
}

const CHANGES: { readonly [K in keyof Change]-?: (play: Play, value: NonNullable<Change[K]>) => void } = {
  after: (play, seconds) => play.later(seconds),
  edit: (play, spec) => play.edit(spec),
  retry: (play, token) => {
    play.retryToken = token;
  },
  adopt: (play, owner) => {
    play.adopts = owner;
  },
  confirm: (play, digest) => {
    play.confirms = digest === 'This' ? play.status.run?.plan?.downgrade?.digest : digest;
  },
  deleted: play => {
    play.deletionTime = play.now;
  },
  namespace: (play, state) => {
    play.namespace = state;
  },
  rivals: (play, names) => {
    play.rivals = names;
  },
  volumeUsers: (play, names) => {
    play.volumeUsers = names;
  },
  refused: (play, changes) => {
    play.refusals = Object.entries(changes).map(([step, { message, why = 'Refused', seconds = 0 }]) => ({
      act: /^[A-Z]/.test(step)
        ? step
        : `CreateJob ${play.status.run?.steps?.find(one => one.name.toLowerCase() === step)?.job?.name}`,
      why: why === 'NameTaken' ? 'NameTaken' : 'Refused',
      message,
      since: new Date(play.nowMs - seconds * 1000).toISOString().replace('.000Z', 'Z'),
    }));
  },
  scalers: (play, found) => {
    play.scalers = found === 'Unread' ? undefined : found;
  },
  configMaps: (play, changes) => {
    for (const [name, resourceVersion] of Object.entries(changes)) {
      if (resourceVersion === 'Missing') play.cluster.sources.delete(name);
      else play.cluster.sources.set(name, { name, found: { uid: `uid-of-${name}`, resourceVersion } });
    }
  },
  database: (play, change) => {
    Object.assign(play.database, change);
  },
  jobs: (play, changes) => {
    for (const [step, change] of Object.entries(changes)) changeJob(play, step, change);
  },
  workloads: (play, changes) => {
    for (const [key, change] of Object.entries(changes)) changeWorkload(play, key, change);
  },
  podsSettle: play => play.cluster.settleWorkloads(),
  backup: changeBackup,
  status: (play, change) => {
    play.status = overlay(play.status, change) as MigrationStatus;
  },
};

export function readPasses(file: string): readonly Pass[] {
  return playScene(file).passes;
}

/** The passes of a scene, and the play as they leave it. */
export function playScene(file: string): { readonly passes: readonly Pass[]; readonly play: Play } {
  const scene: Tree = parse(readFileSync(file, 'utf8'));
  expectWords(scene, ['given', 'at', 'change', 'then'], file);
  const given = (scene.given ?? {}) as Given;
  expectWords(given as Tree, ['spec', 'workload', 'release'], `${file}: given`);
  const play = playTo(String(scene.at), given);
  const changes = [scene.change ?? {}, ...((scene.then as readonly unknown[] | undefined) ?? [])];
  const passes = changes.map((change, index) => {
    if (!isTree(change)) throw new Error(`${file}: change ${index} is not a map`);
    if (index > 0 && change.after === undefined) play.later(1);
    apply(play, change, file);
    const world = play.world();
    return { world, decision: play.pass() };
  });
  return { passes, play };
}

function apply(play: Play, change: Tree, file: string): void {
  expectWords(change, Object.keys(CHANGES), file);
  for (const [word, happens] of Object.entries(CHANGES) as [keyof Change, (play: Play, value: unknown) => void][]) {
    if (change[word] !== undefined) happens(play, change[word]);
  }
}

function changeJob(play: Play, step: string, change: JobChange): void {
  const job = play.cluster.jobOf(step as never);
  if (job === undefined) throw new Error(`there is no Job of the step ${step}`);
  applyJobChange(change, job, {
    gone: () => play.cluster.jobs.delete(job.view.name),
    runs: () => play.jobRuns(job),
    answers: answer => play.jobAnswers(job, answer),
    ends: (how, message) => play.jobEnds(job, how, message),
  });
}

interface JobHappenings {
  gone(): void;
  runs(): void;
  answers(answer: Answer): void;
  ends(how: { exitCode: number; reason: string }, message: string): void;
}

/** What a scene says of a Job, in a play of either kind. */
export function applyJobChange(change: JobChange, { view }: PlayedJob, happens: JobHappenings): void {
  if (change === 'Gone') return happens.gone();
  if (change === 'Runs') return happens.runs();
  if (change === 'Answers') return happens.answers({});
  const { runs, answers, ends, waits, silentSince, noPods, ...fields } = change;
  const [pod] = view.pods;
  if (runs === true || silentSince !== undefined) happens.runs();
  if (answers !== undefined) happens.answers(answers as Answer);
  if (ends !== undefined) {
    const { exitCode, reason, message } = ends as { exitCode: number; reason: string; message?: string };
    happens.ends({ exitCode, reason }, message ?? '');
  }
  if (pod !== undefined && waits !== undefined) pod.waiting = waits as { reason: string; message: string };
  if (pod !== undefined && silentSince !== undefined) pod.notReadySince = String(silentSince);
  if (noPods === true) view.pods = [];
  expectWords(fields, ['finished', 'deleting', 'adopted', 'madeFor', 'podRefused'], `Job ${view.name}`);
  Object.assign(view, fields);
}

function changeWorkload(play: Play, key: string, change: 'Missing' | Tree): void {
  const name = key.slice(key.indexOf('/') + 1);
  const { workloads, missing } = play.cluster;
  if (change === 'Missing' || 'near' in change) {
    workloads.delete(key);
    missing.set(key, change === 'Missing' ? [] : (change.near as readonly string[]));
    return;
  }
  const { pods, ...fields } = change;
  const before = workloads.get(key) ?? newWorkload(name, Number(fields.replicas ?? 3));
  const after = overlay(before, fields) as MutableWorkload;
  if (typeof pods === 'number') after.pods = podsOf(name, pods);
  else if (pods !== undefined) after.pods = pods as MutableWorkload['pods'];
  touch(after);
  workloads.set(key, after);
}

function changeBackup(play: Play, change: 'Complete' | 'Gone' | Tree): void {
  const name = play.status.run?.backup?.name ?? '';
  const before = play.cluster.backups.get(name);
  if (before === undefined) throw new Error('this run has no backup yet');
  if (change === 'Gone') play.cluster.backups.delete(name);
  else if (change === 'Complete') play.cluster.backups.set(name, { ...before, status: completeBackup(play.now) });
  else play.cluster.backups.set(name, overlay(before, change) as typeof before);
}

export function expectWords(tree: Tree, words: readonly string[], where: string): void {
  const unknown = Object.keys(tree).filter(word => !words.includes(word));
  if (unknown.length > 0) throw new Error(`${where}: unknown ${unknown.join(', ')}; known: ${words.join(', ')}`);
}
