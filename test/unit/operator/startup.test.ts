// How the operator begins: an API server that is away is waited for, one that refuses is not; and who was not elected
// does not tell how resources stand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTransport } from '../../../src/kubernetes/transport.ts';
import { noMetrics, silentLogger } from '../../../src/operator/controller/collaborators.ts';
import { noProductMetrics } from '../../../src/operator/measurements.ts';
import { createOperator, type OperatorOptions } from '../../../src/operator/operator.ts';
import { settle } from '../controller/fake-clock.ts';
import { type Behaviour, ScriptedServer, status } from '../controller/scripted-server.ts';

const kubeSystem: Behaviour = response => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ metadata: { name: 'kube-system', uid: 'u1', resourceVersion: '1' } }));
};

/** Makes an operator against a server that answers like this; it is not started. */
async function create(answers: readonly Behaviour[], options: Partial<OperatorOptions> = {}) {
  await using server = await new ScriptedServer().others(...answers).start();
  const transport = await openTransport({ source: { kind: 'Explicit', server: server.address }, version: '0' });
  const warnings: string[] = [];
  let standings = 0;
  try {
    const machine = await createOperator({
      ...{ transport, image: { name: 'runner', pullPolicy: 'Never' }, namespaces: [], metrics: noMetrics },
      logger: { ...silentLogger, warn: message => warnings.push(message) },
      productMetrics: { ...noProductMetrics, standings: () => void standings++ },
      ...options,
    });
    await settle();
    return { machine, warnings, standings, asked: server.seen.length };
  } finally {
    await transport.close();
  }
}

test('an API server that is away when the operator starts is waited for', async () => {
  const away = status(503, 'ServiceUnavailable', 'away', { 'retry-after': '0' });
  const { warnings, asked, standings } = await create([away, kubeSystem]);
  assert.deepEqual(warnings, ['the API server does not answer yet']);
  assert.equal(asked, 2);
  assert.equal(standings, 1);
});

test('one that refuses is not: a right is missing, and the process says so and ends', async () => {
  await assert.rejects(create([status(403, 'Forbidden', 'not yours')]), /get namespaces: not yours/);
});

test('an operator that was not elected does not tell how resources stand', async () => {
  const { standings } = await create([kubeSystem], { election: { namespace: 'system', identity: 'a' } });
  assert.equal(standings, 0);
});
