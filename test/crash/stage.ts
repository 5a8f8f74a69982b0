// One namespace and one database for one run of a scenario, and what a user does in it: install, then release.

import { isAlreadyExists } from '../../src/kubernetes/errors.ts';
import type { KubernetesObject } from '../../src/kubernetes/object.ts';
import { CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, PERSISTENT_VOLUME_CLAIMS } from '../../src/kubernetes/resources.ts';
import { MIGRATIONS } from '../../src/operator/sources.ts';
import { createDatabase, type Database } from '../control/database.ts';
import { SECRETS, SERVICE_ACCOUNTS } from '../control/kinds.ts';
import { APP, claimOf, configMapOf, deploymentOf, migrationSpecOf, type Release, SECRET } from '../control/objects.ts';
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
  const stringData = { url: database.url };
  await api.create(NAMESPACES, undefined, { metadata: { name } });
  // Its controller makes it too, but Pods that come before are delayed by seconds.
  await unlessThere(api.create(SERVICE_ACCOUNTS, name, { metadata: { name: 'default' } }));
  await api.create(SECRETS, name, { metadata: { name: SECRET }, stringData });
  await api.create(PERSISTENT_VOLUME_CLAIMS, name, claimOf() as never);
  await api.create(DEPLOYMENTS, name, deploymentOf(scenario.app) as never);
  return { world, scenario, name, database };
}

/** Applies a release: the ConfigMap, then the DatabaseMigration, new or edited. */
export async function applyRelease({ world, name }: Stage, release: Release): Promise<void> {
  const { api } = world;
  await unlessThere(api.create(CONFIG_MAPS, name, configMapOf(release)));
  const spec = migrationSpecOf(release, world.healthUrl);
  const existing = await api.get(MIGRATIONS, name, APP);
  if (existing === undefined) await api.create(MIGRATIONS, name, { metadata: { name: APP }, spec: spec as never });
  else await api.patch(MIGRATIONS, name, APP, { spec });
}

export async function strikeStage({ world, name, database }: Stage): Promise<void> {
  await database.drop();
  await world.api.delete(DEPLOYMENTS, name, APP, { propagationPolicy: 'Background' });
}

async function unlessThere(creation: Promise<KubernetesObject>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
