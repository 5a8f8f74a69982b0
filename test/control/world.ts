// What the tests on a real API server without nodes share: one control plane, one PostgreSQL server, the player of Pods
// and an HTTP server that says yes to health checks. Made once by a test file (test/crash, test/failures), and everything
// of it is gone after `close`.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import type { Api } from '../../src/kubernetes/api.ts';
import { createApi } from '../../src/kubernetes/client.ts';
import type { TlsSettings } from '../../src/kubernetes/connection.ts';
import { connect } from '../../src/kubernetes/credentials.ts';
import { openTransport, type Transport } from '../../src/kubernetes/transport.ts';
import { type Cluster, up } from '../cluster/cluster.ts';
import { startPostgres, type TestPostgres } from '../postgres.ts';
import { CUSTOM_RESOURCE_DEFINITIONS, type CustomResourceDefinition } from './kinds.ts';
import { Player } from './player.ts';

/** The API server, and who we are there. */
export interface Upstream {
  readonly server: string;
  readonly tls: TlsSettings;
  readonly headers: Readonly<Record<string, string>>;
}

export interface World {
  readonly cluster: Cluster;
  readonly transport: Transport;
  readonly api: Api;
  readonly upstream: Upstream;
  readonly postgres: TestPostgres;
  readonly player: Player;
  /** Of the API server, as an administrator. */
  readonly kubeconfig: string;
  readonly healthUrl: string;
  close(): Promise<void>;
}

const CRDS = join(import.meta.dirname, '..', '..', 'crds');

/** `name` is that of the control plane; a number is added, so that several test files run side by side. */
export async function openWorld(name: string, progress: (line: string) => void): Promise<World> {
  const closers: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0).reverse()) await one();
  };
  try {
    const cluster = await up({ name: `${name}-${process.pid}`, controlPlaneOnly: true, progress });
    closers.push(() => cluster.down());
    const postgres = await startPostgres();
    closers.push(() => postgres.stop());
    const transport = await transportTo(cluster);
    closers.push(() => transport.close());
    const api = createApi(transport);
    await applyDefinitions(api);
    const directory = mkdtempSync(join(tmpdir(), 'played-volumes-'));
    closers.push(() => rmSync(directory, { recursive: true, force: true }));
    const player = new Player({ api, transport, volumes: { directory, postgresBinaries: postgres.binaries } });
    await player.start();
    closers.push(() => player.stop());
    const health = await startHealth();
    closers.push(() => health.server.close().closeAllConnections());
    return {
      cluster,
      transport,
      api,
      upstream: await upstreamOf(cluster),
      postgres,
      player,
      kubeconfig: cluster.kubeconfig,
      healthUrl: health.url,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function transportTo(cluster: Cluster): Promise<Transport> {
  return openTransport({
    source: { kind: 'Kubeconfig', path: cluster.kubeconfig },
    version: 'test',
    timeoutMs: 30_000,
  });
}

async function upstreamOf(cluster: Cluster): Promise<Upstream> {
  const { server, tls, headers } = await connect({ kind: 'Kubeconfig', path: cluster.kubeconfig });
  return { server, tls: await tls(), headers: await headers('fresh') };
}

/** Our own kinds; returns when the API server knows them. */
export async function applyDefinitions(api: Api): Promise<void> {
  for (const file of readdirSync(CRDS)) {
    const definition = parse(readFileSync(join(CRDS, file), 'utf8')) as CustomResourceDefinition;
    await api.create(CUSTOM_RESOURCE_DEFINITIONS, undefined, definition);
    const name = definition.metadata?.name ?? '';
    for (let tries = 0; !(await isEstablished(api, name)); tries += 1) {
      if (tries > 100) throw new Error(`the CustomResourceDefinition ${name} was not established`);
      await sleep(100);
    }
  }
}

async function isEstablished(api: Api, name: string): Promise<boolean> {
  const found = await api.get(CUSTOM_RESOURCE_DEFINITIONS, undefined, name);
  return found?.status?.conditions?.some(one => one.type === 'Established' && one.status === 'True') === true;
}

async function startHealth(): Promise<{ server: Server; url: string }> {
  const server = createServer((_, answer) => answer.end('ok'));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the health server has no port');
  return { server, url: `http://127.0.0.1:${address.port}/health` };
}
