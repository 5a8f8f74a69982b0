// The table of conditions and what the operator does say, held against each other both ways: each reason of the table is
// seen in a scene on each of its conditions, and no scene shows a reason, or one on a condition, that the table does not have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REASONS } from '../../src/api/conditions.ts';
import { JOB_REASONS } from '../../src/api/job-reasons.ts';
import type { Condition } from '../../src/api/parse.ts';
import { backupScenes, scenes } from './scenes.ts';

/** `Reason on Condition`, as the table has it; what the summary has is written with its outlook. */
const DOCUMENTED = new Set(
  Object.entries(REASONS).flatMap(([name, reason]) => [
    ...(reason.outlooks ?? []).map(outlook => `${name} as ${outlook}`),
    ...(reason.backup === undefined ? [] : [`${name} of a backup as ${reason.backup}`]),
    ...reason.steps.map(type => `${name} on ${type}`),
    ...(name === 'Queued' ? [`${name} on Reconciling`] : []),
  ]),
);

const SHOWN = new Map<string, string>();
for (const { name, passes } of scenes())
  for (const { decision } of passes) note(name, 'Ready', ' as', decision.status.conditions ?? []);
for (const { name, passes } of backupScenes())
  for (const { decision } of passes) note(name, 'Complete', ' of a backup as', decision.status.conditions ?? []);

function note(scene: string, summary: string, words: string, conditions: readonly Condition[]): void {
  const outlook = conditions.find(one => one.type === 'Reconciling' || one.type === 'Stalled');
  for (const { type, reason } of conditions) {
    const isSaidAbove = outlook?.type === type && reason !== 'Queued';
    const key = type === summary ? `${reason}${words} ${outlook?.type ?? 'Resting'}` : `${reason} on ${type}`;
    if (!isSaidAbove && !(reason in JOB_REASONS && !(reason in REASONS))) SHOWN.set(key, scene);
  }
}

test('no scene shows a reason that the table does not have', () => {
  assert.deepEqual(
    [...SHOWN].filter(([key]) => !DOCUMENTED.has(key)).map(([key, scene]) => `${key}, in ${scene}`),
    [],
  );
});

test('each reason of the table is seen in a scene', () => {
  assert.deepEqual(
    [...DOCUMENTED].filter(key => !SHOWN.has(key)),
    [],
  );
});
