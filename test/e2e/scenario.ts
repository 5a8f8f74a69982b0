// A scenario: a sentence about the product and the proof of it, in a place of its own. What it leaves is searched for
// passwords; when it fails, what a person would look at first is printed.
import assert from 'node:assert/strict';
import { explain } from './diagnosis.ts';
import { JOB_PODS } from './names.ts';
import { kubectl, list, openSite, type Site } from './site.ts';
import { type Stage, secondsSince } from './stage.ts';

export interface Scenario {
  /** Lower-case letters and dashes: also the name of its namespace, and of E2E_ONLY. */
  readonly name: string;
  /** What is proven. */
  readonly title: string;
  readonly run: (site: Site) => Promise<void>;
}

/** Whether E2E_ONLY (names with commas between them) is absent or has it. */
export function isWanted({ name }: Scenario): boolean {
  const only = process.env.E2E_ONLY;
  return only === undefined || only === '' || only.split(',').includes(name);
}

/** Adds the passwords of the scenario to `passwords`, for the searches that come later. */
export async function play(stage: Stage, scenario: Scenario, passwords: Set<string>): Promise<void> {
  const started = performance.now();
  const site = await openSite(stage, scenario.name);
  for (const role of [site.database.owner, site.database.app]) passwords.add(role.password);
  try {
    await scenario.run(site);
    await expectNoPassword(site);
    await expectNoToken(site);
  } catch (error) {
    console.error(await explain(site, scenario.title));
    throw error;
  }
  console.error(`# ${secondsSince(started).padStart(8)}  ${scenario.name}: ${scenario.title}`);
}

/** In what the operator and the Jobs wrote: resources, events, logs. */
async function expectNoPassword(site: Site): Promise<void> {
  const kinds = 'databasemigrations,databasebackups,jobs,pods,deployments,statefulsets,events';
  const objects = await kubectl(site, 'get', kinds, '--output=json');
  const logs = await kubectl(site, 'logs', `--selector=${JOB_PODS}`, '--tail=-1').catch(
    (error: Error) => error.message,
  );
  const found = [site.database.owner, site.database.app].filter(
    ({ password }) => objects.includes(password) || logs.includes(password),
  );
  assert.deepEqual(
    found.map(role => role.name),
    [],
    'roles whose password is in a resource, an event or a log',
  );
}

/** Live Pods of Jobs, those that have ended included: nothing in them speaks to the API server. */
async function expectNoToken(site: Site): Promise<void> {
  const pods = await list(site, 'pods', JOB_PODS);
  const withToken = pods.filter(({ spec }) => {
    const isProjected = spec?.volumes?.some(volume =>
      volume.projected?.sources?.some(source => source.serviceAccountToken !== undefined),
    );
    return spec?.automountServiceAccountToken !== false || isProjected === true;
  });
  assert.deepEqual(
    withToken.map(pod => pod.metadata?.name),
    [],
    'Pods with a token for the API server',
  );
}
