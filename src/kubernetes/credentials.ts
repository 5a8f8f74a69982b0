// Where the API server is and who we are there: a kubeconfig, the Pod's service account, or an explicit server and
// token. Holds the credentials in memory and never prints them. The transport asks it for headers before every request
// and for TLS settings before every connection, so that a token that kubelet rotates is used within a minute, or at the
// first 401, and a rotated CA by the next connection.
import { existsSync, readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Connection, ConnectionSource } from './connection.ts';

/** https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** As in client-go. Kubelet rotates at four fifths of a token's life, which is ten minutes at least. */
const TOKEN_KEPT_MS = 60_000;

/** Reads the configuration once. Throws when there is none. */
export async function connect(source: ConnectionSource): Promise<Connection> {
  if (source.kind === 'Explicit') return explicitConnection(source);
  if (source.kind === 'InCluster') return inClusterConnection(source.directory ?? SERVICE_ACCOUNT);
  if (source.kind === 'Default' && isOnlyInCluster()) return inClusterConnection(SERVICE_ACCOUNT);
  const { kubeconfigConnection } = await import('./kubeconfig.ts');
  return kubeconfigConnection(source.kind === 'Default' ? {} : source);
}

function isOnlyInCluster(): boolean {
  if ((process.env.KUBECONFIG ?? '') !== '' || existsSync(join(homedir(), '.kube', 'config'))) return false;
  return existsSync(join(SERVICE_ACCOUNT, 'token'));
}

function inClusterConnection(directory: string): Connection {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  if (host === undefined || port === undefined) {
    throw new Error('KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be set, as they are in every Pod');
  }
  const namespaceFile = join(directory, 'namespace');
  const ca = reread(join(directory, 'ca.crt'));
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    tls: async () => ({ ca: ca() }),
    proxyUrl: undefined,
    namespace: existsSync(namespaceFile) ? readFileSync(namespaceFile, 'utf8').trim() : undefined,
    headers: tokenHeaders(reread(join(directory, 'token'))),
  };
}

function explicitConnection(source: Extract<ConnectionSource, { kind: 'Explicit' }>): Connection {
  const { server, ca, token, tokenFile } = source;
  return {
    server,
    tls: async () => (ca === undefined ? {} : { ca }),
    proxyUrl: undefined,
    namespace: undefined,
    headers: tokenHeaders(tokenFile === undefined ? () => token : reread(tokenFile)),
  };
}

/** Reads the file now and at each call; what it held before counts while it is away or empty, as in mid-rotation. */
function reread(path: string): () => string {
  let last = readFileSync(path, 'utf8').trim();
  return () => {
    try {
      last = readFileSync(path, 'utf8').trim() || last;
    } catch {
      // An answer of 401, or a certificate that is not trusted, tells if this was more than a moment.
    }
    return last;
  };
}

function tokenHeaders(read: () => string | undefined): Connection['headers'] {
  let kept: { readonly token: string | undefined; readonly atMs: number } | undefined;
  return async freshness => {
    const now = performance.now();
    if (kept === undefined || freshness === 'fresh' || now - kept.atMs > TOKEN_KEPT_MS) {
      kept = { token: read(), atMs: now };
    }
    return kept.token === undefined ? {} : { authorization: `Bearer ${kept.token}` };
  };
}
