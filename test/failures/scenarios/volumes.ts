// The backup volume: full, or wanted by two runs at once.
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
];
