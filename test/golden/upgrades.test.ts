// An operator that is upgraded in the middle of a run reads what the one before it has written. upgrades/<version> holds
// that, as it was stored by that version; SAVE_UPGRADES=<version> writes it. Those of a released version never change.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, stringify } from 'yaml';
import type { Decision } from '../../src/operator/migration/decide.ts';
import { wrongIn } from './invariants.ts';
import { isTree } from './merge.ts';
import type { Play } from './play.ts';
import { playOut, STORIES, type Story, save, takeUp } from './upgrades.ts';

const FOLDER = join(import.meta.dirname, 'upgrades');
const saving = process.env.SAVE_UPGRADES;

if (saving !== undefined) {
  mkdirSync(join(FOLDER, saving), { recursive: true });
  for (const [name, story] of Object.entries(STORIES))
    writeFileSync(join(FOLDER, saving, `${name}.yaml`), stringify(save(story), { lineWidth: 120 }));
}

for (const version of readdirSync(FOLDER)) {
  for (const [name, story] of Object.entries(STORIES)) {
    const read = () => parse(readFileSync(join(FOLDER, version, `${name}.yaml`), 'utf8'));
    test(`what ${version} left when ${name} is brought to its end`, () => {
      const play = takeUp(read());
      const attempts = migrationsOf(play);
      goToEnd(play, story);
      const isBegun = attempts > 0;
      if (isBegun) assert.equal(migrationsOf(play), attempts, 'a migration that was at work was made again');
    });

    test(`what ${version} left when ${name}, with fields and reasons of a version to come, is brought to the same end`, () => {
      const saved = read();
      goToEnd(takeUp({ ...saved, status: withUnknown(saved.status) }), story);
    });
  }

  test(`what ${version} left is read, or refused as a whole where a word in it is unknown`, () => {
    const saved = parse(readFileSync(join(FOLDER, version, 'migrating.yaml'), 'utf8'));
    for (const [field, run] of Object.entries({
      'run.outcome': { ...saved.status.run, outcome: 'RolledBack' },
      'run.steps.0.state': { ...saved.status.run, steps: [{ ...saved.status.run.steps[0], state: 'Skipped' }] },
    })) {
      const { status, actions, scope }: Decision = takeUp({ ...saved, status: { ...saved.status, run } }).pass();
      const ready = status.conditions?.find(one => one.type === 'Ready');
      assert.deepEqual([ready?.reason, actions, scope], ['StatusUnreadable', [], 'Conditions']);
      assert.ok(ready?.message.includes(field), ready?.message ?? 'no Ready');
    }
  });
}

function goToEnd(play: Play, { end }: Story): void {
  const world = play.world();
  assert.deepEqual(wrongIn({ world, decision: play.pass() }).filter(isOurs), []);
  playOut(play);
  const ready = play.status.conditions?.find(one => one.type === 'Ready');
  const workload = play.cluster.workloads.get('Deployment/truledgr-api');
  assert.deepEqual(
    { ready: ready?.reason, version: play.database.version, replicas: workload?.replicas },
    end,
    ready?.message ?? 'no Ready',
  );
  assert.equal(play.status.version, end.version);
  const isHeld = end.replicas === 0;
  assert.equal(workload?.mark !== undefined, isHeld);
  assert.equal(play.cluster.finalizer, isHeld ? 'Present' : 'Absent');
}

/** Fields of a version to come are not in the schema of today, and are kept. */
function isOurs(mistake: string): boolean {
  return !/ofAVersionToCome|OfAVersionToCome/.test(mistake);
}

function migrationsOf(play: Play): number {
  return [...play.cluster.jobs.values()].filter(job => job.request.step === 'migrate').length;
}

/** A field that is not known in every object, and a condition that is not known. */
function withUnknown(status: { conditions?: object[] }): never {
  const conditions = [
    ...(status.conditions ?? []),
    { type: 'OfAVersionToCome', status: 'True', reason: 'Anything', message: 'Who knows.', lastTransitionTime: 'x' },
  ];
  return sprinkle({ ...status, conditions }) as never;
}

function sprinkle(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sprinkle);
  if (!isTree(value)) return value;
  const known = Object.entries(value).map(([key, item]) => [key, key === 'spec' ? item : sprinkle(item)]);
  return { ...Object.fromEntries(known), ofAVersionToCome: { any: ['thing'] } };
}
