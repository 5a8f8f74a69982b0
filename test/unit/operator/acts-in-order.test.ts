import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Action, actKey, isFreeOf } from '../../../src/operator/migration/actions.ts';
import { actInOrder, NameTaken, Refusals } from '../../../src/operator/refusals.ts';

const workload = (name: string) => ({ kind: 'Deployment', name, uid: name, resourceVersion: '1' }) as const;
const scale = (name: string, replicas: number): Action => ({ do: 'ScaleWorkload', workload: workload(name), replicas });
const unmark = (name: string): Action => ({ do: 'UnmarkWorkload', workload: workload(name) });

/** What is done of these acts when those of `refusedNames` are refused. */
async function done(acts: readonly Action[], refusedNames: readonly string[]): Promise<readonly string[]> {
  const doneActs: string[] = [];
  await actInOrder(acts, {
    uid: 'a-uid',
    refusals: new Refusals(),
    keyOf: actKey,
    now: '2026-11-22T11:00:00Z',
    signal: new AbortController().signal,
    isFreeOf,
    act: async action => {
      if ('workload' in action && refusedNames.includes(action.workload.name)) throw new NameTaken('refused');
      doneActs.push(actKey(action));
    },
  });
  return doneActs;
}

describe('Acts in their order', () => {
  it('bring one workload up although another one was refused', async () => {
    const acts = [scale('api', 2), unmark('api'), scale('worker', 1), unmark('worker')];
    assert.deepEqual(await done(acts, ['api']), [
      'ScaleWorkload Deployment/worker',
      'UnmarkWorkload Deployment/worker',
    ]);
  });

  it('stop nothing beside what could not be stopped', async () => {
    assert.deepEqual(await done([scale('api', 0), scale('worker', 0)], ['api']), []);
  });

  it('remove no mark of a workload that could not be scaled up', async () => {
    assert.deepEqual(await done([scale('api', 2), unmark('api')], ['api']), []);
  });

  it('let go of nothing after a refused one', async () => {
    assert.deepEqual(await done([scale('api', 2), { do: 'RemoveFinalizer' }], ['api']), []);
  });
});
