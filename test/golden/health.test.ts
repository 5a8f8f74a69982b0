// What Flux and Argo CD make of every status of the picture book, by their own code, against section 3 of the design (health-rules.ts); and
// health.yaml, the same as a table to read: how each scene ends, kstatus, Argo CD's health, STATUS and what it says first.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stringify } from 'yaml';
import { API_VERSION } from '../../src/api/names.ts';
import { type Health, healthOf } from '../cluster/health.ts';
import { PrerequisiteError } from '../cluster/kit/prerequisites.ts';
import { misjudged } from '../health-rules.ts';
import type { Pass } from './builder.ts';
import { backupScenes, scenes } from './scenes.ts';

interface Judged {
  readonly label: string;
  readonly pass: Pass;
  readonly object: ReturnType<typeof objectOf>;
  readonly health: Health;
}

const ALL = scenes().flatMap(({ name, passes }) =>
  passes.map((pass, index) => ({
    label: passes.length === 1 ? name : `${name}, ${index + 1}`,
    pass,
    isLast: index === passes.length - 1,
  })),
);

const STUCK = { type: 'Stalled', status: 'True', reason: 'FileChanged', message: 'm', lastTransitionTime: '' } as const;

const progress = (line: string): void => console.error(`# ${line}`);

/** As the API server would hand it out after the pass. */
function objectOf({ world, decision }: Pass) {
  const { namespace, name, generation, deletionTime } = world.resource;
  const status =
    decision.scope === 'Whole'
      ? decision.status
      : { observedGeneration: -1, conditions: decision.status.conditions ?? [] };
  return {
    apiVersion: API_VERSION,
    kind: 'DatabaseMigration',
    metadata: {
      namespace,
      name,
      generation,
      ...(deletionTime === undefined ? {} : { deletionTimestamp: deletionTime }),
    },
    spec: { suspend: world.spec.ok && world.spec.value.suspend },
    status,
  };
}

/** Skips where there is no Go, but not in CI. */
async function judged(t: TestContext, passes: readonly { label: string; pass: Pass }[]): Promise<readonly Judged[]> {
  const objects = passes.map(({ pass }) => objectOf(pass));
  const answers = await orSkip(t, () => healthOf(objects, progress));
  return (answers ?? []).flatMap((health, index) => {
    const [one, object] = [passes[index], objects[index]];
    return one === undefined || object === undefined ? [] : [{ ...one, object, health }];
  });
}

async function orSkip<T>(t: TestContext, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof PrerequisiteError) || process.env.CI === 'true') throw error;
    t.skip(error.message);
    return undefined;
  }
}

test('kstatus and Argo CD conclude from every decision what the design says', async t => {
  const all = await judged(t, ALL);
  const wrong = misjudged(
    all.map(({ label, object }) => ({ ...object, metadata: { ...object.metadata, name: label } })),
    all.map(one => one.health),
  );
  assert.deepEqual(wrong, []);
});

test('kstatus waits for a backup until it is complete, and sees when it is given up', async t => {
  const passes = backupScenes().flatMap(({ name, passes: all }) => all.map(pass => ({ name, ...pass })));
  const objects = passes.map(({ world, decision }) => ({
    apiVersion: API_VERSION,
    kind: 'DatabaseBackup',
    metadata: { name: world.name, namespace: world.namespace, generation: world.generation },
    status: decision.status,
  }));
  const answers = await orSkip(t, () => healthOf(objects, progress));
  const wrong = answers?.flatMap(({ kstatus }, index) => {
    const { name = '', decision } = passes[index] ?? {};
    const complete = decision?.status.conditions?.find(one => one.type === 'Complete');
    const isGivenUp = decision?.status.conditions?.some(one => one.type === 'Stalled');
    const wanted = complete?.status === 'True' ? 'Current' : isGivenUp ? 'Failed' : 'InProgress';
    return kstatus.status === wanted ? [] : [`${name}: ${kstatus.status}, not ${wanted}`];
  });
  assert.deepEqual(wrong ?? [], []);
});

test('a conclusion that is not the design’s is found', () => {
  const failed = {
    metadata: { name: 'truledgr', generation: 2 },
    status: { observedGeneration: 2, conditions: [STUCK] },
  };
  const good = { status: 'Current', message: '' };
  const bad = { status: 'Failed', message: '' };
  assert.deepEqual(misjudged([failed], [{ kstatus: bad, argo: { status: 'Degraded', message: '' } }]), []);
  assert.deepEqual(misjudged([failed], [{ kstatus: good, argo: { status: 'Healthy', message: '' } }]), [
    '0 truledgr: kstatus Current, not Failed',
    '0 truledgr: Argo CD Healthy, not Degraded',
  ]);
  assert.equal(misjudged([failed], []).length, 2);
});

test('Argo CD shows the message of Ready', async t => {
  const all = await judged(t, ALL);
  const wrong = all.filter(({ object, health }) => {
    const ready = object.status.conditions?.find(one => one.type === 'Ready');
    return object.metadata.deletionTimestamp === undefined && health.argo.message !== ready?.message;
  });
  assert.deepEqual(
    wrong.map(one => one.label),
    [],
  );
});

test('health.yaml shows what they conclude', async t => {
  const all = await judged(
    t,
    ALL.filter(one => one.isLast),
  );
  if (all.length === 0) return;
  const file = join(import.meta.dirname, 'health.yaml');
  const actual = stringify(Object.fromEntries(all.map(one => [one.label.replace(/, \d+$/, ''), lineOf(one)])), {
    lineWidth: 0,
  });
  if (process.env.UPDATE_GOLDENS === '1') writeFileSync(file, actual);
  assert.equal(actual, existsSync(file) ? readFileSync(file, 'utf8') : '', 'if it is right: UPDATE_GOLDENS=1');
});

function lineOf({ object, health }: Judged): string {
  const ready = object.status.conditions?.find(one => one.type === 'Ready');
  const first = /^.*?[.!?](?= [A-Z]|$)/.exec(ready?.message ?? '')?.[0] ?? ready?.message ?? '';
  return `${health.kstatus.status} | ${health.argo.status} | ${ready?.reason ?? '-'} | ${first}`;
}

/** Statuses that no scene has: before the operator's first pass, a gate of later, suspended while something is stuck. */
const READY = { type: 'Ready', status: 'False', message: 'm' };
const OTHERS = [
  ['no status', {}, undefined, 'Current', 'Progressing'],
  ['the default', {}, { observedGeneration: -1 }, 'InProgress', 'Progressing'],
  ['suspended from the beginning', { suspend: true }, { observedGeneration: -1 }, 'InProgress', 'Suspended'],
  [
    'an edit not seen yet',
    {},
    { observedGeneration: 2, conditions: [{ ...READY, status: 'True' }] },
    'InProgress',
    'Progressing',
  ],
  ['a gate that waits', {}, gate('AwaitingApproval'), 'InProgress', 'Suspended'],
  ['a closed window', {}, gate('OutsideWindow'), 'InProgress', 'Suspended'],
  ['a wait', {}, gate('WaitingForSecret'), 'InProgress', 'Progressing'],
  [
    'stuck and suspended',
    { suspend: true },
    { observedGeneration: 3, conditions: [READY, { type: 'Stalled', status: 'True' }] },
    'Failed',
    'Degraded',
  ],
] as const;

function gate(reason: string) {
  return { observedGeneration: 3, conditions: [READY, { type: 'Reconciling', status: 'True', reason, message: 'm' }] };
}

test('a status that the operator has not written, or not lately, holds back a sync wave', async t => {
  const objects = OTHERS.map(([, spec, status]) => ({
    apiVersion: API_VERSION,
    kind: 'DatabaseMigration',
    metadata: { name: 'truledgr', generation: 3 },
    spec,
    status,
  }));
  const answers = await orSkip(t, () => healthOf(objects, progress));
  const actual = answers?.map(({ kstatus, argo }, index) => [OTHERS[index]?.[0], kstatus.status, argo.status]);
  if (actual === undefined) return;
  assert.deepEqual(
    actual,
    OTHERS.map(([name, , , kstatus, argo]) => [name, kstatus, argo]),
  );
});
