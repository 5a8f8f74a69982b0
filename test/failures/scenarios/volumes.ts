// The backup volume when it is full, and what is left of a plan that nobody wants any more.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { CLAIM, migration } from '../../control/objects.ts';
import type { Scenario } from '../scene.ts';

const RELEASE = { migrations: migration('001_accounts'), strategy: 'Recreate' } as const;
/** Rows that do not compress: about 4 MiB. */
const NOISE = `INSERT INTO noise SELECT decode(string_agg(md5(random()::text), ''), 'hex')
  FROM generate_series(1, 262144) AS i GROUP BY i % 64;`;

export const scenarios: readonly Scenario[] = [
  {
    name: 'volume-full',
    title: 'a full backup volume migrates nothing; it says how much was free, and the app comes back',
    needs: 'Root',
    async run(scene) {
      const directory = scene.world.player.volumeOf(scene.name, CLAIM);
      mkdirSync(directory, { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
      scene.afterwards(() => execFileSync('umount', [directory]));
      await scene.install();
      const noise = migration('001_accounts', `CREATE TABLE noise (bytes bytea);\n${NOISE}`);
      await scene.apply({ migrations: noise, strategy: 'None' });
      await scene.startOperator();
      await scene.endsWell('001_accounts');
      await scene.apply({ ...RELEASE, migrations: { ...noise, ...migration('002_groups') } });
      await scene.reads({
        reason: 'BackupVolumeFull',
        outlook: 'Stalled',
        says: [
          /1\.0 MiB of 1\.0 MiB were free/,
          /the database takes \d+\.\d MiB/,
          /Enlarge the volume/,
          /The app runs again/,
        ],
      });
      await scene.appRuns();
      assert.deepEqual(await scene.applied(), ['001_accounts']);
    },
  },
  {
    name: 'plan-superseded',
    title: 'the Job of a plan that was edited away before its Pod could start is deleted, not left to its deadline',
    async run(scene) {
      scene.befall(({ step, nth }) => (step === 'plan' && nth === 1 ? { is: 'Unschedulable' } : undefined));
      await scene.install();
      await scene.apply(RELEASE);
      await scene.startOperator();
      await scene.reads({ reason: 'WaitingForNode', outlook: 'Reconciling', says: [/Nothing is stopped/] });
      const [stuck] = await scene.jobs('plan');
      await scene.edit({ rollout: { drainSeconds: 6 } });
      await scene.endsWell('001_accounts');
      const left = (await scene.jobs('plan')).map(job => job.metadata?.uid);
      assert.ok(!left.includes(stuck?.metadata?.uid), 'the Job of the first plan is gone');
    },
  },
];
