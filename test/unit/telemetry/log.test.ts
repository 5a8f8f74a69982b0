// The operator's log: one line a pass, for machines or for people, and never a credential.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { createApi } from '../../../src/kubernetes/client.ts';
import { NAMESPACES } from '../../../src/kubernetes/resources.ts';
import { openTransport } from '../../../src/kubernetes/transport.ts';
import { Controller } from '../../../src/operator/controller/controller.ts';
import { Queue } from '../../../src/operator/controller/queue.ts';
import type { Reconcile } from '../../../src/operator/controller/reconcile.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { FakeClock, settle } from '../controller/fake-clock.ts';
import { type Behaviour, ScriptedServer, status } from '../controller/scripted-server.ts';

function capture(format: 'json' | 'human', level: 'info' | 'debug' = 'info') {
  const stream = new PassThrough();
  const chunks: string[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  const lines = async (): Promise<readonly string[]> => {
    await settle();
    return chunks.join('').split('\n').filter(Boolean);
  };
  return { logger: createLogger({ format, level, stream }), lines };
}

/** The lines of one pass for the key shop/orders. */
async function linesOfPass(format: 'json' | 'human', reconcile: Reconcile): Promise<readonly string[]> {
  const { logger, lines } = capture(format);
  const clock = new FakeClock();
  const queue = new Queue({ name: 'databasemigration', clock });
  const done = Promise.withResolvers<void>();
  const controller = new Controller({
    ...{ name: 'databasemigration', queue, logger, clock, workers: 1, random: () => 1 },
    reconcile: (key, why, signal) => reconcile(key, why, signal).finally(() => done.resolve()),
  });
  queue.add('shop/orders', 'resource');
  queue.add('shop/orders', 'job');
  controller.start();
  await done.promise;
  await settle();
  await controller.stop(1);
  return lines();
}

const summary = { run: 3, step: 'Migrate', at: 'LockTimeout', actions: 'CreateJob' };

test('a pass is one JSON line: key, why, step, actions, duration and next look', async () => {
  const [line = '', ...more] = await linesOfPass('json', async () => ({ requeueAfterMs: 30_000, summary }));
  const { time, ...rest } = JSON.parse(line);
  assert.deepEqual(more, []);
  assert.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(rest, {
    ...{ level: 'info', message: 'reconciled', controller: 'databasemigration', key: 'shop/orders' },
    ...{ why: 'resource, job', result: 'requeue_after', duration_ms: 0, next_look_ms: 30_000 },
    ...summary,
  });
});

test('the same for people: a readable line, values with spaces in quotes', async () => {
  const [line = '', ...more] = await linesOfPass('human', async () => ({ summary }));
  assert.deepEqual(more, []);
  assert.match(
    line,
    /^\S+Z INFO {2}reconciled controller=databasemigration key=shop\/orders why="resource, job" result=success duration_ms=0 run=3 step=Migrate at=LockTimeout actions=CreateJob$/,
  );
});

const TOKEN = 'a-token-that-nobody-may-read';

/** What is logged when the API server behaves like this in a pass. */
async function lineOfFailure(behaviour: Behaviour): Promise<Record<string, unknown>> {
  await using server = await new ScriptedServer().others(behaviour).start();
  const source = { kind: 'Explicit', server: server.address, token: TOKEN } as const;
  const transport = await openTransport({ source, version: '0' });
  try {
    const [line = '', ...more] = await linesOfPass('json', async () => {
      await createApi(transport).get(NAMESPACES, undefined, 'kube-system');
      return {};
    });
    assert.equal(server.seen[0]?.headers.authorization, `Bearer ${TOKEN}`, 'the test proves nothing without a token');
    assert.deepEqual(more, []);
    assert.ok(!line.includes(TOKEN), line);
    return JSON.parse(line);
  } finally {
    await transport.close();
  }
}

test('a request that the API server refused is a line with its code, reason and message, and without our token', async () => {
  const line = await lineOfFailure(status(403, 'Forbidden', 'namespaces "kube-system" is forbidden'));
  assert.deepEqual(
    [line.level, line.message, line.code, line.reason, line.result],
    ['warn', 'reconcile failed', 403, 'Forbidden', 'error'],
  );
  assert.match(String(line.error), /get namespaces: namespaces "kube-system" is forbidden/);
  assert.equal(line.stack, undefined);
  assert.ok(Number(line.next_look_ms) > 0);
});

test('a request without an answer has code 0', async () => {
  const line = await lineOfFailure(response => response.socket?.resetAndDestroy());
  assert.deepEqual([line.code, line.reason], [0, 'NoAnswer']);
});

test('lines below the level are not written', async () => {
  const { logger, lines } = capture('json');
  logger.debug('not this');
  logger.info('this');
  assert.equal((await lines()).length, 1);
});

test('fields that are called like the parts of a line do not replace them', async () => {
  const { logger, lines } = capture('json');
  logger.info('hello', { message: 'other', level: 'fatal', count: 3n, cause: new Error('why') });
  const { time: _, ...rest } = JSON.parse((await lines())[0] ?? '');
  assert.deepEqual(rest, {
    level: 'info',
    message: 'hello',
    message_: 'other',
    level_: 'fatal',
    count: '3',
    cause: 'why',
  });
});
