// A play that is put away in the middle and taken up again: what an operator of an earlier version left in the cluster,
// its status above all, for the operator of today to go on with. Kept in upgrades/<version>/<story>.yaml.
import type { MigrationStatus } from '../../src/api/parse.ts';
import type { BackupView, SourceView } from '../../src/operator/migration/world.ts';
import { completeBackup, type DatabaseModel } from './answers.ts';
import type { MutableWorkload, PlayedJob } from './cluster.ts';
import type { Tree } from './merge.ts';
import { Play } from './play.ts';
import { type Given, MIGRATION_ERROR, playTo } from './story.ts';

export interface Story {
  readonly point: string;
  readonly given?: Given;
  /** How it must end: reason of `Ready`, version of the database, how many the app runs. */
  readonly end: { readonly ready: string; readonly version: string; readonly replicas: number };
}

const WELL = { ready: 'UpToDate', version: '006_ledger_tables', replicas: 3 };
const FAILED = { ready: 'MigrationFailed', version: '005_auth_tables', replicas: 3 };
const rolling = { spec: { rollout: { strategy: 'Rolling' } } };
const ahead = { workload: { minVersion: '005_auth_tables' } };

/** One for each step, and for each way to leave it. */
export const STORIES: Readonly<Record<string, Story>> = {
  installed: { point: 'Installed', end: { ...WELL, version: '005_auth_tables' } },
  planning: { point: 'PlanRuns', end: WELL },
  'about-to-commit': { point: 'AboutToCommit', end: WELL },
  marked: { point: 'Marked', end: WELL },
  stopping: { point: 'Scaled', end: WELL },
  'backing-up': { point: 'BackingUp', end: WELL },
  'migrate-starting': { point: 'MigrateStarting', end: WELL },
  migrating: { point: 'MigrateRuns', end: WELL },
  'scaled-up': { point: 'ScaledUp', end: WELL },
  starting: { point: 'StartingUp', end: WELL },
  validating: { point: 'ValidateRuns', end: WELL },
  succeeded: { point: 'Resting', end: WELL },
  'awaiting-manifest': { point: 'ScaledUp', given: ahead, end: { ...WELL, ready: 'AwaitingManifest', replicas: 0 } },
  'rolling-migrating': { point: 'MigrateRuns', given: rolling, end: WELL },
  'rolling-restarted': { point: 'Restarted', given: rolling, end: WELL },
  settling: { point: 'SettleRuns', end: FAILED },
  'coming-back': { point: 'ComingBack', end: FAILED },
  failed: { point: 'RestingFailed', end: FAILED },
};

interface Saved {
  readonly spec: Tree;
  readonly generation: number;
  readonly now: string;
  readonly status: MigrationStatus;
  readonly database: DatabaseModel;
  readonly finalizer: 'Present' | 'Absent';
  readonly jobsMade: number;
  readonly jobs: readonly PlayedJob[];
  readonly workloads: Readonly<Record<string, MutableWorkload>>;
  readonly backups: readonly BackupView[];
  readonly sources: readonly SourceView[];
}

export function save({ point, given = {} }: Story): Saved {
  const { spec, generation, now, status, database, cluster } = playTo(point, given);
  const saved: Saved = {
    spec,
    generation,
    now,
    status,
    database,
    finalizer: cluster.finalizer,
    jobsMade: cluster.made,
    jobs: [...cluster.jobs.values()],
    workloads: Object.fromEntries(cluster.workloads),
    backups: [...cluster.backups.values()],
    sources: [...cluster.sources.values()],
  };
  return JSON.parse(JSON.stringify(saved));
}

export function takeUp(saved: Saved): Play {
  const rest = structuredClone(saved);
  const play = new Play();
  play.spec = rest.spec;
  play.generation = rest.generation;
  play.nowMs = Date.parse(rest.now);
  play.status = rest.status;
  Object.assign(play.database, rest.database);
  play.cluster.finalizer = rest.finalizer;
  play.cluster.made = rest.jobsMade;
  for (const job of rest.jobs) play.cluster.jobs.set(job.view.name, job);
  for (const [key, workload] of Object.entries(rest.workloads)) play.cluster.workloads.set(key, workload);
  for (const backup of rest.backups) play.cluster.backups.set(backup.name, backup);
  for (const source of rest.sources) play.cluster.sources.set(source.name, source);
  return play;
}

/** From now on all goes well, but a migration of a story that fails; plays until nothing changes any more. */
export function playOut(play: Play): void {
  for (let count = 0; count < 100; count += 1) {
    const before = JSON.stringify(play.world());
    play.cluster.settleWorkloads();
    for (const job of [...play.cluster.jobs.values()]) goOn(play, job);
    for (const [name, backup] of play.cluster.backups)
      if (backup.status.digest === undefined)
        play.cluster.backups.set(name, { ...backup, status: completeBackup(play.now) });
    play.pass();
    if (JSON.stringify(play.world()) === before) return;
    play.later(3);
  }
  throw new Error(`it does not come to rest at ${play.status.conditions?.[0]?.reason}`);
}

function goOn(play: Play, job: PlayedJob): void {
  const container = job.view.pods[0]?.container;
  if (container === 'Waiting') play.jobRuns(job);
  else if (container !== 'Running') return;
  else if (isBad(play, job)) play.jobAnswers(job, { exitCode: 20, error: MIGRATION_ERROR });
  else play.jobAnswers(job);
}

/** A run that has failed before fails again in the same way. */
function isBad(play: Play, job: PlayedJob): boolean {
  return job.request.step === 'migrate' && play.status.run?.failure !== undefined;
}
