// What is read of a workload, and what is not asked for because it could tell nothing.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Api } from '../../../src/kubernetes/api.ts';
import type { Deployment, Pod } from '../../../src/kubernetes/resources.ts';
import { readWorkload } from '../../../src/operator/migration/workloads.ts';

interface Counts {
  readonly spec: number;
  readonly all: number;
  readonly updated: number;
  readonly available: number;
  readonly observed?: number;
}

async function podsReadOf(counts: Counts): Promise<readonly string[] | 'unread'> {
  let isRead = false;
  const deployment = {
    metadata: { name: 'app', uid: 'u', generation: 3 },
    spec: { replicas: counts.spec, selector: { matchLabels: { app: 'app' } }, template: {} },
    status: {
      observedGeneration: counts.observed ?? 3,
      replicas: counts.all,
      updatedReplicas: counts.updated,
      availableReplicas: counts.available,
    },
  } as unknown as Deployment;
  const pod = {
    metadata: { name: 'app-1', uid: 'p', ownerReferences: [{ kind: 'ReplicaSet' }] },
    status: { phase: 'Running' },
  } as unknown as Pod;
  const api = {
    get: async () => deployment,
    list: async () => {
      isRead = true;
      return { items: [pod], resourceVersion: '1' };
    },
  } as unknown as Api;
  const { found } = await readWorkload(api, 'shop', { kind: 'Deployment', name: 'app' });
  const names = found?.pods.map(({ name }) => name) ?? [];
  return isRead ? names : 'unread';
}

describe('The Pods of a workload', () => {
  it('are not read while every replica is updated and available', async () => {
    assert.equal(await podsReadOf({ spec: 2, all: 2, updated: 2, available: 2 }), 'unread');
  });

  for (const [when, counts] of Object.entries({
    'at zero, where one that is ending is in no count': { spec: 0, all: 0, updated: 0, available: 0 },
    'while one is not available': { spec: 2, all: 2, updated: 2, available: 1 },
    'while one is of the old template': { spec: 2, all: 2, updated: 1, available: 2 },
    'while an old one is left over': { spec: 2, all: 3, updated: 2, available: 2 },
    'while the counts are of an earlier spec': { spec: 2, all: 2, updated: 2, available: 2, observed: 2 },
  })) {
    it(`are read ${when}`, async () => assert.deepEqual(await podsReadOf(counts), ['app-1']));
  }
});
