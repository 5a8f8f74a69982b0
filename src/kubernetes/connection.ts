// What it takes to talk to an API server, and where that may come from. Types only: credentials.ts and kubeconfig.ts make
// a `Connection`, transport.ts uses it.

export type ConnectionSource =
  /** What `KUBECONFIG` names, else `~/.kube/config`, else the Pod's service account. */
  | { readonly kind: 'Default' }
  | { readonly kind: 'Kubeconfig'; readonly path: string; readonly context?: string }
  /** The service account mounted into this Pod; its token and CA are read again and again. `directory` is where, for tests. */
  | { readonly kind: 'InCluster'; readonly directory?: string }
  /** `tokenFile` is read again and again, as `token` cannot be. `http:` is allowed, for tests. */
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
  /** Scheme, host and port, perhaps a path prefix. */
  readonly server: string;
  /** Asked for each new connection to the server, so that the next one after a rotation has the new CA and certificate. */
  tls(): Promise<TlsSettings>;
  readonly proxyUrl: string | undefined;
  /** The namespace of the context or of the service account. */
  readonly namespace: string | undefined;
  /** `fresh` reads the credentials again: ask for it after a 401. */
  headers(freshness: 'cached' | 'fresh'): Promise<Readonly<Record<string, string>>>;
}
