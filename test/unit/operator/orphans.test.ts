// Jobs that outlive their resource.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS, LABELS } from '../../../src/api/names.ts';
import type { Api } from '../../../src/kubernetes/api.ts';
import type { Job } from '../../../src/kubernetes/resources.ts';
import { handOverOrphans } from '../../../src/operator/jobs/orphans.ts';
import { createCaches } from '../../../src/operator/sources.ts';

function job(name: string, uid: string, state: 'Runs' | 'Finished' | 'HandedOver'): Job {
  const complete = { type: 'Complete', status: 'True', lastTransitionTime: '2026-11-22T11:00:00Z' };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      namespace: 'shop',
      name,
      uid: `uid-of-${name}`,
      resourceVersion: '1',
      labels: { [LABELS.uid]: uid },
      annotations: { [ANNOTATIONS.for]: 'DatabaseMigration/truledgr' },
    },
    spec: state === 'HandedOver' ? { ttlSecondsAfterFinished: 60 } : {},
    status: state === 'Runs' ? {} : { conditions: [complete] },
  } as unknown as Job;
}

async function handedOver(jobs: readonly Job[], uid: string | undefined): Promise<readonly string[]> {
  const caches = createCaches();
  for (const one of jobs) caches.jobs.upsert(one);
  const patched: string[] = [];
  const patch = async (_resource: unknown, _namespace: string, name: string): Promise<void> => {
    patched.push(name);
  };
  const api = { patch } as unknown as Api;
  await handOverOrphans({ api, caches }, { kind: 'DatabaseMigration', namespace: 'shop', name: 'truledgr', uid });
  return patched;
}

const jobs = [job('settle', 'gone', 'Finished'), job('migrate', 'gone', 'Runs'), job('plan', 'gone', 'HandedOver')];

test('a finished Job of a resource that is gone gets its time to live, one that runs does not', async () => {
  assert.deepEqual(await handedOver(jobs, undefined), ['settle']);
});

test('the next resource of that name does not keep the Jobs of the last, and hands over none of its own', async () => {
  assert.deepEqual(await handedOver([...jobs, job('backup', 'new', 'Finished')], 'new'), ['settle']);
});
