// A connection from a kubeconfig: contexts, certificates, tokens and credential plugins, all read by the Kubernetes
// client. Loaded only when there is a kubeconfig, because the client brings thousands of classes that we do not use:
// 50 MiB of memory that an operator in its Pod does without.
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import type { Connection, TlsSettings } from './connection.ts';

/** Without a path: what `KUBECONFIG` names, else `~/.kube/config`. */
export interface KubeconfigSource {
  readonly path?: string;
  readonly context?: string;
}

export async function kubeconfigConnection(source: KubeconfigSource): Promise<Connection> {
  let config = load(source);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new Error('the kubeconfig must have a current context that names a cluster: see kubectl config get-contexts');
  }
  const settings = () => settingsOf(config, cluster.skipTLSVerify);
  /** A file that is being rewritten is read at the next need. */
  const reload = (): void => {
    try {
      config = load(source);
    } catch {
      // What was read before still counts; if it does not, the server says so.
    }
  };
  await settings();
  return {
    server: cluster.server,
    tls: async () => {
      reload();
      const { tls } = await settings();
      return cluster.tlsServerName === undefined ? tls : { ...tls, servername: cluster.tlsServerName };
    },
    proxyUrl: cluster.proxyUrl,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace,
    headers: async freshness => {
      if (freshness === 'fresh') reload();
      return (await settings()).headers;
    },
  };
}

function load(source: KubeconfigSource): KubeConfig {
  const config = new KubeConfig();
  if (source.path === undefined) config.loadFromDefault();
  else config.loadFromFile(source.path);
  if (source.context !== undefined) config.setCurrentContext(source.context);
  return config;
}

/** The client fills in a Node request's options; we keep the credentials and drop the agent that it makes. */
async function settingsOf(
  config: KubeConfig,
  skipTlsVerify: boolean | undefined,
): Promise<{ tls: TlsSettings; headers: Readonly<Record<string, string>> }> {
  const options: RequestOptions & { passphrase?: string } = { headers: {} };
  await config.applyToHTTPSOptions(options);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (typeof value === 'string') headers[name.toLowerCase()] = value.trim();
  }
  if (typeof options.auth === 'string') headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  return {
    tls: {
      ...(isPem(options.ca) ? { ca: options.ca } : {}),
      ...(isPem(options.cert) ? { cert: options.cert } : {}),
      ...(isPem(options.key) ? { key: options.key } : {}),
      ...(options.passphrase === undefined ? {} : { passphrase: options.passphrase }),
      ...(skipTlsVerify === true ? { rejectUnauthorized: false } : {}),
    },
    headers,
  };
}

function isPem(value: unknown): value is string | Buffer {
  return typeof value === 'string' || Buffer.isBuffer(value);
}
