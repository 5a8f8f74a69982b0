// Every code of the engine's catalogue as the answer of a Job that plans and of one that migrates: it becomes the reason
// that a person reads, tried again or for a person as its exit code says, with the rules of every decision kept.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS, type ErrorCode } from '../../src/engine/errors.ts';
import type { Pass } from './builder.ts';
import { wrongIn } from './invariants.ts';
import type { Play } from './play.ts';
import { playTo } from './story.ts';

const CODES = Object.keys(ERRORS) as ErrorCode[];
/** The tables of exit codes: 10 to 13 are tried again, after 24 it is planned again. */
const isTriedAgain = (exitCode: number): boolean => exitCode >= 10 && exitCode <= 13;

function answered(point: string, step: 'plan' | 'migrate', code: ErrorCode): Play {
  const play = playTo(point, {});
  const job = play.cluster.jobOf(step);
  assert.ok(job);
  const error = { code, message: 'The words of the catalogue.' };
  play.jobAnswers(job, { exitCode: ERRORS[code].exitCode, error, wrote: false });
  return play;
}

function passOf(play: Play): Pass {
  const world = play.world();
  const pass = { world, decision: play.pass() };
  assert.deepEqual(wrongIn(pass), []);
  return pass;
}

function shown({ decision }: Pass): string {
  const { conditions = [] } = decision.status;
  const ready = conditions.find(one => one.type === 'Ready');
  const outlook = conditions.find(one => one.type === 'Reconciling' || one.type === 'Stalled');
  return `${outlook?.type}/${ready?.reason}`;
}

test('a plan that fails shows the code as its reason', () => {
  const wrong = CODES.flatMap(code => {
    const { exitCode } = ERRORS[code];
    const outlook = isTriedAgain(exitCode) || exitCode === 24 ? 'Reconciling' : 'Stalled';
    const actual = shown(passOf(answered('PlanRuns', 'plan', code)));
    return actual === `${outlook}/${code}` ? [] : [`${code}: ${actual}`];
  });
  assert.deepEqual(wrong, []);
});

test('a migration that fails shows the code as its reason, at once or when the database was asked', () => {
  const wrong = CODES.flatMap(code => {
    const { exitCode } = ERRORS[code];
    const play = answered('MigrateRuns', 'migrate', code);
    const first = shown(passOf(play));
    if (isTriedAgain(exitCode)) return first === `Reconciling/${code}` ? [] : [`${code}: ${first}`];
    const settle = play.cluster.jobOf('settle');
    if (settle === undefined) return [`${code}: the database is not asked`];
    play.jobAnswers(settle);
    passOf(play);
    play.cluster.settleWorkloads();
    passOf(play);
    play.later(5);
    const last = shown(passOf(play));
    // 24 decides nothing: the run is superseded, and the next one plans.
    const wanted = exitCode === 24 ? 'Reconciling/Planning' : `Stalled/${code}`;
    return first === 'Reconciling/Settling' && last === wanted ? [] : [`${code}: ${first}, then ${last}`];
  });
  assert.deepEqual(wrong, []);
});
