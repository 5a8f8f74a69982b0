// Where the API server is and who we are there: a kubeconfig, the Pod's service account, or an explicit server and
// token. Holds the credentials in memory and never prints them. The transport asks it for headers before every request,
// so that a token that kubelet rotates is used within a minute, or at the first 401.
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
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    tls: { ca: readFileSync(join(directory, 'ca.crt')) },
    proxyUrl: undefined,
    namespace: existsSync(namespaceFile) ? readFileSync(namespaceFile, 'utf8').trim() : undefined,
    headers: tokenHeaders(() => readFileSync(join(directory, 'token'), 'utf8').trim()),
  };
}

function explicitConnection(source: Extract<ConnectionSource, { kind: 'Explicit' }>): Connection {
  const { server, ca, token, tokenFile } = source;
  return {
    server,
    tls: ca === undefined ? {} : { ca },
    proxyUrl: undefined,
    namespace: undefined,
    headers: tokenHeaders(tokenFile === undefined ? () => token : () => readFileSync(tokenFile, 'utf8').trim()),
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
