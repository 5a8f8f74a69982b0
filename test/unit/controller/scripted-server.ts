// An API server that does what a test tells it, over real HTTP, so that list-watches are tested through the real
// transport. Lists and watches are answered by queues of behaviours; when one is empty its last behaviour is repeated.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export type Behaviour = (response: ServerResponse, url: URL, request: IncomingMessage) => unknown;

export interface Seen {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export class ScriptedServer implements AsyncDisposable {
  readonly seen: Seen[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #scripts = { list: [] as Behaviour[], watch: [] as Behaviour[], other: [] as Behaviour[] };

  constructor() {
    this.#server = createServer(async (request, response) => {
      const url = new URL(request.url ?? '/', 'http://server');
      let body = '';
      for await (const chunk of request) body += chunk;
      this.seen.push({ method: request.method ?? '', url, headers: request.headers, body });
      await this.#next(request, url)(response, url, request);
    });
    this.#server.on('connection', socket => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  lists(...behaviours: Behaviour[]): this {
    this.#scripts.list = behaviours;
    return this;
  }

  watches(...behaviours: Behaviour[]): this {
    this.#scripts.watch = behaviours;
    return this;
  }

  /** Everything that is not a GET of a collection. */
  others(...behaviours: Behaviour[]): this {
    this.#scripts.other = behaviours;
    return this;
  }

  async start(): Promise<this> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  count(kind: 'list' | 'watch'): number {
    return this.seen.filter(({ url }) => (url.searchParams.get('watch') === '1') === (kind === 'watch')).length;
  }

  /** Cuts every connection, as a crash does. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise(resolve => this.#server.close(resolve));
  }

  #next(request: IncomingMessage, url: URL): Behaviour {
    const isCollection = request.method === 'GET' && /\/(jobs|configmaps)$/.test(url.pathname);
    const kind = !isCollection ? 'other' : url.searchParams.get('watch') === '1' ? 'watch' : 'list';
    const script = this.#scripts[kind];
    return (script.length > 1 ? script.shift() : script[0]) ?? status(500, 'InternalError', `no script for ${kind}`);
  }
}

export interface TestObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
}

/** An object `shop/<name>`. */
export function object(name: string, resourceVersion: number, uid = `uid-${name}`): TestObject {
  return { metadata: { name, namespace: 'shop', uid, resourceVersion: String(resourceVersion) } };
}

export function list(resourceVersion: number, ...items: readonly object[]): Behaviour {
  return response => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ kind: 'JobList', metadata: { resourceVersion: String(resourceVersion) }, items }));
  };
}

export function status(code: number, reason: string, message: string, headers: Record<string, string> = {}): Behaviour {
  return response => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code, reason, message }));
  };
}

export type Line = object | string;

export const event = (type: string, object: object): Line => ({ type, object });
export const bookmark = (resourceVersion: number): Line =>
  event('BOOKMARK', { kind: 'Job', metadata: { resourceVersion: String(resourceVersion) } });
export const gone: Line = event('ERROR', {
  kind: 'Status',
  code: 410,
  reason: 'Expired',
  message: 'too old resource version',
});

/** Sends the lines (a string goes out as it is, without a line end), then ends as told. */
export function watch(lines: readonly Line[], then: 'stay' | 'end' | 'reset' = 'stay'): Behaviour {
  return async response => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const line of lines) response.write(typeof line === 'string' ? line : `${JSON.stringify(line)}\n`);
    if (then === 'end') response.end();
    // Give the bytes time to leave before the reset overtakes them.
    else if (then === 'reset') setTimeout(() => response.socket?.resetAndDestroy(), 20);
  };
}
