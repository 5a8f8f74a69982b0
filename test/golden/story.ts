// The story that the golden files are scenes of: an application at 005_auth_tables is released with 006_ledger_tables.
// Each point is the world just before a pass; the story is played up to it, so that what a scene begins with is what the
// operator itself would have written. A point that a strategy does not have is an error.
import { completeBackup } from './answers.ts';
import { newWorkload, type PlayedJob } from './cluster.ts';
import type { Tree } from './merge.ts';
import { Play } from './play.ts';

export interface Given {
  /** Laid over the spec from the beginning. */
  readonly spec?: Tree;
  /** Laid over the workload truledgr-api, which stands at 3. */
  readonly workload?: Tree;
  /** What the release changes; `{target: 006_ledger_tables}` when not given. */
  readonly release?: Tree;
}

interface Scene {
  readonly point: string;
  readonly happens: (play: Play) => void;
  /** Left out where this says no. */
  readonly when?: (play: Play) => boolean;
}

function job(play: Play, step: PlayedJob['request']['step']): PlayedJob {
  const found = play.cluster.jobOf(step);
  if (found === undefined) throw new Error(`there is no Job of the step ${step}`);
  return found;
}

const nothing = (): void => {};
const isRecreate = (play: Play): boolean => (play.spec.rollout as Tree).strategy === 'Recreate';
const isRolling = (play: Play): boolean => (play.spec.rollout as Tree).strategy === 'Rolling';
const hasBackup = (play: Play): boolean => (play.spec.backup as Tree).policy !== 'Never';

const UNTIL_MIGRATION: readonly Scene[] = [
  { point: 'PlanStarting', happens: nothing },
  { point: 'PlanRuns', happens: play => play.jobRuns(job(play, 'plan')) },
  { point: 'PlanAnswered', happens: play => play.jobAnswers(job(play, 'plan')) },
  { point: 'AboutToCommit', happens: nothing },
  { point: 'Marked', happens: nothing, when: isRecreate },
  { point: 'Scaled', happens: nothing, when: isRecreate },
  { point: 'Stopped', happens: play => play.cluster.settleWorkloads(), when: isRecreate },
  { point: 'BackingUp', happens: nothing, when: hasBackup },
  { point: 'BackedUp', happens: finishBackup, when: hasBackup },
  { point: 'MigrateStarting', happens: nothing },
  { point: 'MigrateRuns', happens: play => play.jobRuns(job(play, 'migrate')) },
];

const SUCCEEDING: readonly Scene[] = [
  ...UNTIL_MIGRATION,
  { point: 'MigrateAnswered', happens: play => play.jobAnswers(job(play, 'migrate')) },
  { point: 'ScaledUp', happens: nothing, when: isRecreate },
  { point: 'StartingUp', happens: nothing, when: isRecreate },
  { point: 'Restarted', happens: nothing, when: isRolling },
  { point: 'Up', happens: play => play.cluster.settleWorkloads() },
  { point: 'ValidateStarting', happens: nothing },
  { point: 'ValidateRuns', happens: play => play.jobRuns(job(play, 'validate')) },
  { point: 'ValidateAnswered', happens: play => play.jobAnswers(job(play, 'validate')) },
  { point: 'Succeeded', happens: nothing },
  { point: 'Resting', happens: nothing },
];

export const MIGRATION_ERROR = {
  code: 'MigrationFailed',
  message: '006_ledger_tables.up.sql, statement 3 (line 14) failed: column "account" does not exist (SQLSTATE 42703).',
  migration: '006_ledger_tables',
  statement: 3,
  sqlstate: '42703',
  line: 14,
};

const FAILING: readonly Scene[] = [
  ...UNTIL_MIGRATION,
  {
    point: 'MigrateFailed',
    happens: play => play.jobAnswers(job(play, 'migrate'), { exitCode: 20, error: MIGRATION_ERROR }),
  },
  { point: 'SettleStarting', happens: nothing },
  { point: 'SettleRuns', happens: play => play.jobRuns(job(play, 'settle')) },
  { point: 'SettleAnswered', happens: play => play.jobAnswers(job(play, 'settle')) },
  { point: 'ComingBack', happens: nothing, when: isRecreate },
  { point: 'BackUp', happens: play => play.cluster.settleWorkloads(), when: isRecreate },
  { point: 'Failed', happens: nothing },
  { point: 'RestingFailed', happens: nothing },
];

function finishBackup(play: Play): void {
  const name = play.status.run?.backup?.name ?? '';
  const backup = play.cluster.backups.get(name);
  if (backup !== undefined) play.cluster.backups.set(name, { ...backup, status: completeBackup(play.now) });
}

/** The world before the first pass: an empty database, nothing in status. */
export function beginning(given: Given): Play {
  const play = new Play(given.spec);
  const name = 'truledgr-api';
  play.cluster.workloads.set(`Deployment/${name}`, { ...newWorkload(name, 3), ...given.workload });
  play.cluster.sources.set('truledgr-migrations-7h2k9c', {
    name: 'truledgr-migrations-7h2k9c',
    found: { uid: 'uid-of-the-configmap', resourceVersion: '50' },
  });
  return play;
}

/** An application that runs on 005_auth_tables; observed once, so that status says so. */
export function installed(given: Given): Play {
  const play = beginning(given);
  play.database.version = '005_auth_tables';
  play.pass();
  play.jobAnswers(job(play, 'plan'));
  play.pass();
  play.later(3600);
  return play;
}

/** The story up to a point. */
export function playTo(point: string, given: Given): Play {
  if (point === 'New') return beginning(given);
  const play = installed(given);
  if (point === 'Installed') return play;
  play.edit(given.release ?? { target: '006_ledger_tables' });
  if (point === 'Released') return play;
  const scenes = SUCCEEDING.some(scene => scene.point === point) ? SUCCEEDING : FAILING;
  play.pass();
  for (const scene of scenes) {
    if (scene.when?.(play) === false) continue;
    play.later(5);
    scene.happens(play);
    if (scene.point === point) return play;
    play.pass();
  }
  throw new Error(`the story has no point ${point} with this strategy`);
}
