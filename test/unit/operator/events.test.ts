// An Event says what it is about: the resource, or a workload that outlives it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Api } from '../../../src/kubernetes/api.ts';
import { tellEvents } from '../../../src/operator/events.ts';
import type { EventNote } from '../../../src/operator/migration/actions.ts';

const RESOURCE = {
  apiVersion: 'migrations.truledgr.app/v1alpha1',
  kind: 'DatabaseMigration',
  metadata: { name: 'truledgr', namespace: 'shop', uid: 'uid-of-truledgr', resourceVersion: '7' },
};
const LOGGER = { debug() {}, info() {}, warn() {}, error() {} };

async function written(note: EventNote): Promise<Record<string, unknown>> {
  const events: Record<string, unknown>[] = [];
  const api = {
    create: async (_resource: unknown, namespace: string, event: Record<string, unknown>) => {
      assert.equal(namespace, 'shop');
      events.push(event);
      return event;
    },
  } as unknown as Api;
  await tellEvents(api, LOGGER, 'DatabaseMigration', RESOURCE, [note], '2026-11-22T11:00:00Z');
  const [event] = events;
  assert.ok(event);
  return event;
}

test('an event is about the resource', async () => {
  const { involvedObject, type, reason, message } = await written({
    type: 'Normal',
    reason: 'Migrated',
    message: 'It is.',
  });
  assert.deepEqual(
    { involvedObject, type, reason, message },
    {
      involvedObject: { ...RESOURCE.metadata, apiVersion: RESOURCE.apiVersion, kind: 'DatabaseMigration' },
      type: 'Normal',
      reason: 'Migrated',
      message: 'It is.',
    },
  );
});

test('an event about a workload is found by those who describe the workload', async () => {
  const workload = { kind: 'Deployment', name: 'truledgr-api', uid: 'uid-of-the-app' } as const;
  const { involvedObject, metadata } = await written({ type: 'Warning', reason: 'Held', message: 'It is.', workload });
  assert.deepEqual(involvedObject, { apiVersion: 'apps/v1', ...workload, namespace: 'shop' });
  assert.match(String((metadata as { name: string }).name), /^truledgr-api\.[0-9a-f]{16}$/);
});
