// A long-lived operator survives the rotation of what it proves itself with, and of what the server does, over real TLS.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { createApi } from '../../../src/kubernetes/client.ts';
import { ApiError } from '../../../src/kubernetes/errors.ts';
import { JOBS } from '../../../src/kubernetes/resources.ts';
import { openTransport, type Transport } from '../../../src/kubernetes/transport.ts';
import { type Certificate, makeCertificate } from './certificate.ts';

/** Lets in whoever knows the token, or has a certificate if `token` is empty; answers with an object named after him. */
class SecureServer implements AsyncDisposable {
  token = '';
  readonly seen: string[] = [];
  readonly directory = mkdtempSync(join(tmpdir(), 'rotation-'));
  readonly #server: Server;

  constructor(own: Certificate) {
    this.#server = createServer({ ...own, requestCert: true, rejectUnauthorized: false }, (request, response) => {
      const peer = (request.socket as TLSSocket).getPeerCertificate();
      const who = request.headers.authorization?.replace('Bearer ', '') ?? String(peer.subject?.CN);
      this.seen.push(who);
      const isKnown = this.token === '' || this.token === who;
      response.writeHead(isKnown ? 200 : 401).end(JSON.stringify({ metadata: { name: who } }));
    });
  }

  async start(): Promise<this> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  write(file: string, text: string): string {
    const path = join(this.directory, file);
    writeFileSync(path, text);
    return path;
  }

  /** As a restart with another certificate: connections end, new ones meet the new one. */
  restart(own?: Certificate): void {
    if (own !== undefined) this.#server.setSecureContext({ ...own, requestCert: true } as object);
    this.#server.closeAllConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise(resolve => this.#server.close(resolve));
    rmSync(this.directory, { recursive: true });
  }
}

/** The two variables that every Pod has are read while the transport is opened, and set only so long. */
async function inPod(server: SecureServer): Promise<Transport> {
  const variables = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(server.port) };
  const before = Object.keys(variables).map(name => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  try {
    return await openTransport({ source: { kind: 'InCluster', directory: server.directory }, version: '0' });
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

const nameSeen = async (transport: Transport): Promise<string | undefined> =>
  (await createApi(transport).get(JOBS, 'shop', 'a'))?.metadata?.name;

test('a service account whose token and CA are rotated goes on without a restart', async () => {
  const [first, second] = [makeCertificate('first'), makeCertificate('second')];
  await using server = await new SecureServer(first).start();
  server.write('ca.crt', first.cert);
  server.write('token', 'token-1\n');
  server.token = 'token-1';
  const transport = await inPod(server);
  try {
    assert.equal(await nameSeen(transport), 'token-1');

    server.token = 'token-2';
    server.write('token', 'token-2\n');
    assert.equal(await nameSeen(transport), 'token-2');
    assert.deepEqual(server.seen, ['token-1', 'token-1', 'token-2'], 'asked again once, with the new one');

    server.restart(second);
    const distrust = await nameSeen(transport).catch(error => error);
    assert.ok(distrust instanceof ApiError && distrust.effect === 'None', String(distrust));
    server.write('ca.crt', second.cert);
    assert.equal(await nameSeen(transport), 'token-2');
  } finally {
    await transport.close();
  }
});

test('a file that is away or empty in the middle of a rotation changes nothing', async () => {
  const own = makeCertificate('own');
  await using server = await new SecureServer(own).start();
  const ca = server.write('ca.crt', own.cert);
  server.write('token', 'token-1');
  const transport = await inPod(server);
  try {
    assert.equal(await nameSeen(transport), 'token-1');
    rmSync(ca);
    server.write('token', '');
    server.restart();
    assert.equal(await nameSeen(transport), 'token-1');
  } finally {
    await transport.close();
  }
});

test('a client certificate that is rotated is used by the next connection', async () => {
  const own = makeCertificate('server');
  const [first, second] = [makeCertificate('client-1'), makeCertificate('client-2')];
  await using server = await new SecureServer(own).start();
  const user = {
    'client-certificate': server.write('client.crt', first.cert),
    'client-key': server.write('client.key', first.key),
  };
  const cluster = {
    server: `https://127.0.0.1:${server.port}`,
    'certificate-authority': server.write('ca.crt', own.cert),
  };
  const config = {
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  const path = server.write('config', JSON.stringify(config));
  const transport = await openTransport({ source: { kind: 'Kubeconfig', path }, version: '0' });
  try {
    assert.equal(await nameSeen(transport), 'client-1');
    server.write('client.crt', second.cert);
    server.write('client.key', second.key);
    server.restart();
    assert.equal(await nameSeen(transport), 'client-2');
  } finally {
    await transport.close();
  }
});
