// Where the API server is and who we are there: a kubeconfig, the Pod's service account, or an explicit server and
// token. Reads files and may run a credential plugin; holds the credentials in memory and never prints them. The
// transport asks it for headers before every request, so a rotated token is used within a minute, or at the first 401.
import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';

export type ConnectionSource =
  /** `KUBECONFIG`, then `~/.kube/config`, then the Pod's service account. */
  | { readonly kind: 'Default' }
  | { readonly kind: 'Kubeconfig'; readonly path: string; readonly context?: string }
  /** The service account mounted into this Pod. */
  | { readonly kind: 'InCluster' }
  /** `tokenFile` is read again as `token` would not be; `http:` is allowed, for tests. */
  | {
      readonly kind: 'Explicit';
      readonly server: string;
      readonly ca?: string;
      readonly token?: string;
      readonly tokenFile?: string;
    };

export interface TlsSettings {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly passphrase?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export interface Connection {
  /** Scheme, host and port, perhaps a path prefix; no slash at its end. */
  readonly server: string;
  readonly tls: TlsSettings;
  readonly proxyUrl: string | undefined;
  /** The namespace of the context or of the service account. */
  readonly namespace: string | undefined;
  /** `fresh` reads the token again: ask for it after a 401. */
  headers(freshness: 'cached' | 'fresh'): Promise<Readonly<Record<string, string>>>;
}

/** Reads the configuration once. Throws when there is none or when it names no cluster. */
export async function connect(source: ConnectionSource): Promise<Connection> {
  return source.kind === 'Explicit' ? explicitConnection(source) : configuredConnection(source);
}

function explicitConnection(source: Extract<ConnectionSource, { kind: 'Explicit' }>): Connection {
  return {
    server: withoutSlash(source.server),
    tls: source.ca === undefined ? {} : { ca: source.ca },
    proxyUrl: undefined,
    namespace: undefined,
    headers: async () => {
      const token = source.tokenFile === undefined ? source.token : readFileSync(source.tokenFile, 'utf8').trim();
      return token === undefined ? {} : { authorization: `Bearer ${token}` };
    },
  };
}

async function configuredConnection(source: Exclude<ConnectionSource, { kind: 'Explicit' }>): Promise<Connection> {
  let config = load(source);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new Error('the kubeconfig must have a current context that names a cluster: see kubectl config get-contexts');
  }
  const tls = await settingsOf(config, cluster.skipTLSVerify);
  return {
    server: withoutSlash(cluster.server),
    tls: cluster.tlsServerName === undefined ? tls.tls : { ...tls.tls, servername: cluster.tlsServerName },
    proxyUrl: cluster.proxyUrl,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace,
    headers: async freshness => {
      if (freshness === 'fresh') config = load(source);
      return (await settingsOf(config, cluster.skipTLSVerify)).headers;
    },
  };
}

function load(source: Exclude<ConnectionSource, { kind: 'Explicit' }>): KubeConfig {
  const config = new KubeConfig();
  if (source.kind === 'InCluster') config.loadFromCluster();
  else if (source.kind === 'Default') config.loadFromDefault();
  else {
    config.loadFromFile(source.path);
    if (source.context !== undefined) config.setCurrentContext(source.context);
  }
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

function withoutSlash(server: string): string {
  return server.replace(/\/+$/, '');
}
