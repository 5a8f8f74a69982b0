// Random stories with crashes between any two writes: whatever happens, no rule is broken on the way, and when everything
// works again all comes to a good end and then to silence. MODEL_SEEDS says how many stories; a failure names its seed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chance } from './chance.ts';
import { wrongIn } from './invariants.ts';
import { Model } from './model.ts';

const SEEDS = Number(process.env.MODEL_SEEDS ?? 80);
const FIRST = Number(process.env.MODEL_SEED ?? 1);
const LENGTH = 60;

type Ending = 'Good' | 'Deleted';

function story(seed: number, ending: Ending): string | undefined {
  const chance = new Chance(seed);
  const model = new Model(chance, wrongIn);
  const length = ending === 'Deleted' ? chance.below(LENGTH) : LENGTH;
  for (let count = 0; count < length && model.wrong.length === 0; count += 1) model.trouble();
  if (ending === 'Deleted') model.delete();
  if (model.wrong.length === 0) model.peace();
  if (model.wrong.length === 0) model.wrong.push(...(ending === 'Deleted' ? model.farewell() : model.ending()));
  if (model.wrong.length === 0) return undefined;
  return [`MODEL_SEED=${seed}`, ...model.diary.slice(-60), ...model.wrong].join('\n');
}

function expectAll(ending: Ending): void {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
    const wrong = story(seed, ending);
    if (wrong !== undefined) assert.fail(wrong);
  }
}

test(`${SEEDS} random stories come to a good end`, () => expectAll('Good'));

test(`${SEEDS} random stories in which the resource is deleted leave no app down without a mark`, () =>
  expectAll('Deleted'));
