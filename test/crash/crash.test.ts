// The operator is killed before and after each of its writes, and a second one must come to the same end as one that
// was never disturbed: real API server and controllers, real PostgreSQL, the runner's own code, Pods played (player.ts).
//
//   CRASH=both                        every point before and after; default: each once, the sides alternating by scenario
//   CRASH_ONLY=recreate:17:after      one point; `recreate` alone: the points of one scenario
//   CRASH_PARALLEL=8                  how many runs side by side
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { PrerequisiteError } from '../cluster/cluster.ts';
import { openWorld, type World } from '../control/world.ts';
import { differences } from './final-state.ts';
import { described, nameOf, type Point, pointsOf, writesOfBoth } from './points.ts';
import { type Outcome, play } from './run.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';

const PARALLEL = Number(process.env.CRASH_PARALLEL ?? 8);
const SIDES = process.env.CRASH === 'both' ? 'Both' : 'Once';
const [ONLY_SCENARIO, ONLY_NUMBER, ONLY_SIDE] = (process.env.CRASH_ONLY ?? '').split(':');
const FEWEST_POINTS = 20;
/** A point that depends on how fast a Pod was may not come in every run. */
const TRIES = 3;

const progress = (line: string) => console.error(`crash: ${line}`);
const scenarios = SCENARIOS.filter(({ name, played }) =>
  ONLY_SCENARIO ? name === ONLY_SCENARIO : SIDES === 'Both' || played === undefined,
);

interface Reference {
  readonly scenario: Scenario;
  readonly outcome: Outcome;
  readonly points: readonly Point[];
  readonly problems: readonly string[];
}

let world: World | undefined;
let lack = '';
let references: readonly Reference[] = [];

before(async () => {
  try {
    world = await openWorld('crash', line => progress(line));
  } catch (error) {
    if (!(error instanceof PrerequisiteError)) throw error;
    lack = error.message;
  }
});

after(() => world?.close());

describe('an operator that is killed at one of its writes', () => {
  it('comes to the right end when it is not killed', async t => {
    const here = worldOf(t);
    if (here === undefined) return;
    const started = Date.now();
    const runs = scenarios.flatMap(scenario =>
      [1, 2].map(number => ({ scenario, name: `${scenario.name}-${number}` })),
    );
    const outcomes = await inParallel(runs, run => play(here, run.scenario, run.name));
    references = scenarios.map((scenario, index) =>
      referenceOf(scenario, outcomes[2 * index], outcomes[2 * index + 1]),
    );
    for (const { scenario, points } of references) progress(`${scenario.name}: ${points.length} points`);
    progress(`reference runs took ${secondsSince(started)} s`);
    assert.deepEqual(
      references.flatMap(({ scenario, problems }) => problems.map(problem => `${scenario.name}: ${problem}`)),
      [],
    );
  });

  it('is followed by one that comes to the same end', async t => {
    const here = worldOf(t);
    if (here === undefined) return;
    const isSound = references.length > 0 && references.every(({ problems }) => problems.length === 0);
    assert.ok(isSound, 'the undisturbed runs have failed, so there is nothing to compare with');
    const started = Date.now();
    const points = references
      .flatMap(reference => reference.points.map(point => ({ point, reference })))
      .filter(isWanted);
    let done = 0;
    let failed = 0;
    const failures = await inParallel(points, async ({ point, reference }) => {
      const failure = await failureAt(here, point, reference.outcome);
      done += 1;
      if (failure !== undefined) progress(`FAILED ${described(point)}`);
      failed += failure === undefined ? 0 : 1;
      if (done % 10 === 0) progress(`${done} of ${points.length} points, ${failed} failed, ${secondsSince(started)} s`);
      return failure;
    });
    const counts = references.map(({ scenario, points: all }) => `${scenario.name} ${all.length}`).join(', ');
    progress(`${points.length} points (${counts}) took ${secondsSince(started)} s`);
    assert.deepEqual(here.player.failures, [], 'the player must not fail');
    assert.equal(failed, 0, failures.filter(failure => failure !== undefined).join('\n\n'));
    if (ONLY_SCENARIO === '') assert.ok(points.length >= FEWEST_POINTS, `only ${points.length} points were found`);
    else assert.ok(points.length > 0, `there is no point ${process.env.CRASH_ONLY}`);
  });
});

function worldOf(t: TestContext): World | undefined {
  if (world === undefined) t.skip(lack);
  return world;
}

function referenceOf(scenario: Scenario, first: Outcome | undefined, second: Outcome | undefined): Reference {
  if (first === undefined || second === undefined) throw new Error('a reference run is missing');
  const points = pointsOf(
    scenario,
    writesOfBoth(first.writes, second.writes),
    ONLY_SIDE === undefined ? SIDES : 'Both',
  );
  const unlike = differences(first.state, second.state).map(line => `two undisturbed runs differ: ${line}`);
  const problems = [...first.problems, ...second.problems, ...unlike];
  return { scenario, outcome: first, points, problems: problems.length === 0 ? [] : [...problems, ...first.log] };
}

function isWanted({ point }: { readonly point: Point }): boolean {
  const isNumber = ONLY_NUMBER === undefined || point.number === Number(ONLY_NUMBER);
  return isNumber && (ONLY_SIDE === undefined || point.side === ONLY_SIDE);
}

/** What is wrong at the end, with all that a person needs to look into it; undefined when nothing is. */
async function failureAt(here: World, point: Point, reference: Outcome): Promise<string | undefined> {
  const problems: string[] = [];
  let log: readonly string[] = [];
  try {
    const outcome = await reaching(here, point);
    log = outcome.log;
    if (!outcome.reached) problems.push(`the point was not reached in ${TRIES} runs`);
    problems.push(...outcome.problems, ...differences(reference.state, outcome.state));
  } catch (error) {
    problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  if (problems.length === 0) return undefined;
  const again = `run just this one: CRASH_ONLY=${nameOf(point)} node --test test/crash/crash.test.ts`;
  return [
    described(point),
    ...problems.map(problem => `  ${problem}`),
    `  ${again}`,
    ...log.map(line => `    ${line}`),
  ].join('\n');
}

async function reaching(here: World, point: Point): Promise<Outcome> {
  for (let run = 1; ; run += 1) {
    const outcome = await play(here, point.scenario, `${nameOf(point).replaceAll(':', '-')}-${run}`, point);
    if (outcome.reached || run === TRIES) return outcome;
  }
}

async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as T);
  };
  await Promise.all(Array.from({ length: Math.max(1, PARALLEL) }, worker));
  return results;
}

function secondsSince(started: number): number {
  return Math.round((Date.now() - started) / 1000);
}
