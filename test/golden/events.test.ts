// Events over whole stories, from the first look at the resource on: one for each thing that happened, however often the
// operator looks; events.yaml lists them for the stories that a person should have read.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { playScene } from './builder.ts';
import type { Told } from './play.ts';

const CASES = join(import.meta.dirname, 'cases');
/** Told again for as long as it lasts, after each maxStoppedSeconds. */
const REMINDERS = new Set(['Settling']);
/** Of the steps of a run that goes well, and of an app that is back. */
const GOOD_NEWS = ['Planned', 'Stopped', 'BackedUp', 'Migrated', 'Downgraded', 'Started', 'Validated', 'Restored'];

/** Each scene is played on for ten minutes in which nothing happens but that the operator looks. */
const STORIES = globSync('**/world.yaml', { cwd: CASES })
  .toSorted()
  .map(file => {
    const { play } = playScene(join(CASES, file));
    for (let pass = 0; pass < 20; pass += 1) {
      play.later(30);
      play.pass();
    }
    return { name: dirname(file), told: play.told };
  });

test('no event is told twice', () => {
  const repeated = STORIES.flatMap(({ name, told }) => {
    const keys = told.filter(({ event }) => !REMINDERS.has(event.reason)).map(keyOf);
    return keys.filter((key, index) => keys.indexOf(key) !== index).map(key => `${name}: ${key}`);
  });
  assert.deepEqual(repeated, []);
});

function keyOf({ run, event }: Told): string {
  return `run ${run}: ${event.reason} on ${event.workload?.name ?? 'the resource'}: ${event.message}`;
}

test('what went well is Normal, all else is a Warning', () => {
  const wrong = STORIES.flatMap(({ name, told }) =>
    told
      .filter(({ event }) => (event.type === 'Normal') !== GOOD_NEWS.includes(event.reason))
      .map(({ event }) => `${name}: ${event.type} ${event.reason}`),
  );
  assert.deepEqual(wrong, []);
});

test('a run tells at most one failure and what follows from it', () => {
  const many = STORIES.flatMap(({ name, told }) => {
    const warnings = told.filter(({ event }) => event.type === 'Warning' && event.workload === undefined);
    const perRun = Map.groupBy(
      warnings.filter(({ event }) => !REMINDERS.has(event.reason)),
      one => one.run,
    );
    return [...perRun]
      .filter(([, list]) => list.length > 2)
      .map(([run, list]) => `${name}, run ${run}: ${list.length}`);
  });
  assert.deepEqual(many, []);
});

const TO_READ = [
  ...['run/a-run-that-has-ended-rests-silently'],
  ...[
    'failure/a-failed-migration-that-changed-nothing-brings-the-app-back',
    'failure/a-backup-that-fails-brings-the-app-back',
  ],
  ...[
    'failure/a-failed-migration-that-left-a-file-half-done-holds-the-app',
    'failure/a-held-app-is-started-while-suspended-once-its-manifest-fits',
  ],
  ...['failure/an-app-that-does-not-come-up-is-left-as-it-is', 'failure/checks-that-say-no-leave-the-app-as-it-is'],
  ...[
    'failure/a-replica-count-that-somebody-else-raises-ends-the-run',
    'failure/Stop-takes-too-long-and-the-manifest-is-ahead',
  ],
  ...[
    'exits/settling-without-an-answer-warns-every-maxStoppedSeconds',
    'exits/a-third-outdated-plan-in-a-row-is-for-a-person',
  ],
  ...[
    'exits/a-migration-that-is-lost-three-times-without-progress-is-for-a-person',
    'exits/app-sessions-that-do-not-go-away',
  ],
  ...[
    'order/a-held-app-whose-manifest-is-overdue-is-for-a-person',
    'order/target-reached-and-the-workload-is-missing-awaits-it',
  ],
  ...[
    'deletion/a-held-app-whose-manifest-does-not-fit-is-left-held',
    'deletion/a-database-that-does-not-answer-leaves-the-app-held',
  ],
  ...['refused/a-plan-that-finds-a-changed-file', 'kstatus/an-invalid-spec-is-for-a-person'],
];

test('events.yaml shows the events of some stories', () => {
  const shown = TO_READ.map(wanted => {
    const story = STORIES.find(({ name }) => name === wanted);
    assert.ok(story, `there is no scene ${wanted}`);
    return [wanted, story.told.map(({ run, event }) => `${run} ${lineOf(event)}`)] as const;
  });
  const actual = stringify(Object.fromEntries(shown), { lineWidth: 120 });
  const file = join(import.meta.dirname, 'events.yaml');
  if (process.env.UPDATE_GOLDENS === '1') writeFileSync(file, actual);
  assert.equal(actual, existsSync(file) ? readFileSync(file, 'utf8') : '', 'if it is right: UPDATE_GOLDENS=1');
});

function lineOf({ type, reason, message, workload }: Told['event']): string {
  return `${type} ${reason}${workload === undefined ? '' : ` on ${workload.kind} ${workload.name}`}: ${message}`;
}
