// One run of a scenario from an empty namespace to its end: the reference run, whose operator lives, or one whose
// operator is killed at a point and followed by a second one.
import { setTimeout as sleep } from 'node:timers/promises';
import { MIGRATIONS } from '../../src/operator/sources.ts';
import { APP } from '../control/objects.ts';
import type { World } from '../control/world.ts';
import { broken, brokenAudit, databaseState } from './database-state.ts';
import { differences, isSettled, type Json, leftBehind } from './final-state.ts';
import { bringToLife, type Incarnation } from './incarnation.ts';
import type { AnsweredWrite, KillPoint } from './proxy.ts';
import type { Scenario } from './scenarios.ts';
import { applyAwaitedManifest, applyRelease, type Stage, setStage, strikeStage } from './stage.ts';

export interface Outcome {
  /** Whether the operator was killed at its point. */
  readonly reached: boolean;
  /** Of the first operator, which may have been killed. */
  readonly writes: readonly AnsweredWrite[];
  readonly state: Json;
  /** Broken promises, whatever the reference run did. */
  readonly problems: readonly string[];
  /** Log lines of the operators, for a person. */
  readonly log: readonly string[];
}

/** How long the way to the end may take in all. */
const END_LIMIT_MS = Number(process.env.CRASH_LIMIT_SECONDS ?? 120) * 1000;
const LOOK_MS = 300;
/** How long an undisturbed operator is watched at the end: what it still writes then are points too. */
const REST_MS = 1_500;

export async function play(world: World, scenario: Scenario, name: string, point?: KillPoint): Promise<Outcome> {
  const stage = await setStage(world, scenario, name);
  const lives: Incarnation[] = [];
  const live = async (until?: KillPoint): Promise<Incarnation> => {
    const operator = await bringToLife(world.upstream, name, until);
    lives.push(operator);
    return operator;
  };
  try {
    if (scenario.installed !== undefined) await install(stage, scenario.installed, live);
    await applyRelease(stage, scenario.release);
    const { reached, writes, problems } = await release(stage, live, point);
    const state = await leftBehind(stage);
    await Promise.all(lives.map(operator => operator.end()));
    const database = await databaseState(stage.database);
    const { end } = scenario;
    const all = [
      ...problems,
      ...broken(database, end.tables, end.version),
      ...brokenAudit(database, (await world.api.get(MIGRATIONS, name, APP))?.status),
      ...wrongEnd(state, scenario),
    ];
    return {
      reached,
      writes,
      state,
      problems: all,
      log: lives.flatMap(operator => ['--- an operator ---', ...operator.log]),
    };
  } finally {
    await Promise.all(lives.map(operator => operator.end()));
    await strikeStage(stage);
  }
}

type BringToLife = (point?: KillPoint) => Promise<Incarnation>;

/** What is there before the release, by an operator that nobody disturbs. */
async function install(stage: Stage, before: NonNullable<Scenario['installed']>, live: BringToLife): Promise<void> {
  await applyRelease(stage, before);
  const operator = await live();
  const problems = await endOf(stage);
  await operator.end();
  if (problems.length > 0) throw new Error([...problems, ...operator.log].join('\n'));
}

/** From the operator's start to the end of its run, or to that of its successor's. */
async function release(stage: Stage, live: BringToLife, point: KillPoint | undefined) {
  const first = await live(point);
  const ended = endOf(stage);
  const reached = await Promise.race([first.killed.then(() => true), ended.then(() => false)]);
  if (reached) {
    await first.end();
    await live();
  } else if (point === undefined) await sleep(REST_MS);
  return { reached, writes: first.writes, problems: await ended };
}

/** Resolves at the end of the run, or with what kept it from getting there. */
async function endOf(stage: Stage): Promise<readonly string[]> {
  const started = Date.now();
  for (;;) {
    if (await isSettled(stage)) return [];
    await applyAwaitedManifest(stage);
    if (Date.now() - started > END_LIMIT_MS) return [`no end after ${END_LIMIT_MS / 1000} s`];
    await sleep(LOOK_MS);
  }
}

/** The end that the scenario must have, so that the reference run is judged too. */
function wrongEnd(state: Json, { end }: Scenario): readonly string[] {
  const found = state as unknown as {
    migration: { status?: { version?: string; conditions?: { type: string; reason: string }[] } };
    app: { replicas: number; available: number; marks: readonly string[] };
    backups: readonly { conditions?: { type: string; status: string }[] }[];
  };
  const { status } = found.migration;
  const complete = found.backups.filter(backup =>
    backup.conditions?.some(one => one.type === 'Complete' && one.status === 'True'),
  );
  const is = {
    ready: status?.conditions?.find(one => one.type === 'Ready')?.reason ?? 'none',
    version: status?.version ?? 'none',
    replicas: found.app.replicas,
    available: found.app.available,
    marks: found.app.marks.length,
    backups: `${complete.length} complete of ${found.backups.length}`,
  };
  const wanted = {
    ready: end.ready,
    version: end.version,
    replicas: end.replicas,
    available: end.replicas,
    marks: 0,
    backups: '1 complete of 1',
  };
  return differences(wanted, is).map(line => line.replace('reference', 'wanted'));
}
