// A table that another session holds: the blocker is named, the attempt is repeated, and it has a limit.
import assert from 'node:assert/strict';
import { migration } from '../../control/objects.ts';
import type { Scenario, Scene } from '../scene.ts';
import { holdOpen } from '../session.ts';

const INSTALLED = { migrations: migration('001_accounts'), strategy: 'None' } as const;
const ALTERED = { ...INSTALLED.migrations, ...migration('002_names', 'ALTER TABLE accounts ADD COLUMN name text;') };
const IMPATIENT = { lockTimeoutMilliseconds: 400, lockRetrySeconds: 1 };
const LONG_QUERY = 'SELECT count(*) AS every_account_that_was_ever_opened_in_this_shop_and_not_closed FROM accounts';

/** What names a blocker: its pid, user and application, since when, and its query cut short. */
const BLOCKER = [/pid \d+/, /role owner/, /monthly-report/, /since 20\d\d-/, /SELECT count/, /…/];

/** The server locks a table to print its constraints, as a snapshot of the schema does. */
const CHECKED = migration('001_accounts', 'ALTER TABLE accounts ADD CHECK (id > 0);');
const HOLDER = [/Reading the schema/, /pid \d+/, /role owner/, /nightly-rewrite/, /End that session\.$/];

async function installWithBlocker(scene: Scene) {
  await scene.install();
  await scene.apply(INSTALLED);
  await scene.startOperator();
  await scene.endsWell('001_accounts');
  // As the owner, whose sessions are not the app's, and whose query the migration may see.
  const report = await holdOpen(scene.database.url, 'monthly-report', LONG_QUERY);
  scene.afterwards(() => report.letGo());
  return report;
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'lock-held',
    title: 'names the session that holds a table, tries again, and goes on when it lets go',
    async run(scene) {
      const report = await installWithBlocker(scene);
      await scene.apply({ migrations: ALTERED, strategy: 'Recreate' }, { execution: IMPATIENT });
      const message = await scene.reads({
        reason: 'LockTimeout',
        outlook: 'Reconciling',
        says: [...BLOCKER, /Trying again at/],
      });
      assert.ok(message.length < 1_500, `the query is cut short: ${message}`);
      await report.letGo();
      await scene.endsWell('002_names');
      assert.deepEqual(await scene.applied(), ['001_accounts', '002_names']);
    },
  },
  {
    name: 'lock-kept',
    title: 'gives up on a lock after maxStoppedSeconds, with the database as it was and the app running',
    async run(scene) {
      await installWithBlocker(scene);
      await scene.apply(
        { migrations: ALTERED, strategy: 'Rolling' },
        { execution: IMPATIENT, rollout: { maxStoppedSeconds: 30 } },
      );
      await scene.reads({
        reason: 'LockTimeout',
        outlook: 'Stalled',
        says: [...BLOCKER, /The database is unchanged, at 001_accounts/, /The app was not stopped/],
      });
      await scene.appRuns();
      assert.deepEqual(await scene.applied(), ['001_accounts']);
    },
  },
  {
    name: 'lock-under-settle',
    title:
      'names the session that keeps the database from answering what was done; the app stays down until it lets go',
    async run(scene) {
      const locked = Promise.withResolvers<void>();
      scene.befall(({ step, nth }) => {
        if (step === 'migrate') return { is: 'Crashes', after: 'Work' };
        return step === 'settle' && nth === 1 ? { is: 'NeverStarts', until: locked.promise } : undefined;
      });
      await scene.install();
      await scene.apply({ migrations: CHECKED, strategy: 'Recreate' }, { backup: { policy: 'Never', storage: null } });
      await scene.startOperator();
      await scene.until('the database is to be asked', async () => (await scene.jobs('settle')).length > 0);
      const lock = await holdOpen(
        scene.database.url,
        'nightly-rewrite',
        'LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE',
      );
      scene.afterwards(() => lock.letGo());
      locked.resolve();
      await scene.reads({
        reason: 'Settling',
        outlook: 'Reconciling',
        says: [/Segmentation fault/, /until it has answered, the app stays stopped/, /asked again/, ...HOLDER],
      });
      await scene.reads({ type: 'Migrated', reason: 'Settling', says: HOLDER });
      assert.equal((await scene.deployment()).spec?.replicas, 0, 'nobody knows yet what the app would meet');
      await lock.letGo();
      await scene.endsWell('001_accounts');
      assert.deepEqual(await scene.applied(), ['001_accounts']);
    },
  },
];
