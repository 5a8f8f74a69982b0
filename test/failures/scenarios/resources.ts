// More than one resource for one database, and resources and namespaces that go away.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ANNOTATIONS } from '../../../src/api/names.ts';
import { NAMESPACES } from '../../../src/kubernetes/resources.ts';
import { MIGRATIONS } from '../../../src/operator/sources.ts';
import { SECRETS } from '../../control/kinds.ts';
import { APP, migration } from '../../control/objects.ts';
import type { Scenario, Scene } from '../scene.ts';

const ONE = { migrations: migration('001_accounts'), strategy: 'None' } as const;
const TWO = { ...ONE, migrations: { ...ONE.migrations, ...migration('002_groups') } };

async function installed(scene: Scene): Promise<void> {
  await scene.install();
  await scene.apply(ONE);
  await scene.startOperator();
  await scene.endsWell('001_accounts');
}

async function deleted(scene: Scene, name: string): Promise<void> {
  const { api } = scene.world;
  await api.delete(MIGRATIONS, scene.name, name);
  await scene.until(`${name} is gone`, async () => (await api.get(MIGRATIONS, scene.name, name)) === undefined);
}

/** Does what the message says, with the id that it quotes. */
async function adopt(scene: Scene, message: string, name: string): Promise<void> {
  const [, key = '', id = ''] = /annotate this resource with (\S+)=([0-9a-f]{16})/.exec(message) ?? [];
  assert.equal(key, ANNOTATIONS.adopt);
  await scene.world.api.patch(MIGRATIONS, scene.name, name, { metadata: { annotations: { [key]: id } } });
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'one-secret-twice',
    title: 'of two resources with one Secret the younger waits, and gets the database when it adopts it',
    async run(scene) {
      await installed(scene);
      await sleep(1_000); // creation times have whole seconds
      await scene.apply(TWO, {}, 'younger');
      const says = [/DatabaseMigration shop is older/, /Secret database, key url/, /Delete one of them/];
      await scene.reads({ reason: 'ClaimedByOther', outlook: 'Stalled', says }, undefined, 'younger');
      await deleted(scene, APP);
      const owned = [new RegExp(`belongs to another owner: ${scene.name}/shop `), /nothing was run/];
      const refusal = { reason: 'OwnedByAnother', outlook: 'Stalled', says: owned } as const;
      await adopt(scene, await scene.reads(refusal, undefined, 'younger'), 'younger');
      await scene.reads({ reason: 'UpToDate', says: [/002_groups/] }, undefined, 'younger');
      assert.deepEqual(await scene.applied(), ['001_accounts', '002_groups']);
    },
  },
  {
    name: 'two-secrets-one-database',
    title:
      'two Secrets for one database: the ledger says whose it is, and the first is refused after the second adopted it',
    async run(scene) {
      await installed(scene);
      await scene.world.api.create(SECRETS, scene.name, {
        metadata: { name: 'second' },
        stringData: { url: scene.database.url },
      });
      await scene.apply(TWO, { database: { urlSecretRef: { name: 'second' } } }, 'second');
      const owned = [new RegExp(`belongs to another owner: ${scene.name}/shop `), /Give each its own database/];
      const refusal = { reason: 'OwnedByAnother', outlook: 'Stalled', says: owned } as const;
      const message = await scene.reads(refusal, undefined, 'second');
      assert.deepEqual(await scene.applied(), ['001_accounts']);
      await adopt(scene, message, 'second');
      await scene.reads({ reason: 'UpToDate', says: [/002_groups/] }, undefined, 'second');
      await scene.retry('is it still mine?');
      await scene.reads({
        reason: 'OwnedByAnother',
        outlook: 'Stalled',
        says: [new RegExp(`belongs to another owner: ${scene.name}/second `)],
      });
      assert.deepEqual(await scene.applied(), ['001_accounts', '002_groups']);
    },
  },
  {
    name: 'deleted-and-made-again',
    title: 'a resource that is deleted and made again goes on with its database, counting on from the epoch',
    async run(scene) {
      await installed(scene);
      const before = await scene.migration();
      await deleted(scene, APP);
      await scene.apply(TWO);
      await scene.endsWell('002_groups');
      const after = await scene.migration();
      assert.notEqual(after.metadata?.uid, before.metadata?.uid);
      assert.ok((after.status?.attempt ?? 0) > (before.status?.attempt ?? 0));
      const [epoch] = await scene.database.query('SELECT attempt, run FROM migrate.epoch');
      assert.equal(epoch?.run, `${after.metadata?.uid}/1`);
      assert.deepEqual(await scene.applied(), ['001_accounts', '002_groups']);
    },
  },
  {
    name: 'namespace-deleted',
    title: 'a namespace that is deleted in the middle of a run goes at once, and nobody goes on about it',
    async run(scene) {
      const { api } = scene.world;
      await scene.install();
      await scene.apply({ migrations: migration('001_accounts', 'SELECT pg_sleep(60);'), strategy: 'Recreate' });
      const operator = await scene.startOperator();
      await scene.until('the migration is at work', async () => {
        const [row] = await scene.database.query(
          `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`,
        );
        return row?.n === '1';
      });
      const before = operator.requests;
      await api.delete(NAMESPACES, undefined, scene.name);
      await scene.until(
        'the namespace is gone',
        async () => (await api.get(NAMESPACES, undefined, scene.name)) === undefined,
      );
      const gone = operator.requests;
      assert.ok(gone - before < 60, `${gone - before} requests while the namespace went`);
      await sleep(3_000);
      assert.ok(operator.requests - gone <= 2, `${operator.requests - gone} requests after it was gone`);
      assert.deepEqual(await scene.applied(), []);
    },
  },
];
