// Jobs whose Pods do not start, die, or fall silent with their node.
import assert from 'node:assert/strict';
import { migration } from '../../control/objects.ts';
import type { Scenario, Scene } from '../scene.ts';
import { holdOpen } from '../session.ts';

const RELEASE = { migrations: migration('001_accounts'), strategy: 'Recreate' } as const;
const NO_BACKUP = { backup: { policy: 'Never', storage: null } };
const GATE = 4711;

async function release(scene: Scene, change: object = {}): Promise<void> {
  await scene.install();
  await scene.apply(RELEASE, change);
  await scene.startOperator();
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'image-before-stop',
    title: 'an image that cannot be pulled stops nothing, and the run goes on when it can',
    async run(scene) {
      const mended = Promise.withResolvers<void>();
      scene.befall(({ step }) => (step === 'plan' ? { is: 'ImagePullFails', until: mended.promise } : undefined));
      await release(scene);
      await scene.reads({
        reason: 'WaitingForImage',
        outlook: 'Reconciling',
        says: [/Back-off pulling image "runner:played"/, /Nothing is stopped/],
      });
      await scene.appRuns();
      mended.resolve();
      await scene.endsWell('001_accounts');
    },
  },
  {
    name: 'unschedulable-before-stop',
    title: 'a Pod that no node takes stops nothing; its Job is replaced at its deadline, and goes on when one does',
    async run(scene) {
      scene.befall(({ step, nth }) => (step === 'plan' && nth === 1 ? { is: 'Unschedulable' } : undefined));
      await release(scene, { job: { startDeadlineSeconds: 10 } });
      await scene.reads({
        reason: 'WaitingForNode',
        outlook: 'Reconciling',
        says: [/3 Insufficient memory/, /Nothing is stopped/],
      });
      await scene.appRuns();
      await scene.endsWell('001_accounts');
    },
  },
  {
    name: 'image-after-stop',
    title: 'an image that cannot be pulled any more after the stop brings the app back at the start deadline',
    async run(scene) {
      scene.befall(({ step }) => (step === 'backup' ? { is: 'ImagePullFails' } : undefined));
      await release(scene, { job: { startDeadlineSeconds: 10 } });
      await scene.reads({
        reason: 'PodNotStarted',
        outlook: 'Stalled',
        says: [/did not start in 10 s/, /Back-off pulling image/, /The database was not touched/, /The app runs again/],
      });
      await scene.appRuns();
      assert.deepEqual(await scene.applied(), []);
    },
  },
  {
    name: 'unschedulable-after-stop',
    title: 'a Pod that no node takes after the stop brings the app back at the start deadline; a retry goes on',
    async run(scene) {
      scene.befall(({ step, nth }) => (step === 'migrate' && nth === 1 ? { is: 'Unschedulable' } : undefined));
      await release(scene, { ...NO_BACKUP, job: { startDeadlineSeconds: 10 } });
      await scene.reads({
        reason: 'PodNotStarted',
        outlook: 'Stalled',
        says: [/did not start in 10 s/, /3 Insufficient memory/, /The database is unchanged/, /The app runs again/],
      });
      await scene.appRuns();
      await scene.retry('again');
      await scene.endsWell('001_accounts');
    },
  },
  {
    name: 'memory-of-the-plan',
    title: 'a plan that runs out of memory names the limit to raise, and runs again when that is raised',
    async run(scene) {
      scene.befall(({ step, nth }) => (step === 'plan' && nth === 1 ? { is: 'OutOfMemory' } : undefined));
      await release(scene, NO_BACKUP);
      await scene.reads({
        reason: 'OutOfMemory',
        outlook: 'Stalled',
        says: [/spec\.job\.resources\.limits\.memory/, /The app was not touched/],
      });
      await scene.edit({ job: { resources: { limits: { memory: '512Mi' } } } });
      await scene.endsWell('001_accounts');
    },
  },
  {
    name: 'memory-of-the-backup',
    title: 'a backup that runs out of memory migrates nothing, and the app comes back',
    async run(scene) {
      scene.befall(({ step }) => (step === 'backup' ? { is: 'OutOfMemory' } : undefined));
      await release(scene);
      await scene.reads({
        reason: 'OutOfMemory',
        outlook: 'Stalled',
        says: [/No backup, so nothing was migrated/, /spec\.job\.resources\.limits\.memory/, /The app runs again/],
      });
      await scene.appRuns();
      assert.deepEqual(await scene.jobs('migrate'), []);
    },
  },
  {
    name: 'memory-of-the-migration',
    title: 'a migration that runs out of memory is settled, the app comes back, and it runs again with more',
    async run(scene) {
      scene.befall(({ step, nth }) => (step === 'migrate' && nth === 1 ? { is: 'OutOfMemory' } : undefined));
      await release(scene, NO_BACKUP);
      await scene.reads({
        reason: 'OutOfMemory',
        outlook: 'Stalled',
        says: [/spec\.job\.resources\.limits\.memory/, /The database is unchanged/, /The app runs again/],
      });
      await scene.appRuns();
      assert.equal((await scene.jobs('settle')).length, 1);
      await scene.edit({ job: { resources: { limits: { memory: '512Mi' } } } });
      await scene.endsWell('001_accounts');
    },
  },
  {
    name: 'evicted',
    title: 'evicted Pods of every Job cost an attempt each, and an answer that an eviction swallowed is in the ledger',
    async run(scene) {
      scene.befall(({ step, nth }) =>
        nth > 1 || step === 'app' ? undefined : { is: 'Evicted', after: step === 'migrate' ? 'Work' : 'Start' },
      );
      await release(scene);
      await scene.reads({ reason: 'Planning', says: [/Evicted/, /The node was low on resource: memory/] });
      await scene.endsWell('001_accounts');
      assert.deepEqual(await scene.applied(), ['001_accounts']);
      assert.equal((await scene.jobs('migrate')).length, 1, 'the ledger had the answer');
    },
  },
  {
    name: 'crashes',
    title: 'a migration that crashes three times without progress is given up, with its last lines',
    async run(scene) {
      scene.befall(({ step }) => (step === 'migrate' ? { is: 'Crashes' } : undefined));
      await release(scene, NO_BACKUP);
      await scene.reads({
        reason: 'JobCrashed',
        outlook: 'Stalled',
        says: [/exit code 139/, /Segmentation fault/, /The database is unchanged/, /The app runs again/],
      });
      await scene.appRuns();
      assert.equal((await scene.jobs('migrate')).length, 3);
    },
  },
  {
    name: 'node-lost',
    title: 'a node that falls silent under a migration: the next attempt fences, and the frozen one cannot commit',
    async run(scene) {
      const lost = Promise.withResolvers<void>();
      scene.befall(({ step, nth }) =>
        step === 'migrate' && nth === 1 ? { is: 'NodeLost', when: lost.promise, secondsAgo: 57 } : undefined,
      );
      const gate = await holdOpen(scene.database.url, 'gate', `SELECT pg_advisory_lock(${GATE})`);
      scene.afterwards(() => gate.letGo());
      await scene.install();
      const gated = migration('001_accounts', `SELECT pg_advisory_xact_lock(${GATE});`);
      await scene.apply({ migrations: gated, strategy: 'Recreate' }, NO_BACKUP);
      await scene.startOperator();
      const [frozen] = await scene.until('the migration waits at the gate', () => waitingAt(scene));
      lost.resolve();
      await scene.reads({
        reason: 'Migrating',
        says: [/the node of its Pod shop-migrate-\S+ does not answer/, /safe to go on/],
      });
      await scene.until('the next attempt waits at the gate', async () => {
        const waiting = await waitingAt(scene);
        return waiting !== undefined && !waiting.includes(frozen ?? '');
      });
      await gate.letGo();
      await scene.endsWell('001_accounts');
      assert.deepEqual(await scene.applied(), ['001_accounts']);
    },
  },
];

/** Pids of the sessions that wait for the gate. */
async function waitingAt(scene: Scene): Promise<readonly string[] | undefined> {
  const rows = await scene.database.query(
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
  );
  return rows.length === 0 ? undefined : rows.map(row => String(row.pid));
}
