// A cluster in which everything happens by chance: Pods start, answer, are lost or killed, the database is away, a person
// edits, suspends, asks again, and the operator dies between any two of its writes. The model test plays it and then lets
// everything work, to see whether all comes to a good end.
import { compareVersions } from '../../src/api/versions.ts';
import type { Decision } from '../../src/operator/migration/decide.ts';
import { completeBackup, VERSIONS } from './answers.ts';
import type { Pass } from './builder.ts';
import type { Chance } from './chance.ts';
import { newWorkload, type PlayedJob } from './cluster.ts';
import { Play } from './play.ts';

const WORKLOAD = 'Deployment/truledgr-api';
const COUNT = 3;

export class Model {
  readonly play: Play;
  readonly chance: Chance;
  /** What happened, for a person who looks for the reason. */
  readonly diary: string[] = [];
  /** Things that must never be, found while it was played. */
  readonly wrong: string[] = [];
  /** Called with every pass. */
  readonly judge: (pass: Pass) => readonly string[];
  #tokens = 0;

  constructor(chance: Chance, judge: (pass: Pass) => readonly string[]) {
    this.chance = chance;
    this.judge = judge;
    const strategy = chance.oneOf(['Recreate', 'Recreate', 'Rolling']);
    this.play = new Play({ rollout: { strategy } });
    this.play.cluster.workloads.set(WORKLOAD, newWorkload('truledgr-api', COUNT));
    const name = 'truledgr-migrations-7h2k9c';
    this.play.cluster.sources.set(name, { name, found: { uid: 'uid-of-the-configmap', resourceVersion: '50' } });
    this.play.database.version = chance.oneOf([null, '003_roles', '005_auth_tables']);
  }

  /** One thing happens, then the operator may have a pass. */
  trouble(): void {
    this.play.later(this.chance.oneOf([1, 1, 2, 5, 10, 30, 61, 200]));
    if (this.chance.happens(0.25)) this.#person();
    if (this.chance.happens(0.5)) this.#cluster('Trouble');
    const decision = this.pass(this.chance.happens(0.3) ? this.chance.below(4) : Number.POSITIVE_INFINITY);
    if (this.chance.happens(0.7)) return;
    if (decision.lookAgainMs !== undefined) this.play.later(Math.ceil(decision.lookAgainMs / 1000));
  }

  /** The resource is deleted in the middle of it all. */
  delete(): void {
    this.play.deletionTime = this.play.now;
  }

  /** After a deletion: nothing of the run is at work, the finalizer is gone, and the app runs unless its database is in between. */
  farewell(): readonly string[] {
    const { play } = this;
    const workload = play.cluster.workloads.get(WORKLOAD);
    const isHeld = workload?.mark !== undefined && workload.replicas === 0;
    const isUnderWay = [...play.cluster.jobs.values()].some(job => job.request.step === 'migrate' && isRunning(job));
    const isKnown = play.status.run?.ledger?.unchanged !== false && play.database.progressRows === 0;
    return [
      ...(play.cluster.finalizer === 'Absent' ? [] : ['the finalizer is left']),
      ...(isUnderWay ? ['a migration is at work'] : []),
      ...(isHeld && isKnown ? ['the app is held for no reason'] : []),
      ...(!isHeld && workload?.replicas === 0 ? ['the app is at zero without a mark'] : []),
    ];
  }

  /** From now on everything works. */
  peace(): void {
    const { play } = this;
    if (play.spec.suspend === true) play.edit({ suspend: false });
    const workload = play.cluster.workloads.get(WORKLOAD);
    delete workload?.minVersion;
    for (let count = 0; count < 500; count += 1) {
      this.#cluster('Peace');
      const before = JSON.stringify(play.world());
      const decision = this.pass(Number.POSITIVE_INFINITY);
      if (JSON.stringify(play.world()) === before && decision.actions.length === 0 && this.#isQuiet()) {
        if (play.deletionTime !== undefined && play.cluster.finalizer === 'Absent') return;
        if (play.deletionTime === undefined && this.#isStalled(decision)) this.#mend(decision);
        else if (decision.lookAgainMs === undefined && play.deletionTime === undefined) return;
      }
      play.later(Math.min(5, Math.ceil((decision.lookAgainMs ?? 1000) / 1000)));
    }
    this.wrong.push('it does not come to rest');
  }

  /** What must be true at the good end. */
  ending(): readonly string[] {
    const { play } = this;
    const workload = play.cluster.workloads.get(WORKLOAD);
    const ready = play.status.conditions?.find(condition => condition.type === 'Ready');
    const target = String(play.spec.target);
    const unadopted = [...play.cluster.jobs.values()].filter(
      job => job.view.finished !== undefined && !job.view.adopted,
    );
    return [
      ...(ready?.status === 'True' ? [] : [`Ready is ${ready?.status} ${ready?.reason}: ${ready?.message}`]),
      ...(compareVersions(play.database.version, target) === 0 ? [] : [`the database is at ${play.database.version}`]),
      ...(play.database.repeatable === 'Pending' ? ['a repeatable migration has not run'] : []),
      ...(play.status.version === play.database.version ? [] : [`status says ${play.status.version}`]),
      ...(workload?.replicas === COUNT ? [] : [`the app runs ${workload?.replicas}`]),
      ...(workload?.mark === undefined ? [] : ['a mark is left']),
      ...(play.cluster.finalizer === 'Absent' ? [] : ['the finalizer is left']),
      ...(unadopted.length === 0 ? [] : [`Jobs are left: ${unadopted.map(job => job.view.name).join(', ')}`]),
    ];
  }

  /** A pass of which only so many effects reach the cluster. */
  pass(acts: number): Decision {
    const world = this.play.world();
    const decision = this.play.pass(acts);
    const reason = decision.status.conditions?.find(condition => condition.type === 'Ready')?.reason;
    this.diary.push(`${this.play.now} pass(${acts}): ${reason} ${decision.actions.map(action => action.do).join(' ')}`);
    this.wrong.push(...this.judge({ world, decision }));
    if (acts > 1) this.wrong.push(...this.#unsafe(decision));
    return decision;
  }

  /** A migration must find the app off, a backup made, every loss accepted, and no other migration at work. */
  #unsafe(decision: Decision): readonly string[] {
    const { play } = this;
    const migration = decision.actions.find(action => action.do === 'CreateJob' && action.request.step === 'migrate');
    if (migration?.do !== 'CreateJob') return [];
    const isOff = [...play.cluster.workloads.values()].every(
      workload => workload.replicas === 0 && workload.pods.length === 0,
    );
    const others = [...play.cluster.jobs.values()].filter(
      job => job.request.step === 'migrate' && job.request.name !== migration.request.name && isRunning(job),
    );
    const { input } = migration.request;
    const isDown = input.step === 'migrate' && input.direction === 'Down';
    const { lossCount = 0, digest } = decision.status.run?.plan?.downgrade ?? {};
    const mustBeOff = isDown || (play.spec.rollout as { strategy: string }).strategy === 'Recreate';
    return [
      ...(mustBeOff && !isOff ? ['a migration under the app'] : []),
      ...(isDown && lossCount > 0 && play.confirms !== digest ? ['a loss that nobody has accepted'] : []),
      ...(decision.status.run?.backup?.digest === undefined ? ['a migration without a backup'] : []),
      ...(others.length > 0 ? ['two migrations at once'] : []),
    ];
  }

  #person(): void {
    const { play, chance } = this;
    const what = chance.oneOf(['target', 'suspend', 'retry', 'limit', 'manifest', 'source', 'raise'] as const);
    this.diary.push(`${play.now} a person: ${what}`);
    if (what === 'target') {
      play.edit({ target: chance.oneOf(VERSIONS) });
      play.database.losses = chance.oneOf([[], [{ kind: 'Table', name: 'public.reports', rows: 12 }]]);
    } else if (what === 'suspend') play.edit({ suspend: play.spec.suspend !== true });
    else if (what === 'retry') this.#retry();
    else if (what === 'limit') play.edit({ rollout: { maxStoppedSeconds: chance.oneOf([60, 900, 3600]) } });
    else if (what === 'source') {
      if (chance.happens(0.5)) play.database.repeatable = 'Pending';
      for (const [name, view] of play.cluster.sources)
        play.cluster.sources.set(name, {
          ...view,
          found: { uid: 'uid-of-the-configmap', resourceVersion: String(play.nowMs) },
        });
    } else {
      const workload = play.cluster.workloads.get(WORKLOAD);
      if (workload === undefined) return;
      if (what === 'manifest') workload.minVersion = chance.oneOf(VERSIONS);
      else if (workload.replicas === 0) workload.replicas = COUNT;
      workload.resourceVersion = String(Number(workload.resourceVersion) + 1);
    }
  }

  /** What the message asks for. */
  #mend({ at }: Decision): void {
    this.diary.push(`${this.play.now} a person mends ${at}`);
    const { play } = this;
    const workload = play.cluster.workloads.get(WORKLOAD);
    if (at === 'DowngradeWouldLoseData') play.confirms = play.status.run?.plan?.downgrade?.digest;
    else if (at === 'VersionAnnotationMissing' && workload !== undefined) {
      workload.minVersion = play.status.run?.plan?.target ?? '';
      workload.resourceVersion = String(Number(workload.resourceVersion) + 1);
    } else this.#retry();
  }

  #retry(): void {
    this.#tokens += 1;
    this.play.retryToken = `token-${this.#tokens}`;
  }

  #cluster(how: 'Trouble' | 'Peace'): void {
    const { play, chance } = this;
    if (how === 'Peace' || chance.happens(0.6)) play.cluster.settleWorkloads();
    for (const job of [...play.cluster.jobs.values()]) {
      if (job.view.finished === undefined && (how === 'Peace' || chance.happens(0.7))) this.#job(job, how);
    }
    const backup = play.cluster.backups.get(play.status.run?.backup?.name ?? '');
    if (backup !== undefined && (how === 'Peace' || chance.happens(0.6)))
      play.cluster.backups.set(backup.name, { ...backup, status: completeBackup(play.now) });
  }

  #job(job: PlayedJob, how: 'Trouble' | 'Peace'): void {
    const { play, chance } = this;
    if (job.view.pods[0]?.container === 'Waiting') return this.#begins(job);
    const fate =
      how === 'Peace'
        ? 'works'
        : chance.oneOf(['works', 'works', 'away', 'lost', 'deleted', 'fails', 'part', 'half'] as const);
    this.diary.push(`${play.now} ${job.request.step} ${job.request.input.attempt}: ${fate}`);
    if (this.#isOvertaken(job)) {
      play.jobAnswers(job, { exitCode: 24, wrote: false, error: { code: 'PlanOutdated', message: 'Overtaken.' } });
    } else if (fate === 'works') this.#works(job);
    else if (fate === 'away') {
      const error = { code: 'DatabaseUnreachable', message: 'The database cannot be reached.' };
      play.jobAnswers(job, { exitCode: 10, wrote: false, error });
    } else if (fate === 'fails' && job.request.step === 'migrate') {
      play.jobAnswers(job, { exitCode: 20, error: { code: 'MigrationFailed', message: 'It failed.' } });
    } else if (fate === 'half' && job.request.step === 'migrate') {
      play.database.progressRows = 1;
      play.jobEnds(job, { exitCode: 137, reason: 'Error' }, '');
    } else if (fate === 'part' && job.request.step === 'migrate') {
      this.#applyPart(job);
      play.jobEnds(job, { exitCode: 137, reason: 'Error' }, '');
    } else if (fate === 'deleted') play.cluster.jobs.delete(job.view.name);
    else play.jobEnds(job, { exitCode: 137, reason: 'Error' }, '');
  }

  /** A migration that ends well has finished what was half done. */
  #works(job: PlayedJob): void {
    if (job.request.step === 'migrate') this.play.database.progressRows = 0;
    this.play.jobAnswers(job);
  }

  #begins(job: PlayedJob): void {
    if (this.#isOvertaken(job))
      this.play.jobAnswers(job, { exitCode: 24, wrote: false, error: { code: 'PlanOutdated', message: 'Overtaken.' } });
    else this.play.jobRuns(job);
  }

  /** The fence: an attempt below the last one writes nothing; and a plan for another state is refused. */
  #isOvertaken({ request }: PlayedJob): boolean {
    const { input } = request;
    if (input.step !== 'migrate') return false;
    const { version, epochAttempt } = this.play.database;
    return input.attempt < epochAttempt || compareVersions(input.from, version) !== 0;
  }

  #applyPart({ request }: PlayedJob): void {
    const { input } = request;
    if (input.step !== 'migrate') return;
    const [low, high] = input.direction === 'Down' ? [input.to, input.from] : [input.from, input.to];
    const isAbove = (version: string) => compareVersions(low, version) < 0 || input.direction === 'Down';
    const between = VERSIONS.filter(
      version => isAbove(version) && compareVersions(low, version) <= 0 && compareVersions(version, high) <= 0,
    );
    this.play.database.version = between[this.chance.below(between.length)] ?? this.play.database.version;
  }

  #isQuiet(): boolean {
    return [...this.play.cluster.jobs.values()].every(job => job.view.finished !== undefined);
  }

  #isStalled({ status }: Decision): boolean {
    return status.conditions?.some(condition => condition.type === 'Stalled') === true;
  }
}

function isRunning(job: PlayedJob): boolean {
  return job.view.finished === undefined && job.view.pods[0]?.container === 'Running';
}
