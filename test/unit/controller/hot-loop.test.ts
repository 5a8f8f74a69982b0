// An object that cannot be served must not cost the API server more and more: requests are counted where they arrive.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApi } from '../../../src/kubernetes/client.ts';
import { JOBS } from '../../../src/kubernetes/resources.ts';
import { openTransport } from '../../../src/kubernetes/transport.ts';
import { Controller } from '../../../src/operator/controller/controller.ts';
import { Queue } from '../../../src/operator/controller/queue.ts';
import { eventually, HastyClock, server } from './list-watch-scene.ts';
import { type Behaviour, status } from './scripted-server.ts';

const answers: Readonly<Record<string, { readonly answer: Behaviour; readonly delays: readonly number[] }>> = {
  'an API server in trouble': {
    answer: status(500, 'InternalError', 'no'),
    delays: [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000],
  },
  'a right that is missing': {
    answer: status(403, 'Forbidden', 'User "x" cannot create resource "jobs"'),
    delays: [5000, 10_000, 20_000, 40_000, 60_000, 60_000],
  },
  'an object that is refused': {
    answer: status(422, 'Invalid', 'spec: Invalid value'),
    delays: [10_000, 20_000, 40_000, 80_000, 160_000, 300_000],
  },
};

for (const [what, { answer, delays }] of Object.entries(answers)) {
  test(`${what} is asked less and less often, and once a pass`, async () => {
    await using api = (await server()).others(answer);
    const transport = await openTransport({ source: { kind: 'Explicit', server: api.address }, version: '0' });
    const [clock, waits] = [new HastyClock(), new HastyClock()];
    const queue = new Queue({ name: 'test', clock: waits });
    const reconcile = async () => {
      await createApi(transport).create(JOBS, 'shop', {});
      return {};
    };
    const controller = new Controller({ name: 'test', queue, reconcile, clock, random: () => 1 });
    controller.start();
    try {
      queue.add('shop/a', 'resource');
      await eventually('it was tried often', () => api.seen.length >= 4);
      assert.deepEqual(waits.delays.slice(0, 3), delays.slice(0, 3));
      assert.ok(api.seen.length - waits.delays.length <= 1, 'a request is a pass, and a pass has a delay');
    } finally {
      await controller.stop(1000);
      await transport.close();
    }
  });
}
