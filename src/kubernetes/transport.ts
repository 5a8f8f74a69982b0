// HTTP to the API server: one shared undici agent, a time limit on every request, JSON in and out, one kind of error.
// Knows nothing of resources (client.ts and source.ts do) and repeats nothing, except once with a fresh token after a
// 401, which by definition changed nothing. HTTP/1.1 on purpose: one lost packet or reset then hurts one watch, not all.
import { isDeepStrictEqual } from 'node:util';
import { Agent, buildConnector, type Dispatcher, ProxyAgent } from 'undici';
import type { Connection, ConnectionSource, TlsSettings } from './connection.ts';
import { connect } from './credentials.ts';
import { type Deadline, refuseLate } from './deadline.ts';
import { ApiError } from './errors.ts';
import { answerError, brokenConnection } from './failures.ts';
import { ServerClock } from './server-clock.ts';

type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

export interface TransportRequest {
  readonly verb: Verb;
  /** For metrics and messages: `jobs`, `jobs/status`. */
  readonly resource: string;
  /** Begins with a slash; already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  /** Default: `application/json`. */
  readonly contentType?: string;
  readonly accept?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

interface StreamRequest extends TransportRequest {
  /** The stream fails with reason `Silent` when nothing at all arrives for this long. */
  readonly silenceMs: number;
  /** The stream is ended, as if the server had, after this long. */
  readonly totalMs: number;
}

export interface Transport {
  readonly server: string;
  /** The namespace of the kubeconfig's context or of the Pod's service account. */
  readonly namespace: string | undefined;
  /** The time as the API server has it: the one clock by which its times and ours are compared. */
  now(): Date;
  /** The answer's JSON. Rejects with ApiError. */
  send(request: TransportRequest): Promise<unknown>;
  /** The bytes of a successful answer as they come. Rejects with ApiError, before the first or between any two. */
  stream(request: StreamRequest): AsyncGenerator<Uint8Array, void, undefined>;
  /** Aborts what is under way and closes every connection. A second call does nothing. */
  close(): Promise<void>;
}

/** One finished request, for metrics. `code` is the HTTP status, or `<error>` without an answer. */
export interface RequestReport {
  readonly verb: Verb;
  readonly resource: string;
  readonly code: string;
  readonly host: string;
  readonly seconds: number;
}

export interface TransportOptions {
  /** Default: `{kind: 'Default'}`. */
  readonly source?: ConnectionSource;
  /** Sends requests there instead, for a proxy between us and the API server; the credentials stay those of `source`. */
  readonly server?: string;
  /** For the User-Agent `migration-operator/<version>`. */
  readonly version: string;
  /** Limit of a request without its own; default 10,000. The leader's last write ends before its lease does by this. */
  readonly timeoutMs?: number;
  readonly onRequest?: (report: RequestReport) => void;
  /** What this machine's clock says now; default: the time. Corrected by what the API server answers. */
  readonly ownTime?: Date;
}

/** Default time limit of a request, in milliseconds. */
const REQUEST_TIMEOUT_MS = 10_000;

export async function openTransport(options: TransportOptions): Promise<Transport> {
  const connection = await connect(options.source ?? { kind: 'Default' });
  const proxyUrl = options.server === undefined ? connection.proxyUrl : undefined;
  return new HttpTransport(connection, await dispatcherFor(connection, proxyUrl), options);
}

class HttpTransport implements Transport {
  readonly server: string;
  readonly namespace: string | undefined;
  readonly #connection: Connection;
  readonly #options: TransportOptions;
  readonly #dispatcher: Dispatcher;
  readonly #base: URL;
  readonly #clock: ServerClock;
  readonly #closing = new AbortController();

  constructor(connection: Connection, dispatcher: Dispatcher, options: TransportOptions) {
    this.#connection = connection;
    this.#options = options;
    this.server = (options.server ?? connection.server).replace(/\/+$/, '');
    this.namespace = connection.namespace;
    this.#base = new URL(this.server);
    this.#clock = new ServerClock(options.ownTime ?? new Date());
    this.#dispatcher = dispatcher;
  }

  now(): Date {
    return this.#clock.now();
  }

  async send(request: TransportRequest): Promise<unknown> {
    const limit = new Limit(request.timeoutMs ?? this.#options.timeoutMs ?? REQUEST_TIMEOUT_MS, [
      this.#closing.signal,
      request.signal,
    ]);
    const started = performance.now();
    let code = '<error>';
    try {
      const response = await this.#open(request, limit, {});
      code = String(response.statusCode);
      this.#clock.heard(response.headers.date, started);
      const text = await response.body.text();
      if (response.statusCode >= 300) throw answerError(request, response.statusCode, response.headers, text);
      return parseAnswer(request, text);
    } catch (error) {
      throw error instanceof ApiError ? error : brokenConnection(request, error, limit.outcome);
    } finally {
      limit.end();
      this.#report(request, code, started);
    }
  }

  async *stream(request: StreamRequest): AsyncGenerator<Uint8Array, void, undefined> {
    const limit = new Limit(request.totalMs, [this.#closing.signal, request.signal]);
    const started = performance.now();
    let code = '<error>';
    try {
      const response = await this.#open(request, limit, {
        headersTimeout: Math.min(request.silenceMs, 30_000),
        bodyTimeout: request.silenceMs,
      });
      code = String(response.statusCode);
      if (response.statusCode >= 300) {
        throw answerError(request, response.statusCode, response.headers, await response.body.text());
      }
      for await (const chunk of response.body) yield chunk;
    } catch (error) {
      if (limit.outcome === 'TimedOut' && code === '200') return;
      throw error instanceof ApiError ? error : brokenConnection(request, error, limit.outcome);
    } finally {
      limit.end();
      this.#report(request, code, started);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#dispatcher.destroy().catch(() => {});
  }

  async #open(
    request: TransportRequest,
    limit: Limit,
    limits: { readonly headersTimeout?: number; readonly bodyTimeout?: number },
  ): Promise<Dispatcher.ResponseData<Deadline>> {
    const body = request.body === undefined ? null : JSON.stringify(request.body);
    const attempt = async (freshness: 'cached' | 'fresh'): Promise<Dispatcher.ResponseData<Deadline>> =>
      this.#dispatcher.request({
        origin: this.#base.origin,
        path: this.#pathOf(request),
        method: METHODS[request.verb],
        headers: {
          'user-agent': `migration-operator/${this.#options.version}`,
          accept: request.accept ?? 'application/json',
          ...(body === null ? {} : { 'content-type': request.contentType ?? 'application/json' }),
          ...(await this.#connection.headers(freshness)),
        },
        body,
        signal: limit.signal,
        opaque: limit,
        ...limits,
      });
    const first = await attempt('cached');
    if (first.statusCode !== 401) return first;
    await first.body.dump();
    return attempt('fresh');
  }

  #pathOf(request: TransportRequest): string {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(request.query ?? {})) if (value !== undefined) query.set(name, value);
    const prefix = this.#base.pathname === '/' ? '' : this.#base.pathname;
    return `${prefix}${request.path}${query.size === 0 ? '' : `?${query}`}`;
  }

  #report(request: TransportRequest, code: string, started: number): void {
    const seconds = (performance.now() - started) / 1000;
    this.#options.onRequest?.({ verb: request.verb, resource: request.resource, code, host: this.#base.host, seconds });
  }
}

const METHODS = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
} as const satisfies Record<Verb, string>;

/** How long a connection may take to be made. */
const CONNECT_TIMEOUT_MS = 5_000;

async function dispatcherFor(connection: Connection, proxyUrl: string | undefined): Promise<Dispatcher> {
  // The API server closes idle connections after 90 s; we let go of them well before, and never write into a closed one.
  const shared = { allowH2: false, keepAliveTimeout: 30_000, keepAliveMaxTimeout: 30_000 };
  if (proxyUrl === undefined) return new Agent({ ...shared, connect: connectorFor(connection) }).compose(refuseLate);
  // Through a proxy the certificates are those of the start: undici takes no connector of ours there.
  const requestTls = { ...(await connection.tls()), timeout: CONNECT_TIMEOUT_MS };
  return new ProxyAgent({ ...shared, uri: proxyUrl, requestTls }).compose(refuseLate);
}

/** Makes each connection with the settings of that moment. While they stay the same, TLS sessions are resumed. */
function connectorFor(connection: Connection): buildConnector.connector {
  let made: { readonly settings: TlsSettings; readonly connect: buildConnector.connector } | undefined;
  const current = async (): Promise<buildConnector.connector> => {
    const settings = await connection.tls();
    if (made === undefined || !isDeepStrictEqual(made.settings, settings)) {
      made = { settings, connect: buildConnector({ ...settings, allowH2: false, timeout: CONNECT_TIMEOUT_MS }) };
    }
    return made.connect;
  };
  return (options, callback) => {
    current()
      .then(connect => connect(options, callback))
      .catch(error => callback(error, null));
  };
}

function parseAnswer(request: TransportRequest, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiError({
      status: 0,
      reason: 'Unreadable',
      message: `${request.verb} ${request.resource}: the API server's answer is not JSON (${text.length} characters); is something between us and it?`,
      effect: request.verb === 'get' || request.verb === 'list' ? 'None' : 'Unknown',
      cause,
    });
  }
}

/** An abort signal with a time limit and parents; `end` must follow, or its timer and listeners stay. */
class Limit implements Deadline {
  readonly deadlineMs: number;
  outcome: 'Running' | 'TimedOut' | 'Stopped' = 'Running';
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #parents: readonly AbortSignal[];
  readonly #stop = (): void => this.#abort('Stopped');

  constructor(limitMs: number, parents: readonly (AbortSignal | undefined)[]) {
    this.deadlineMs = performance.now() + limitMs;
    this.#timer = setTimeout(() => this.#abort('TimedOut'), limitMs);
    this.#parents = parents.filter(parent => parent !== undefined);
    for (const parent of this.#parents) {
      if (parent.aborted) this.#stop();
      parent.addEventListener('abort', this.#stop, { once: true });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  #abort(outcome: 'TimedOut' | 'Stopped'): void {
    if (this.outcome !== 'Running') return;
    this.outcome = outcome;
    this.#controller.abort();
  }

  end(): void {
    clearTimeout(this.#timer);
    for (const parent of this.#parents) parent.removeEventListener('abort', this.#stop);
  }
}
