// What people do to the spec, the source and the annotations, before a run, in the middle of it and after it failed.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONFIG_MAPS } from '../../../src/kubernetes/resources.ts';
import { MIGRATIONS } from '../../../src/operator/sources.ts';
import { APP, configMapOf, migration } from '../../control/objects.ts';
import type { Scenario, Scene } from '../scene.ts';

const ONE = { migrations: migration('001_accounts'), strategy: 'Recreate' } as const;
const TWO = { ...ONE, migrations: { ...ONE.migrations, ...migration('002_groups') } };
const THREE = { ...ONE, migrations: { ...TWO.migrations, ...migration('003_auth') } };
const BAD = {
  ...ONE,
  migrations: { ...ONE.migrations, ...migration('002_groups', 'INSERT INTO no_such_table VALUES (1);') },
};

/** Pods of a step do not start before `release` is called. */
function held(scene: Scene, step: string): { release(): void } {
  const released = Promise.withResolvers<void>();
  scene.befall(pod => (pod.step === step ? { is: 'NeverStarts', until: released.promise } : undefined));
  return { release: released.resolve };
}

async function asked(scene: Scene, step: string, count = 1): Promise<void> {
  await scene.until(`${count} Jobs of the step ${step} are there`, async () => {
    return (await scene.jobs(step)).length >= count;
  });
}

/** The operator has seen the spec as it is now, and said so; then it has had time for what it must not do. */
async function leftAlone(scene: Scene): Promise<void> {
  await scene.until('the spec as it is now was looked at', async () => {
    const { metadata, status } = await scene.migration();
    return status?.observedGeneration === metadata?.generation && status?.run?.outcome !== undefined;
  });
  await sleep(1_000);
}

/** Puts other content under the name of a ConfigMap. */
async function replaceSource(scene: Scene, named: typeof ONE, content: typeof ONE): Promise<void> {
  const { data } = configMapOf(content);
  await scene.world.api.patch(CONFIG_MAPS, scene.name, configMapOf(named).metadata.name, { data });
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'edited-applied-file',
    title: 'a file that was changed after it was applied is named with the remedy, and nothing is stopped',
    async run(scene) {
      await scene.install();
      await scene.apply({ ...ONE, strategy: 'None' });
      await scene.startOperator();
      await scene.endsWell('001_accounts');
      const changed = { ...TWO.migrations, ...migration('001_accounts', '-- a comment more') };
      await scene.apply({ ...ONE, migrations: changed });
      await scene.reads({
        reason: 'FileChanged',
        outlook: 'Stalled',
        says: [
          /001_accounts\.up\.sql was changed after it was applied/,
          /Put the old text back and write the change as a new migration/,
          /The app was not touched/,
        ],
      });
      await scene.appRuns();
      await scene.apply(TWO);
      await scene.endsWell('002_groups');
    },
  },
  {
    name: 'edited-before-commit',
    title: 'a spec that is edited before the commit replaces the run',
    async run(scene) {
      const { release } = held(scene, 'plan');
      await scene.install();
      await scene.apply(BAD);
      await scene.startOperator();
      await asked(scene, 'plan');
      await scene.apply(TWO);
      // The Job of the first plan, whose Pod never started, may be deleted before the second is there.
      await scene.until('the second run plans', async () => (await scene.migration()).status?.run?.id === 2);
      release();
      await scene.endsWell('002_groups');
      const { status } = await scene.migration();
      assert.equal(status?.run?.id, 2);
      assert.equal(status?.history?.length, 1, 'of the first run nothing is told: nothing of it was done');
    },
  },
  {
    name: 'edited-after-commit',
    title: 'a spec that is edited in a committed run is queued behind it, and its limits count at once',
    async run(scene) {
      const { release } = held(scene, 'backup');
      await scene.install();
      await scene.apply(TWO);
      await scene.startOperator();
      await asked(scene, 'backup');
      const before = (await scene.migration()).status?.observedGeneration;
      await scene.apply(THREE, { job: { labels: { team: 'shop' } } });
      await scene.reads({ type: 'Reconciling', reason: 'Queued', says: [/./] });
      assert.equal((await scene.migration()).status?.observedGeneration, before);
      release();
      await scene.endsWell('003_auth');
      const history = (await scene.migration()).status?.history ?? [];
      assert.deepEqual(
        history.map(one => [one.outcome, one.target]),
        [
          ['Succeeded', '003_auth'],
          ['Succeeded', '002_groups'],
        ],
      );
      const [first] = await scene.jobs('migrate');
      assert.equal(
        first?.spec?.template.metadata?.labels?.team,
        'shop',
        'an edit of spec.job counts from the next attempt',
      );
    },
  },
  {
    name: 'source-changed',
    title: 'a ConfigMap that changes under its name is planned afresh',
    async run(scene) {
      await scene.install();
      await scene.apply(ONE, { target: 'latest' });
      await scene.startOperator();
      await scene.endsWell('001_accounts');
      await replaceSource(scene, ONE, TWO);
      await scene.endsWell('002_groups');
      assert.deepEqual(await scene.applied(), ['001_accounts', '002_groups']);
    },
  },
  {
    name: 'source-changed-in-run',
    title:
      'a ConfigMap that changes in a committed run outdates its plan: the app comes back, and it is planned afresh',
    async run(scene) {
      const { release } = held(scene, 'backup');
      await scene.install();
      await scene.apply(ONE, { target: 'latest' });
      await scene.startOperator();
      await asked(scene, 'backup');
      await replaceSource(scene, ONE, TWO);
      release();
      await scene.endsWell('002_groups');
      const history = (await scene.migration()).status?.history ?? [];
      assert.deepEqual(
        history.map(one => one.outcome),
        ['Succeeded', 'Superseded'],
      );
      assert.match(history[1]?.message ?? '', /plan is outdated: the files' digest/);
      assert.deepEqual(await scene.applied(), ['001_accounts', '002_groups']);
    },
  },
  {
    name: 'failed-and-touched',
    title: 'a failed run that is touched does not run again; a retry token makes it run once',
    async run(scene) {
      await scene.install();
      await scene.apply({ ...ONE, strategy: 'None' });
      await scene.startOperator();
      await scene.endsWell('001_accounts');
      await scene.apply(BAD);
      const says = [/002_groups\.up\.sql/, /no_such_table/, /42P01|does not exist/, /unchanged, at 001_accounts/];
      await scene.reads({ reason: 'MigrationFailed', outlook: 'Stalled', says });
      await scene.appRuns();
      const attempts = (await scene.jobs('migrate')).length;
      await scene.edit({ suspend: true });
      await scene.reads({ reason: 'Suspended', says: [/suspend/] });
      await scene.edit({ suspend: false });
      await scene.reads({ reason: 'MigrationFailed', outlook: 'Stalled', says: [/already failed in run/, /retry/] });
      await scene.world.api.patch(MIGRATIONS, scene.name, APP, { metadata: { labels: { touched: 'yes' } } });
      await scene.edit({ target: '001_accounts' });
      await scene.reads({ reason: 'UpToDate', says: [/001_accounts/] });
      await scene.edit({ target: '002_groups' });
      await scene.reads({ reason: 'MigrationFailed', outlook: 'Stalled', says: [/already failed in run/] });
      await leftAlone(scene);
      assert.equal((await scene.jobs('migrate')).length, attempts, 'no touch makes it run');
      await scene.retry('once');
      await asked(scene, 'migrate', attempts + 1);
      await scene.reads({ reason: 'MigrationFailed', outlook: 'Stalled', says });
      await scene.retry('once');
      await scene.world.api.patch(MIGRATIONS, scene.name, APP, { metadata: { labels: { touched: 'again' } } });
      await leftAlone(scene);
      assert.equal((await scene.jobs('migrate')).length, attempts + 1, 'the same token does nothing');
      assert.deepEqual(await scene.applied(), ['001_accounts']);
    },
  },
  {
    name: 'suspended-idle',
    title: 'nothing begins while it is suspended, and it begins when it no longer is',
    async run(scene) {
      await scene.install();
      await scene.apply(ONE, { suspend: true });
      await scene.startOperator();
      await scene.reads({ reason: 'Suspended', says: [/spec\.suspend is true/, /Set it to false/] });
      await sleep(1_000);
      assert.equal((await scene.jobs('plan')).length, 0);
      assert.deepEqual(
        (await scene.migration()).status?.conditions?.filter(one => one.type !== 'Ready'),
        [],
      );
      await scene.edit({ suspend: false });
      await scene.endsWell('001_accounts');
    },
  },
  {
    name: 'suspended-while-migrating',
    title: 'suspended while its Job migrates, a run goes on to its end; then nothing new begins',
    async run(scene) {
      await scene.install();
      await scene.apply({ ...ONE, migrations: migration('001_accounts', 'SELECT pg_sleep(3);') });
      await scene.startOperator();
      await asked(scene, 'migrate');
      await scene.edit({ suspend: true });
      await scene.reads({ reason: 'Suspended', says: [/spec\.suspend is true/] });
      await scene.appRuns();
      assert.deepEqual(await scene.applied(), ['001_accounts']);
      const { status } = await scene.migration();
      assert.equal(status?.run?.outcome, 'Succeeded');
      await scene.reads({ type: 'Validated', reason: 'Passed', says: [/health/] });
    },
  },
  {
    name: 'suspended-before-migrate',
    title: 'suspended before it migrates, a committed run makes no new attempt and says when the app comes back',
    async run(scene) {
      const { release } = held(scene, 'backup');
      await scene.install();
      await scene.apply(ONE);
      await scene.startOperator();
      await asked(scene, 'backup');
      await scene.edit({ suspend: true });
      release();
      await scene.reads({
        reason: 'Suspended',
        outlook: 'Reconciling',
        says: [
          /makes no new attempt/,
          /app is stopped, and comes back at 20\d\d-\S+Z at the latest/,
          /Set it to false/,
        ],
      });
      assert.equal((await scene.jobs('migrate')).length, 0);
      await scene.edit({ suspend: false });
      await scene.endsWell('001_accounts');
    },
  },
];
