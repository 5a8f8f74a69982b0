// A table that another session holds: the blocker is named, the attempt is repeated, and it has a limit.
import assert from 'node:assert/strict';
import { migration } from '../../control/objects.ts';
import type { Scenario, Scene } from '../scene.ts';
import { holdOpen } from '../session.ts';

const INSTALLED = { migrations: migration('001_accounts'), strategy: 'None' } as const;
const ALTERED = { ...INSTALLED.migrations, ...migration('002_names', 'ALTER TABLE accounts ADD COLUMN name text;') };
const IMPATIENT = { lockTimeoutMilliseconds: 200, lockRetrySeconds: 1 };
const LONG_QUERY = 'SELECT count(*) AS every_account_that_was_ever_opened_in_this_shop_and_not_closed FROM accounts';

/** What names a blocker: its pid, user and application, since when, and its query cut short. */
const BLOCKER = [/pid \d+/, /role owner/, /monthly-report/, /since 20\d\d-/, /SELECT count/, /…/];

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
];
