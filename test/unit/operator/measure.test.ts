// What is counted when a status was written: each thing that happened, once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MigrationStatus, Run, RunStep } from '../../../src/api/parse.ts';
import { ERRORS } from '../../../src/engine/errors.ts';
import { measureBackup } from '../../../src/operator/backup/measure.ts';
import { noProductMetrics, type ProductMetrics } from '../../../src/operator/measurements.ts';
import { measure, measureStopped, repeatReason } from '../../../src/operator/migration/measure.ts';
import type { World } from '../../../src/operator/migration/world.ts';

const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

function recorder(): { readonly told: string[]; readonly metrics: ProductMetrics } {
  const told: string[] = [];
  const note =
    (what: string) =>
    (...facts: readonly unknown[]): void =>
      void told.push([what, ...facts.map(String)].join(' '));
  const names = [
    'runEnded',
    'stepEnded',
    'appWasStopped',
    'appIsStopped',
    'attemptRepeated',
    'stepWasBlocked',
    'backupEnded',
  ] as const;
  const metrics = { ...noProductMetrics, ...Object.fromEntries(names.map(name => [name, note(name)])) };
  return { told, metrics };
}

function run(over: Partial<Run> = {}): Run {
  return { id: 1, generation: 1, startTime: at(0), sourceRevision: '', planInputDigest: '', ...over };
}

function step(name: RunStep['name'], over: Partial<RunStep> = {}): RunStep {
  return { name, state: 'Active', startTime: at(0), ...over };
}

/** What is counted for each write of a status after the first. */
function counted(...statuses: readonly MigrationStatus[]): readonly string[] {
  const { told, metrics } = recorder();
  statuses.forEach((status, index) => {
    measure(metrics, statuses[index - 1], status);
  });
  return told;
}

test('a run that ends is counted with its time, once', () => {
  const ended = { run: run({ outcome: 'Succeeded', endTime: at(42) }) };
  assert.deepEqual(counted({ run: run() }, ended, ended), ['runEnded Succeeded 42']);
});

test('the downtime is that of the history', () => {
  const history = [{ id: 1, outcome: 'Succeeded', startTime: at(0), endTime: at(42), stoppedSeconds: 9 }];
  const ended = { run: run({ outcome: 'Succeeded', endTime: at(42) }), history };
  assert.deepEqual(counted({ run: run() }, ended), ['runEnded Succeeded 42', 'appWasStopped 9']);
});

test('a run that ends in the write in which the next begins is counted', () => {
  const history = [{ id: 1, outcome: 'Superseded', startTime: at(0), endTime: at(7) }];
  const next = { run: run({ id: 2, startTime: at(7) }), history };
  assert.deepEqual(counted({ run: run() }, next), ['runEnded Superseded 7']);
});

test('a run that is dropped before its commit was abandoned', () => {
  assert.deepEqual(counted({ run: run() }, { run: run({ id: 2, startTime: at(3) }) }), ['runEnded Abandoned 3']);
});

test('a step is counted when it ends, and not when an attempt of it fails', () => {
  const steps = (migrate: RunStep): MigrationStatus => ({ run: run({ steps: [migrate] }) });
  const told = counted(
    steps(step('Migrate')),
    steps(step('Migrate', { state: 'Failed', reason: 'JobCrashed' })),
    steps(step('Migrate', { state: 'Done', endTime: at(30) })),
    steps(step('Migrate', { state: 'Done', endTime: at(30) })),
  );
  assert.deepEqual(told, ['stepEnded Migrate Done 30']);
});

test('each attempt that is made again is counted with its reason, and the wait when it is over', () => {
  const waiting = (retry: number): RunStep =>
    step('Migrate', { state: 'Waiting', reason: 'FenceHeld', blockedSince: at(10), retryTime: at(retry) });
  const told = counted(
    { run: run({ steps: [step('Migrate')] }) },
    { run: run({ steps: [waiting(15)] }) },
    { run: run({ steps: [step('Migrate', { reason: 'FenceHeld', blockedSince: at(10) })] }) },
    { run: run({ steps: [waiting(35)] }) },
    { run: run({ steps: [step('Migrate', { state: 'Done', endTime: at(50) })] }) },
  );
  const repeated = 'attemptRepeated Migrate FenceHeld';
  // The last write before the end still knew since when.
  assert.deepEqual(told, [repeated, repeated, 'stepEnded Migrate Done 50', 'stepWasBlocked Migrate 40']);
});

test('an app is stopped while a workload is at zero with our mark on it, since the rollout ended', () => {
  const workload = (replicas: number, uid: string) => ({
    ...{ kind: 'Deployment', name: 'api', found: { replicas, mark: { uid, run: 1, replicas: 2 } } },
  });
  const told = (workloads: readonly object[], rolledOut?: 'True' | 'False'): readonly string[] => {
    const { told: lines, metrics } = recorder();
    const world = { resource: { namespace: 'shop', name: 'orders', uid: 'u1' }, now: at(90), workloads };
    const condition = { type: 'RolledOut', status: rolledOut, lastTransitionTime: at(30) };
    const conditions = rolledOut === undefined ? [] : [condition];
    measureStopped(metrics, world as unknown as World, { conditions } as MigrationStatus);
    return lines;
  };
  const begin = Date.parse(at(0)) / 1000;
  assert.deepEqual(told([workload(0, 'u1')], 'False'), [`appIsStopped shop orders ${begin + 30}`]);
  assert.deepEqual(
    told([workload(0, 'u1')]),
    [`appIsStopped shop orders ${begin + 90}`],
    'held, though nothing says so',
  );
  const isNot = ['appIsStopped shop orders undefined'];
  assert.deepEqual(told([workload(2, 'u1')], 'False'), isNot, 'marked, and not at zero yet');
  assert.deepEqual(told([workload(0, 'u2')], 'False'), isNot, 'held by another resource');
  assert.deepEqual(told([{ kind: 'Deployment', name: 'api' }], 'False'), isNot, 'not there at all');
});

test('every reason of the engine that is tried again has a name of its own, and what is strange has none', () => {
  const retryable = Object.entries(ERRORS).filter(([, { exitCode }]) => exitCode >= 10 && exitCode <= 13);
  assert.ok(retryable.length > 0);
  for (const [code] of retryable) assert.equal(repeatReason(code), code);
  assert.equal(repeatReason('DropTableUsers'), 'Other');
  assert.equal(repeatReason('Planning'), 'JobCrashed');
});

test('a backup is counted when it is complete, or given up', () => {
  const condition = (type: string, reason: string) => ({
    ...{ type, reason, status: 'True' as const, message: '', lastTransitionTime: at(9), observedGeneration: 1 },
  });
  const complete = { startTime: at(1), completionTime: at(9), conditions: [condition('Complete', 'Complete')] };
  const stalled = { startTime: at(1), conditions: [condition('Stalled', 'VolumeFull')] };
  const { told, metrics } = recorder();
  measureBackup(metrics, { startTime: at(1) }, complete);
  measureBackup(metrics, complete, complete);
  measureBackup(metrics, { startTime: at(1) }, stalled);
  assert.deepEqual(told, ['backupEnded Complete 8', 'backupEnded Failed 0']);
});
