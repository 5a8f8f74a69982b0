// One namespace and one database for one run of a scenario, and what a user does in it: install, then release.

import { ANNOTATIONS } from '../../src/api/names.ts';
import { isAlreadyExists } from '../../src/kubernetes/errors.ts';
import type { KubernetesObject } from '../../src/kubernetes/object.ts';
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  type Deployment,
  NAMESPACES,
  PERSISTENT_VOLUME_CLAIMS,
  STATEFUL_SETS,
  type StatefulSet,
} from '../../src/kubernetes/resources.ts';
import { MIGRATIONS } from '../../src/operator/sources.ts';
import { createDatabase, type Database } from '../control/database.ts';
import { SECRETS, SERVICE_ACCOUNTS } from '../control/kinds.ts';
import {
  APP,
  claimOf,
  configMapOf,
  deploymentOf,
  migrationSpecOf,
  type Release,
  SECRET,
  statefulSetOf,
} from '../control/objects.ts';
import type { World } from '../control/world.ts';
import type { Scenario } from './scenarios.ts';

export interface Stage {
  readonly world: World;
  readonly scenario: Scenario;
  /** Of the namespace, and of the database. */
  readonly name: string;
  readonly database: Database;
}

/** Everything but the migration: what a team has before it uses the operator. */
export async function setStage(world: World, scenario: Scenario, name: string): Promise<Stage> {
  const { api } = world;
  const database = await createDatabase(world.postgres, name);
  for (const sql of Object.values(scenario.byHand ?? {})) await database.query(`SET ROLE owner; ${sql}`);
  const stringData = { url: database.url };
  await api.create(NAMESPACES, undefined, { metadata: { name } });
  // Its controller makes it too, but Pods that come before are delayed by seconds.
  await unlessThere(api.create(SERVICE_ACCOUNTS, name, { metadata: { name: 'default' } }));
  await api.create(SECRETS, name, { metadata: { name: SECRET }, stringData });
  await api.create(PERSISTENT_VOLUME_CLAIMS, name, claimOf() as never);
  if (isStateful(scenario)) await api.create(STATEFUL_SETS, name, statefulSetOf(scenario.app) as never);
  else await api.create(DEPLOYMENTS, name, deploymentOf(scenario.app) as never);
  return { world, scenario, name, database };
}

/** Applies a release: the ConfigMap, then the DatabaseMigration, new or edited. */
export async function applyRelease({ world, name, scenario }: Stage, release: Release): Promise<void> {
  const { api } = world;
  await unlessThere(api.create(CONFIG_MAPS, name, configMapOf(release)));
  const spec = migrationSpecOf(release, world.healthUrl, scenario.app);
  const existing = await api.get(MIGRATIONS, name, APP);
  if (existing === undefined) await api.create(MIGRATIONS, name, { metadata: { name: APP }, spec: spec as never });
  else await api.patch(MIGRATIONS, name, APP, { spec });
}

export function workloadOf({ world, name, scenario }: Stage): Promise<Deployment | StatefulSet | undefined> {
  return isStateful(scenario) ? world.api.get(STATEFUL_SETS, name, APP) : world.api.get(DEPLOYMENTS, name, APP);
}

/** The app's manifest for the new version, if the scenario has one, comes when it is awaited. A repeat changes nothing. */
export async function applyAwaitedManifest({ world, name, scenario }: Stage): Promise<void> {
  if (scenario.manifest === undefined) return;
  const migration = await world.api.get(MIGRATIONS, name, APP);
  const ready = migration?.status?.conditions?.find(one => one.type === 'Ready');
  if (ready?.reason !== 'AwaitingManifest') return;
  const annotations = { [ANNOTATIONS.minVersion]: scenario.manifest.minVersion };
  const body = { spec: { template: { metadata: { annotations } } } };
  if (isStateful(scenario)) await world.api.patch(STATEFUL_SETS, name, APP, body);
  else await world.api.patch(DEPLOYMENTS, name, APP, body);
}

export async function strikeStage({ world, name, database, scenario }: Stage): Promise<void> {
  await database.drop();
  const kind = isStateful(scenario) ? STATEFUL_SETS : DEPLOYMENTS;
  await world.api.delete(kind, name, APP, { propagationPolicy: 'Background' });
}

function isStateful({ app }: Scenario): boolean {
  return app.kind === 'StatefulSet';
}

async function unlessThere(creation: Promise<KubernetesObject>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
