// Somebody edits the status by hand. The operator finds its way back: it says again what is true, runs nothing twice, and
// rests; where a run was lost from its memory in the middle, the ledger and the marks on the app tell the next one.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseMigrationSpec } from '../../src/api/database-migration.gen.ts';
import { ANNOTATIONS } from '../../src/api/names.ts';
import { openConnection } from '../../src/database/postgres.ts';
import { parseConnectionUrl } from '../../src/database/url.ts';
import { CONFIG_MAPS, DEPLOYMENTS } from '../../src/kubernetes/resources.ts';
import { type DatabaseMigration, MIGRATIONS } from '../../src/operator/sources.ts';
import { createDatabase, type Database } from '../control/database.ts';
import { SECRETS } from '../control/kinds.ts';
import { deploymentOf } from '../control/objects.ts';
import type { Scene } from './scene.ts';

/** How long a resource that rests is watched. */
const REST_MS = 1_500;

/** A resource with a database of its own, without backups and checks. */
async function install(
  { world, namespace }: Scene,
  { name, database }: { readonly name: string; readonly database: Database },
  over: Pick<DatabaseMigrationSpec, 'source' | 'rollout'>,
): Promise<void> {
  await world.api.patch(SECRETS, namespace, 'database', { stringData: { [name]: database.url } });
  const spec: DatabaseMigrationSpec = {
    database: { urlSecretRef: { name: 'database', key: name }, appRoles: ['app'] },
    target: '002_orders',
    backup: { policy: 'Never' },
    ...over,
  };
  await world.api.create(MIGRATIONS, namespace, { metadata: { name }, spec });
}

const isUpToDate = (found: DatabaseMigration) =>
  found.status?.conditions?.some(one => one.type === 'Ready' && one.reason === 'UpToDate') === true;

/** Each migration was applied once. */
async function expectAppliedOnce(database: Database): Promise<void> {
  const rows = await database.query("SELECT version FROM migrate.audit WHERE event = 'applied' ORDER BY id");
  assert.deepEqual(
    rows.map(row => row.version),
    ['001_users', '002_orders'],
  );
}

/** A last write (the finalizer goes) may still come; a loop never ends. */
async function expectRest({ world, namespace }: Scene, name: string): Promise<void> {
  const versionOf = async () => (await world.api.get(MIGRATIONS, namespace, name))?.metadata?.resourceVersion;
  for (let tries = 1; tries <= 3; tries += 1) {
    const before = await versionOf();
    await sleep(REST_MS);
    if ((await versionOf()) === before) return;
  }
  assert.fail(`${name} does not rest`);
}

export async function healEdits(scene: Scene): Promise<void> {
  const { world, namespace, when, jobsOf } = scene;
  const edit = (name: string, status: object | null) =>
    world.api.patch(MIGRATIONS, namespace, name, { status }, { subresource: 'status' });
  const name = 'edited';
  const database = await createDatabase(world.postgres, name);
  const source = { configMapRefs: [{ name: 'migrations' }] };
  await install(scene, { name, database }, { source, rollout: { strategy: 'None' } });
  await when(name, 'up to date', isUpToDate);

  await edit(name, { version: '001_users', conditions: [] });
  const healed = await when(name, 'healed', one => isUpToDate(one) && one.status?.version === '002_orders');
  assert.equal(healed.status?.run?.id, 1);

  await edit(name, null);
  const wiped = await when(name, 'up to date again', one => isUpToDate(one) && one.status?.run?.id !== 1);
  assert.match(wiped.status?.conditions?.find(one => one.type === 'Ready')?.message ?? '', /nothing was pending/);
  assert.equal(wiped.status?.version, '002_orders');
  // A number of its own, so that no Job of the first run answers for the second.
  assert.equal(wiped.status?.run?.id, 2);
  assert.deepEqual(await jobsOf(wiped), ['migrate', 'plan', 'plan']);
  await expectAppliedOnce(database);
  await expectRest(scene, name);
}

/** A migration that waits for a lock of ours while the run that it belongs to is taken out of the status. */
export async function loseRun(scene: Scene): Promise<void> {
  const { world, namespace, when } = scene;
  const app = deploymentOf({ replicas: 2 });
  const workload = app.metadata.name;
  await world.api.create(DEPLOYMENTS, namespace, app as never);
  const data = { '001_users.up.sql': 'SELECT pg_advisory_xact_lock(7);', '002_orders.up.sql': 'SELECT 1;' };
  await world.api.create(CONFIG_MAPS, namespace, { metadata: { name: 'slow' }, data });
  const name = 'forgetful';
  const source = { configMapRefs: [{ name: 'slow' }] };
  const rollout = {
    strategy: 'Recreate',
    workloads: [{ kind: 'Deployment', name: workload }],
    drainSeconds: 5,
  } as const;
  const database = await createDatabase(world.postgres, name);
  const settings = parseConnectionUrl(world.postgres.url('postgres', name));
  const lock = await openConnection(settings, { applicationName: 'a long report' });
  try {
    await lock.query('SELECT pg_advisory_lock(7)');
    await install(scene, { name, database }, { source, rollout: { ...rollout, workloads: [...rollout.workloads] } });
    await when(name, 'migrating', one => stepOf(one, 'Migrate')?.job?.started === true);
    await world.api.patch(MIGRATIONS, namespace, name, { status: { run: null } }, { subresource: 'status' });
    await when(name, 'on with another run', one => one.status?.run?.id === 2);
  } finally {
    await lock.close();
  }
  await when(name, 'up to date', isUpToDate);
  await expectAppliedOnce(database);
  const back = await world.api.get(DEPLOYMENTS, namespace, workload);
  assert.equal(back?.spec?.replicas, 2);
  assert.equal(back?.metadata?.annotations?.[ANNOTATIONS.stoppedBy], undefined);
  await expectRest(scene, name);
}

function stepOf(found: DatabaseMigration, name: string) {
  return found.status?.run?.steps?.find(step => step.name === name);
}
