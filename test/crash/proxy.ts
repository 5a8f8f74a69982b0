// A plain HTTP server on 127.0.0.1 between one operator and the API server: it adds the credentials and TLS, counts the
// writes, and at one of them kills: the connection breaks before the write is forwarded, or after it was carried out and
// before the answer is given back. From then on it refuses everything, as the network does a dead process.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import type { Socket } from 'node:net';
import type { Upstream } from '../control/world.ts';
import { keyOf, type Write, WriteLog } from './writes.ts';

export type Side = 'before' | 'after';

export interface KillPoint {
  readonly write: Pick<Write, 'like' | 'ordinal'>;
  readonly side: Side;
}

/** A write and how the API server answered it. */
export interface AnsweredWrite extends Write {
  readonly code: number;
}

export class KillingProxy {
  readonly #upstream: Upstream;
  readonly #agent: Agent;
  readonly #point: KillPoint | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #log = new WriteLog();
  readonly #answered: AnsweredWrite[] = [];
  readonly #killed = Promise.withResolvers<void>();
  #isSevered = false;

  constructor(upstream: Upstream, point?: KillPoint) {
    this.#upstream = upstream;
    this.#point = point;
    this.#agent = new Agent({ keepAlive: true, ...upstream.tls });
    this.#server = createServer((incoming, outgoing) => {
      this.#pass(incoming, outgoing).catch(() => outgoing.destroy());
    });
    this.#server.on('connection', socket => {
      if (this.#isSevered) socket.destroy();
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** The URL to give to the operator. */
  async listen(): Promise<string> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
    return `http://127.0.0.1:${address.port}`;
  }

  /** In the order of their answers; grows. */
  get writes(): readonly AnsweredWrite[] {
    return this.#answered;
  }

  /** Resolves when the point was reached; never without one. */
  get killed(): Promise<void> {
    return this.#killed.promise;
  }

  /** Breaks every connection and refuses new ones. */
  #sever(): void {
    this.#isSevered = true;
    for (const socket of this.#sockets) socket.destroy();
    this.#killed.resolve();
  }

  async close(): Promise<void> {
    this.#isSevered = true;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise(resolve => this.#server.close(resolve));
    this.#agent.destroy();
  }

  async #pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    if (this.#isSevered) return void outgoing.destroy();
    const write = this.#log.add(incoming.method ?? 'GET', incoming.url ?? '/', body.toString('utf8'));
    const isPoint = write !== undefined && this.#point !== undefined && keyOf(write) === keyOf(this.#point.write);
    if (isPoint && this.#point?.side === 'before') return this.#sever();
    const giveUp = new AbortController();
    // A write that was sent is carried out, whoever still listens; a read is for nobody then.
    if (write === undefined) outgoing.on('close', () => giveUp.abort());
    const answer = await this.#forward(incoming, body, giveUp.signal);
    if (write !== undefined) this.#answered.push({ ...write, code: answer.statusCode ?? 0 });
    if (isPoint) {
      await bodyOf(answer);
      return this.#sever();
    }
    if (this.#isSevered || outgoing.destroyed) return void answer.resume();
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    // A watch begins with headers and silence.
    outgoing.flushHeaders();
    answer.on('error', () => outgoing.destroy());
    answer.pipe(outgoing);
  }

  #forward(incoming: IncomingMessage, body: Buffer, signal: AbortSignal): Promise<IncomingMessage> {
    const { host: _host, connection: _connection, 'transfer-encoding': _encoding, ...headers } = incoming.headers;
    return new Promise((resolve, reject) => {
      const forwarded = request(new URL(incoming.url ?? '/', this.#upstream.server), {
        agent: this.#agent,
        method: incoming.method ?? 'GET',
        headers: { ...headers, ...this.#upstream.headers, 'content-length': String(body.length) },
        signal,
      });
      forwarded.on('response', resolve);
      forwarded.on('error', reject);
      forwarded.end(body);
    });
  }
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
