// What a person on call reads when something outside the operator goes wrong, and how it ends: a real API server with its
// controllers, a real PostgreSQL, the runner's own code, Pods played with the misfortune that the scenario chooses.
//
//   FAILURES_ONLY=a,b                 scenarios by name
//   FAILURES_VERBOSE=1                prints every condition that a scenario reads
//   FAILURES_PARALLEL=8               how many side by side
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { PrerequisiteError } from '../cluster/cluster.ts';
import { openWorld, type World } from '../control/world.ts';
import { openScene, type Scenario } from './scene.ts';

const PARALLEL = Number(process.env.FAILURES_PARALLEL ?? 8);
const ONLY = (process.env.FAILURES_ONLY ?? '').split(',').filter(name => name !== '');
const SCENARIOS = join(import.meta.dirname, 'scenarios');

/** Every file of the folder exports `scenarios`. */
async function allScenarios(): Promise<readonly Scenario[]> {
  const files = readdirSync(SCENARIOS).toSorted();
  const modules = await Promise.all(files.map(file => import(join(SCENARIOS, file))));
  return modules.flatMap(({ scenarios }: { scenarios: readonly Scenario[] }) => scenarios);
}

const all = await allScenarios();
const wanted = all.filter(({ name }) => ONLY.length === 0 || ONLY.includes(name));
const unknown = ONLY.filter(name => !all.some(scenario => scenario.name === name));

let world: World | undefined;
let lack = '';

before(async () => {
  try {
    world = await openWorld('failures', line => console.error(`failures: ${line}`));
  } catch (error) {
    if (!(error instanceof PrerequisiteError)) throw error;
    lack = error.message;
  }
});

after(() => world?.close());

describe('when something outside the operator goes wrong', { concurrency: PARALLEL }, () => {
  for (const scenario of wanted) {
    it(`${scenario.name}: ${scenario.title}`, async t => {
      if (world === undefined) return t.skip(lack);
      if (scenario.needs === 'Root' && process.getuid?.() !== 0)
        return t.skip('it mounts a file system: run it as root');
      const scene = await openScene(world, scenario.name);
      try {
        await scenario.run(scene);
      } finally {
        await scene.strike();
      }
    });
  }
});

it('plays every scenario that is asked for, and none wrongly', () => {
  assert.deepEqual(unknown, [], 'FAILURES_ONLY names scenarios that do not exist');
  assert.equal(new Set(all.map(({ name }) => name)).size, all.length, 'two scenarios must not share a name');
  assert.deepEqual(world?.player.failures ?? [], [], 'the player must not fail');
});
