// Scenes of a DatabaseBackup: the same words as for a DatabaseMigration where they mean the same, and a play of its own.
//
//   change: what is there at the first pass (see CHANGES)
//   then:   further changes, each followed by a pass of its own
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { type BackupStatus, parseBackupSpec } from '../../src/api/parse.ts';
import { type BackupDecision, decideBackup } from '../../src/operator/backup/decide.ts';
import type { BackupWorld } from '../../src/operator/backup/world.ts';
import { type Answer, answerTo } from './answers.ts';
import { applyJobChange, expectWords, type JobChange } from './builder.ts';
import { Cluster, endJob, runJob } from './cluster.ts';
import { isTree, overlay, type Tree } from './merge.ts';

export interface BackupPass {
  readonly world: BackupWorld;
  readonly decision: BackupDecision;
}

const SPEC: Tree = {
  run: { migration: 'truledgr', uid: 'uid-of-truledgr', id: 2, attempt: 3 },
  database: { urlSecretRef: { name: 'truledgr-database', key: 'url' }, ledgerSchema: 'migrate' },
  storage: { volumeClaim: { name: 'truledgr-backups' } },
  sessionCheck: { appRoles: ['truledgr_app'], drainSeconds: 60 },
  job: { startDeadlineSeconds: 120 },
  deadline: '2026-11-22T11:15:00Z',
};

class BackupPlay {
  readonly cluster = new Cluster();
  spec = SPEC;
  status: BackupStatus = { observedGeneration: -1 };
  asked: BackupWorld['asked'] = 'Asked';
  refusals: BackupWorld['refusals'] = [];
  nowMs = Date.parse('2026-11-22T11:00:00Z');

  pass(): BackupPass {
    const now = new Date(this.nowMs).toISOString().replace('.000Z', 'Z');
    const [name, uid] = ['truledgr-b14d33afd7', 'uid-of-the-backup'];
    const { asked, status } = this;
    const spec = parseBackupSpec(this.spec);
    const owner = '00000000000000aa';
    const jobs = this.cluster.jobViews();
    const { refusals } = this;
    const world = structuredClone({
      now,
      namespace: 'shop',
      name,
      uid,
      generation: 1,
      spec,
      status,
      owner,
      asked,
      jobs,
      refusals,
    });
    const decision = decideBackup(world);
    this.status = structuredClone(decision.status);
    for (const action of decision.actions) this.cluster.do(action, now, uid);
    return { world, decision };
  }

  changeJob(change: JobChange): void {
    const job = this.cluster.jobOf('backup');
    if (job === undefined) throw new Error('there is no Job yet');
    const ends = (how: { exitCode: number; reason: string }, message: string): void => endJob(job, how, message);
    applyJobChange(change, job, {
      gone: () => this.cluster.jobs.delete(job.view.name),
      runs: () => runJob(job),
      answers: (answer: Answer) => {
        const database = { version: null, progressRows: 0, epochRunId: null, epochAttempt: 0, epochVersion: null };
        const result = answerTo(job.request.input, database, answer);
        const { exitCode } = result;
        ends({ exitCode, reason: exitCode === 0 ? 'Completed' : 'Error' }, JSON.stringify(result));
      },
      ends,
    });
  }
}

const CHANGES: Readonly<Record<string, (play: BackupPlay, value: never) => void>> = {
  after: (play, seconds: number) => {
    play.nowMs += seconds * 1000;
  },
  asked: (play, asked: BackupWorld['asked']) => {
    play.asked = asked;
  },
  refused: (
    play,
    {
      act = 'CreateJob',
      message,
      why = 'Refused',
      seconds = 0,
    }: { act?: string; message: string; why?: string; seconds?: number },
  ) => {
    play.refusals = [
      {
        act: `${act} ${play.status.steps?.[0]?.job?.name}`,
        why: why === 'NameTaken' ? 'NameTaken' : 'Refused',
        message,
        since: new Date(play.nowMs - seconds * 1000).toISOString().replace('.000Z', 'Z'),
      },
    ];
  },
  spec: (play, change: Tree) => {
    play.spec = overlay(play.spec, change) as Tree;
  },
  job: (play, change: JobChange) => play.changeJob(change),
};

export function readBackupPasses(file: string): readonly BackupPass[] {
  const scene: Tree = parse(readFileSync(file, 'utf8')) ?? {};
  expectWords(scene, ['change', 'then'], file);
  const play = new BackupPlay();
  return [scene.change ?? {}, ...((scene.then as readonly unknown[] | undefined) ?? [])].map((change, index) => {
    if (!isTree(change)) throw new Error(`${file}: change ${index} is not a map`);
    expectWords(change, Object.keys(CHANGES), file);
    if (index > 0 && change.after === undefined) play.nowMs += 1000;
    for (const [word, happens] of Object.entries(CHANGES)) {
      if (change[word] !== undefined) happens(play, change[word] as never);
    }
    return play.pass();
  });
}
