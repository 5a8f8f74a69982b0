// Random stories with crashes between any two writes: whatever happens, no rule is broken on the way, and when everything
// works again all comes to a good end and then to silence. MODEL_SEEDS says how many stories; a failure names its seed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chance } from './chance.ts';
import { wrongIn } from './invariants.ts';
import { Model } from './model.ts';

const SEEDS = Number(process.env.MODEL_SEEDS ?? 150);
const FIRST = Number(process.env.MODEL_SEED ?? 1);
const LENGTH = 60;

function story(seed: number): string | undefined {
  const model = new Model(new Chance(seed), wrongIn);
  for (let count = 0; count < LENGTH && model.wrong.length === 0; count += 1) model.trouble();
  if (model.wrong.length === 0) model.peace();
  if (model.wrong.length === 0) model.wrong.push(...model.ending());
  return model.wrong.length === 0
    ? undefined
    : [`MODEL_SEED=${seed}`, ...model.diary.slice(-60), ...model.wrong].join('\n');
}

test(`${SEEDS} random stories come to a good end`, () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
    const wrong = story(seed);
    if (wrong !== undefined) assert.fail(wrong);
  }
});
