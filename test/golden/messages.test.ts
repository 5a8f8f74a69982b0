// Every message that a person may read, in every scene: whole sentences, no words of our workshop, short enough for an
// Event and a terminal, and never a secret, whatever a Job or the kubelet says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Condition } from '../../src/api/parse.ts';
import type { Pass } from './builder.ts';
import { backupScenes, scenes } from './scenes.ts';
import { playTo } from './story.ts';

interface Said {
  readonly where: string;
  readonly text: string;
}

function conditionsSay(name: string, conditions: readonly Condition[] = []): readonly Said[] {
  return conditions.map(({ type, message }) => ({ where: `${name}: ${type}`, text: message }));
}

function said(name: string, { decision }: Pass): readonly Said[] {
  const events = decision.events.map(({ reason, message }) => ({ where: `${name}: event ${reason}`, text: message }));
  return [...conditionsSay(name, decision.status.conditions), ...events];
}

const SAID_OF_MIGRATIONS = scenes().flatMap(({ name, passes }) => passes.flatMap(pass => said(name, pass)));
const SAID: readonly Said[] = [
  ...SAID_OF_MIGRATIONS,
  ...backupScenes().flatMap(({ name, passes }) =>
    passes.flatMap(({ decision }) => [
      ...conditionsSay(name, decision.status.conditions),
      ...decision.events.map(({ reason, message }) => ({ where: `${name}: event ${reason}`, text: message })),
    ]),
  ),
];

function where(isWrong: (text: string) => boolean): readonly string[] {
  return [
    ...new Map(SAID.filter(({ text }) => isWrong(text)).map(one => [one.text, `${one.where}: ${one.text}`])).values(),
  ];
}

test('every message is made of whole sentences', () => {
  // A name may begin a sentence, and a name is not always upper-case: a file, a field, a version, a count.
  const begins = /^([A-Z0-9"]|[a-z]+ "|spec\.|[a-z0-9_]+\.up\.sql|couldn't)/;
  assert.deepEqual(
    where(
      text => !begins.test(text) || !/[.!?…]$/.test(text) || /\.\.|;\.|[.;:] [.;]|\. [a-z](?!pec\.)| {2}/.test(text),
    ),
    [],
  );
});

test('no message has a word of our workshop', () => {
  const workshop = /\b(fence|verdict|latch\w*|reconcil\w*|superseded|undefined|null|NaN|object Object)\b/i;
  assert.deepEqual(
    where(text => workshop.test(text)),
    [],
  );
});

test('every message fits an Event, and its first sentence a terminal', () => {
  assert.deepEqual(
    where(text => text.length > 1024 || (/^.*?[.!?](?= |$)/.exec(text)?.[0] ?? text).length > 320),
    [],
  );
});

test('what needs a person says what to do', () => {
  const remedy =
    /annotate the resource|Mend |Delete |Apply |Set |Undo |Use |Find out|Release |Put |Give |Did you mean|Take |Correct |undo the edit/;
  const stuck = SAID_OF_MIGRATIONS.filter(({ where: place }) => place.endsWith(': Stalled'));
  assert.ok(stuck.length > 50);
  assert.deepEqual(
    stuck.filter(({ text }) => !remedy.test(text)).map(one => `${one.where}: ${one.text}`),
    [],
  );
});

/** Where somebody else's words come in: a Job's error, a container's last words, the kubelet's, a probe's of the app. */
const PASSWORD = 'correct-horse-battery';
const DATABASE_URL = `postgresql://truledgr_owner:${PASSWORD}@truledgr-db:5432/truledgr`;
const FOREIGN: Readonly<Record<string, (play: ReturnType<typeof playTo>) => void>> = {
  PlanRuns: play => {
    const job = play.cluster.jobOf('plan');
    if (job !== undefined) play.jobEnds(job, { exitCode: 139, reason: 'Error' }, `cannot connect to ${DATABASE_URL}`);
  },
  PlanStarting: play => {
    const pod = play.cluster.jobOf('plan')?.view.pods[0];
    if (pod !== undefined)
      pod.waiting = { reason: 'CreateContainerError', message: `env DATABASE_URL=${DATABASE_URL} is bad` };
  },
  MigrateRuns: play => {
    const job = play.cluster.jobOf('migrate');
    const error = { code: 'DatabaseUnreachable', message: `getaddrinfo for ${DATABASE_URL} failed` };
    if (job !== undefined) play.jobAnswers(job, { exitCode: 10, error });
  },
  SettleRuns: play => {
    const job = play.cluster.jobOf('settle');
    if (job !== undefined)
      play.jobEnds(job, { exitCode: 1, reason: 'Error' }, `url "${DATABASE_URL}" password=${PASSWORD}`);
  },
  ValidateRuns: play => {
    const job = play.cluster.jobOf('validate');
    if (job !== undefined)
      play.jobEnds(job, { exitCode: 1, reason: 'Error' }, `GET https://u:${PASSWORD}@truledgr-api/`);
  },
};

for (const [point, happens] of Object.entries(FOREIGN)) {
  test(`a password in what others say is hidden: ${point}`, () => {
    const play = playTo(point, {});
    happens(play);
    for (let pass = 0; pass < 5; pass += 1) {
      const decision = play.pass();
      const text = JSON.stringify([decision.status, decision.events]);
      assert.ok(
        !text.includes(PASSWORD),
        text.slice(Math.max(0, text.indexOf(PASSWORD) - 200), text.indexOf(PASSWORD) + 40),
      );
      play.later(30);
    }
  });
}
