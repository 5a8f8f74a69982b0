import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createApi } from '../../../src/kubernetes/client.ts';
import type { ConnectionSource } from '../../../src/kubernetes/connection.ts';
import {
  ApiError,
  isAlreadyExists,
  isConflict,
  isForbidden,
  isNamespaceTerminating,
  isQuotaExceeded,
} from '../../../src/kubernetes/errors.ts';
import { CONFIG_MAPS, DEPLOYMENTS, JOBS, LEASES, NAMESPACES } from '../../../src/kubernetes/resources.ts';
import { openTransport, type RequestReport, type TransportOptions } from '../../../src/kubernetes/transport.ts';
import { type Behaviour, ScriptedServer, status } from '../controller/scripted-server.ts';

const json =
  (body: object, code = 200): Behaviour =>
  response =>
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));

async function build(behaviours: readonly Behaviour[], options: Partial<TransportOptions> = {}) {
  const server = await new ScriptedServer().others(...behaviours).start();
  const reports: RequestReport[] = [];
  const transport = await openTransport({
    source: { kind: 'Explicit', server: server.address, token: 'secret-token' },
    version: '1.2.3',
    onRequest: report => reports.push(report),
    ...options,
  });
  return {
    server,
    reports,
    transport,
    api: createApi(transport),
    async [Symbol.asyncDispose]() {
      await transport.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function failure(promise: Promise<unknown>): Promise<ApiError> {
  const error = await promise.then(
    () => assert.fail('it succeeded'),
    reason => reason,
  );
  assert.ok(error instanceof ApiError, String(error));
  return error;
}

const configMap = { metadata: { name: 'a', namespace: 'shop', resourceVersion: '7' } };

test('requests say who we are and what they carry', async () => {
  await using scene = await build([json({})]);
  await scene.api.create(JOBS, 'shop', { metadata: { name: 'a' } });
  await scene.api.patch(
    DEPLOYMENTS,
    'shop',
    'a',
    { spec: { replicas: 0 } },
    { subresource: 'scale', fieldManager: 'scaler' },
  );
  await scene.api.replace(CONFIG_MAPS, configMap);
  await scene.api.delete(JOBS, 'shop', 'a', { uid: 'u', gracePeriodSeconds: 0 });
  await scene.api.get(NAMESPACES, undefined, 'kube-system');
  const [create, patch, replace, remove, get] = scene.server.seen;
  assert.equal(create?.headers['user-agent'], 'migration-operator/1.2.3');
  assert.equal(create?.headers.authorization, 'Bearer secret-token');
  assert.deepEqual(JSON.parse(create?.body ?? ''), { metadata: { name: 'a' }, apiVersion: 'batch/v1', kind: 'Job' });
  assert.equal(`${create?.method} ${create?.url.pathname}`, 'POST /apis/batch/v1/namespaces/shop/jobs');
  assert.equal(patch?.headers['content-type'], 'application/merge-patch+json');
  assert.equal(patch?.url.pathname, '/apis/apps/v1/namespaces/shop/deployments/a/scale');
  assert.equal(patch?.url.searchParams.get('fieldManager'), 'scaler');
  assert.equal(`${replace?.method} ${replace?.url.pathname}`, 'PUT /api/v1/namespaces/shop/configmaps/a');
  assert.deepEqual(JSON.parse(remove?.body ?? ''), {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: 'Background',
    gracePeriodSeconds: 0,
    preconditions: { uid: 'u' },
  });
  assert.equal(get?.url.pathname, '/api/v1/namespaces/kube-system');
  assert.deepEqual(
    scene.reports.map(({ verb, resource, code }) => `${verb} ${resource} ${code}`),
    [
      'create jobs 200',
      'patch deployments/scale 200',
      'update configmaps 200',
      'delete jobs 200',
      'get namespaces 200',
    ],
  );
});

test('an object that is not there is undefined, a kind that is not there is an error', async () => {
  await using scene = await build([
    status(404, 'NotFound', 'leases.coordination.k8s.io "x" not found'),
    response => response.writeHead(404).end('404 page not found\n'),
    status(404, 'NotFound', 'jobs.batch "x" not found'),
  ]);
  assert.equal(await scene.api.get(LEASES, 'shop', 'x'), undefined);
  assert.equal((await failure(scene.api.get(LEASES, 'shop', 'x'))).status, 404);
  await scene.api.delete(JOBS, 'shop', 'x');
});

test('each refusal is told from the others', async () => {
  await using scene = await build([
    status(409, 'AlreadyExists', 'jobs.batch "a" already exists'),
    status(409, 'Conflict', 'the object has been modified'),
    status(403, 'Forbidden', 'pods "a" is forbidden: exceeded quota: compute'),
    status(403, 'Forbidden', 'unable to create new content in namespace shop because it is being terminated'),
    status(403, 'Forbidden', 'User "x" cannot create resource "jobs"'),
  ]);
  const errors: ApiError[] = [];
  for (let n = 0; n < 5; n++) errors.push(await failure(scene.api.create(JOBS, 'shop', {})));
  const asked = [isAlreadyExists, isConflict, isQuotaExceeded, isNamespaceTerminating, isForbidden];
  for (const [row, error] of errors.entries()) {
    assert.deepEqual(
      asked.map(is => is(error)),
      asked.map((_, column) => column === row),
      error.message,
    );
    assert.equal(error.effect, 'None');
  }
});

test('a patch for an earlier object of that name is a conflict, however the server words it', async () => {
  const causes = [{ reason: 'FieldValueInvalid', message: 'field is immutable', field: 'metadata.uid' }];
  await using scene = await build([json({ reason: 'Invalid', message: 'is invalid', details: { causes } }, 422)]);
  assert.ok(isConflict(await failure(scene.api.patch(JOBS, 'shop', 'a', { metadata: { uid: 'u' } }))));
});

test('a 401 is asked again once with a token that was read again', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'token-'));
  const kubeconfig = (server: string): string =>
    JSON.stringify({
      clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
      users: [
        { name: 'u', user: { 'auth-provider': { name: 'file', config: { tokenFile: join(directory, 'token') } } } },
      ],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'from-context' } }],
      'current-context': 'x',
    });
  try {
    await using server = await new ScriptedServer()
      .others(json({}), status(401, 'Unauthorized', 'expired'), json({}), status(401, 'Unauthorized', 'no'))
      .start();
    writeFileSync(join(directory, 'token'), 'old\n');
    writeFileSync(join(directory, 'config'), kubeconfig(server.address));
    const source: ConnectionSource = { kind: 'Kubeconfig', path: join(directory, 'config') };
    const transport = await openTransport({ source, version: '0' });
    try {
      const api = createApi(transport);
      assert.equal(transport.namespace, 'from-context');
      await api.get(JOBS, 'shop', 'a');
      writeFileSync(join(directory, 'token'), 'new\n');
      await api.get(JOBS, 'shop', 'a');
      assert.equal((await failure(api.get(JOBS, 'shop', 'a'))).status, 401);
      const tokens = server.seen.map(({ headers }) => headers.authorization);
      assert.deepEqual(tokens, ['Bearer old', 'Bearer old', 'Bearer new', 'Bearer new', 'Bearer new']);
    } finally {
      await transport.close();
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a write that gets no answer may have happened; a read changes nothing', async () => {
  await using scene = await build([response => response.socket?.resetAndDestroy()], { timeoutMs: 100 });
  const cut = await failure(scene.api.create(JOBS, 'shop', {}));
  assert.deepEqual([cut.status, cut.reason, cut.effect], [0, 'NoAnswer', 'Unknown']);
  assert.equal((await failure(scene.api.get(JOBS, 'shop', 'a'))).effect, 'None');
  scene.server.others(() => {});
  const late = await failure(scene.api.create(JOBS, 'shop', {}));
  assert.deepEqual([late.reason, late.effect], ['TimedOut', 'Unknown']);
  scene.server.others(response => response.writeHead(200).write('{"metadata":'));
  assert.equal((await failure(scene.api.create(JOBS, 'shop', {}))).reason, 'TimedOut');
  scene.server.others(status(504, 'Timeout', 'the server was unable to return a response in time'));
  assert.equal((await failure(scene.api.create(JOBS, 'shop', {}))).effect, 'Unknown');
  scene.server.others(response => response.end('<html>'));
  assert.equal((await failure(scene.api.create(JOBS, 'shop', {}))).reason, 'Unreadable');
});

test('a write to a server that is not there has not happened', async () => {
  const address = await (async () => {
    await using server = await new ScriptedServer().start();
    return server.address;
  })();
  await using scene = await build([], { source: { kind: 'Explicit', server: address } });
  assert.equal((await failure(scene.api.create(JOBS, 'shop', {}))).effect, 'None');
});

test("a process that was frozen past a request's time while it connected does not send it on waking", async () => {
  await using scene = await build([json({})], { timeoutMs: 100 });
  const creation = failure(scene.api.create(JOBS, 'shop', {}));
  await new Promise(resolve => setImmediate(resolve));
  // Nothing of this process runs, no timer either, while the kernel completes the connection.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  const late = await creation;
  assert.deepEqual([late.reason, late.effect, scene.server.seen.length], ['TimedOut', 'None', 0]);
});

test('closing aborts what is under way', async () => {
  await using scene = await build([() => {}]);
  const pending = failure(scene.api.create(JOBS, 'shop', {}));
  await scene.transport.close();
  assert.equal((await pending).reason, 'Closed');
  assert.equal(process.getActiveResourcesInfo().filter(resource => resource === 'Timeout').length, 0);
});

test('another server may be put in between', async () => {
  await using proxy = await new ScriptedServer().others(json({ metadata: { name: 'a' } })).start();
  await using scene = await build([], { server: `${proxy.address}/prefix/` });
  assert.equal((await scene.api.get(JOBS, 'shop', 'a'))?.metadata?.name, 'a');
  assert.equal(proxy.seen[0]?.url.pathname, '/prefix/apis/batch/v1/namespaces/shop/jobs/a');
});

test('errors and reports never hold the token', async () => {
  await using scene = await build([status(500, 'InternalError', 'x')]);
  const error = await failure(scene.api.get(JOBS, 'shop', 'a'));
  assert.ok(!JSON.stringify([error, error.message, error.stack, scene.reports]).includes('secret-token'));
});

test('a name cannot steer the path', async () => {
  await using scene = await build([json({})]);
  for (const name of ['../secrets', 'a/b', 'a?x=1', '', '..']) {
    await assert.rejects(scene.api.get(JOBS, 'shop', name), /must be a Kubernetes name/);
  }
  await assert.rejects(scene.api.get(JOBS, undefined, 'a'), /must have a namespace/);
  assert.equal(scene.server.seen.length, 0);
});

test('a replacement without a resourceVersion is refused before it is sent', async () => {
  await using scene = await build([json({})]);
  await assert.rejects(
    scene.api.replace(CONFIG_MAPS, { metadata: { name: 'a', namespace: 'shop' } }),
    /resourceVersion/,
  );
});
