// The database goes away, and comes back or not: before anything was stopped, after it, and in mid-migration.
import assert from 'node:assert/strict';
import { migration } from '../../control/objects.ts';
import { startPostgres } from '../../postgres.ts';
import { type Line, openLine } from '../line.ts';
import type { Scenario, Scene } from '../scene.ts';
import { holdOpen } from '../session.ts';

const RELEASE = { migrations: migration('001_accounts'), strategy: 'Recreate' } as const;
const NO_BACKUP = { backup: { policy: 'Never', storage: null } };

async function installBehindLine(scene: Scene): Promise<Line> {
  const line = await openLine(scene.database.url);
  scene.afterwards(() => line.close());
  await scene.install({ replicas: 2 }, line.url);
  return line;
}

/** The line is cut when the first Pod of this step comes. */
function cutAt(scene: Scene, line: Line, wanted: string): void {
  scene.befall(({ step, nth }) => {
    if (step === wanted && nth === 1) line.cut();
    return undefined;
  });
}

const GATE = 4711;

/** Waits at the gate in mid-transaction, after it has written. */
const GATED = {
  migrations: migration('001_accounts', `SELECT pg_advisory_xact_lock(${GATE});`),
  strategy: 'Recreate',
} as const;

export const scenarios: readonly Scenario[] = [
  {
    name: 'postgres-killed',
    title: 'PostgreSQL killed in mid-migration: the next attempt fences, reads what is true, and goes on from there',
    async run(scene) {
      const postgres = await startPostgres();
      scene.afterwards(() => postgres.stop());
      await postgres.createDatabase('shop');
      await scene.install({ replicas: 2 }, postgres.url('owner', 'shop'));
      const gate = await holdOpen(postgres.url('owner', 'shop'), 'gate', `SELECT pg_advisory_lock(${GATE})`);
      scene.afterwards(() => gate.letGo());
      await scene.apply(GATED, NO_BACKUP);
      await scene.startOperator();
      const waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
      await scene.until('the migration waits at the gate', () => postgres.psql(waiting, 'shop') === '1');
      await postgres.kill();
      await scene.reads({
        reason: 'DatabaseUnreachable',
        outlook: 'Reconciling',
        says: [/127\.0\.0\.1/, /Trying again at/],
      });
      await postgres.restart();
      await scene.endsWell('001_accounts');
      assert.equal(postgres.psql('SELECT count(*) FROM witness', 'shop'), '1', 'applied once');
      assert.equal(postgres.psql("SELECT count(*) FROM migrate.audit WHERE event = 'applied'", 'shop'), '1');
    },
  },
  {
    name: 'away-before-stop',
    title: 'a database that is away before anything was stopped is waited for, and nothing is stopped',
    async run(scene) {
      const line = await installBehindLine(scene);
      line.cut();
      await scene.apply(RELEASE);
      await scene.startOperator();
      await scene.reads({
        reason: 'DatabaseUnreachable',
        outlook: 'Reconciling',
        says: [/127\.0\.0\.1/, /Nothing is stopped/, /Trying again at/],
      });
      await scene.appRuns();
      line.mend();
      await scene.endsWell('001_accounts');
    },
  },
  {
    name: 'away-during-backup',
    title: 'a database that goes away under the backup and comes back in time costs an attempt',
    async run(scene) {
      const line = await installBehindLine(scene);
      cutAt(scene, line, 'backup');
      await scene.apply(RELEASE);
      await scene.startOperator();
      await scene.reads({
        reason: 'DatabaseUnreachable',
        outlook: 'Reconciling',
        says: [/127\.0\.0\.1/, /Trying again at/],
      });
      line.mend();
      await scene.endsWell('001_accounts');
    },
  },
  {
    name: 'away-after-stop',
    title: 'a database that stays away after the stop keeps the app down for maxStoppedSeconds and no longer',
    async run(scene) {
      const line = await installBehindLine(scene);
      cutAt(scene, line, 'migrate');
      await scene.apply(RELEASE, { ...NO_BACKUP, rollout: { maxStoppedSeconds: 30 } });
      await scene.startOperator();
      await scene.reads({
        reason: 'DatabaseUnreachable',
        outlook: 'Reconciling',
        says: [/127\.0\.0\.1/, /Trying again at/],
      });
      await scene.reads({
        reason: 'StoppedTooLong',
        outlook: 'Stalled',
        says: [
          /30 s/,
          /maxStoppedSeconds/,
          /127\.0\.0\.1/,
          /The database was not touched/,
          /The app runs again: Deployment shop with 2/,
        ],
      });
      await scene.appRuns();
      assert.deepEqual(await scene.jobs('settle'), [], 'no attempt had begun, so there was nothing to settle');
      line.mend();
      await scene.retry('again');
      await scene.endsWell('001_accounts');
    },
  },
];
