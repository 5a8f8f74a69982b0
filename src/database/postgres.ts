// The only importer of `pg`: opens sessions for the engine and turns pg's failures into the engine's two (QueryError,
// ConnectionLost). The application name goes into the startup packet, where RESET ALL cannot wipe it. Tries the hosts
// of the URL in their order, as libpq does. Called by the runner; the engine sees only the Connection interface.
import type { Writable } from 'node:stream';
import { Client, type ClientConfig, DatabaseError, Query } from 'pg';
import { type Connection, ConnectionLost, QueryError, type Row } from '../engine/connection.ts';
import { EngineError, failure } from '../engine/errors.ts';
import { demandChannelBinding } from './channel-binding.ts';
import { type Tls, tlsTries } from './tls.ts';
import type { ConnectionSettings, Host } from './url.ts';

export interface OpenOptions {
  readonly applicationName: string;
  /** Called with each notice's severity and text, as the migrations' authors raise them. */
  readonly notice?: (severity: string, message: string) => void;
  /** Only this host: for a second session that must reach the same server. */
  readonly host?: Host;
}

/** A connection and which of the URL's hosts it reached. */
export interface OpenedConnection extends Connection {
  readonly endpoint: Host;
}

const asText = { getTypeParser: () => (value: unknown) => value };
/** How long a polite end may take before the socket is torn down. */
const CLOSE_TIMEOUT_MS = 2_000;

/** Opens a session. Throws DatabaseUnreachable, CredentialsRefused, DatabaseMissing or RightMissing. */
export async function openConnection(settings: ConnectionSettings, options: OpenOptions): Promise<OpenedConnection> {
  const hosts = options.host === undefined ? settings.hosts : [options.host];
  let last: unknown = new Error('channel_binding=require needs TLS, and a Unix socket has none');
  for (const host of hosts) {
    for (const tls of tlsTries(settings, host)) {
      try {
        const session = await connectOnce(settings, options, host, tls);
        if (hosts.length === 1 || (await isWanted(session, settings))) return session;
        await session.close();
        last = new Error('no server of the URL accepts writes');
      } catch (error) {
        last = error;
        if (isFinal(error)) throw connectFailure(error, settings, host);
      }
    }
  }
  throw connectFailure(last, settings, hosts[0] ?? { host: 'localhost', port: 5432 });
}

async function connectOnce(settings: ConnectionSettings, options: OpenOptions, host: Host, tls: Tls) {
  const config: ClientConfig = {
    host: host.host,
    port: host.port,
    user: settings.user,
    database: settings.database,
    application_name: options.applicationName,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: asText,
    pipeline: true,
    ssl: tls === false ? false : { ...tls, ...(tls.anyName ? { checkServerIdentity: () => undefined } : {}) },
    ...(settings.password === undefined ? {} : { password: settings.password }),
    ...(settings.options === undefined ? {} : { options: settings.options }),
  };
  if (tls !== false && tls.rejectUnauthorized && !tls.anyName && config.ssl && config.ssl !== true) {
    config.ssl.checkServerIdentity = (await import('node:tls')).checkServerIdentity;
  }
  const mustBind = settings.channelBinding === 'require';
  const client = new Client({ ...config, enableChannelBinding: mustBind });
  const isBound = mustBind ? demandChannelBinding(client) : undefined;
  const session = new PostgresConnection(client, host);
  if (options.notice !== undefined) {
    const notice = options.notice;
    client.on('notice', message => notice(message.severity ?? 'NOTICE', message.message ?? ''));
  }
  try {
    await client.connect();
    if (isBound?.() === false) throw new Error('it asks for no login, and the URL requires one with channel binding');
  } catch (error) {
    await session.close();
    throw error;
  }
  return session;
}

/** With several hosts, `any` too means the one that takes writes: a migration has no use for a standby. */
async function isWanted(session: Connection, settings: ConnectionSettings): Promise<boolean> {
  const [row] = await session.query(
    "SELECT pg_catalog.pg_is_in_recovery() AS standby, pg_catalog.current_setting('transaction_read_only') AS read_only",
  );
  switch (settings.sessionTarget) {
    case 'standby':
      return row?.standby === 't';
    case 'read-only':
      return row?.read_only === 'on';
    case 'prefer-standby':
      return true;
    case 'any':
    case 'primary':
    case 'read-write':
      return row?.standby === 'f' && row.read_only === 'off';
  }
}

/** A refused login is final: libpq too does not go on to the next host after one. */
function isFinal(error: unknown): boolean {
  return error instanceof DatabaseError && /^(28|3D|42)/.test(error.code ?? '');
}

function connectFailure(error: unknown, settings: ConnectionSettings, host: Host): EngineError {
  if (error instanceof EngineError) return error;
  const where = { host: host.host, port: host.port, database: settings.database, user: settings.user };
  const sqlstate = error instanceof DatabaseError ? error.code : undefined;
  const place = sqlstate === undefined ? {} : { sqlstate };
  if (sqlstate?.startsWith('28')) return failure('CredentialsRefused', where, place);
  if (sqlstate === '3D000') return failure('DatabaseMissing', where, place);
  if (sqlstate === '42501') {
    const role = settings.user;
    return failure('RightMissing', { role, right: `CONNECT on database ${settings.database}`, remedy: '' }, place);
  }
  return failure('DatabaseUnreachable', { ...where, reason: reasonOf(error) }, place);
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return 'unknown reason';
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its name cannot be resolved';
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  return error.message === '' ? (code ?? 'unknown reason') : error.message;
}

/** A text of several statements is refused by the server, whatever its settings make of quotes and backslashes (42601). */
const ONE_STATEMENT = { queryMode: 'extended' } as const;

/** SQLSTATEs after which the session is gone although the server could still say why. */
const ENDED = /^(08|57P0[1-5]|25P0[34])/;

class PostgresConnection implements OpenedConnection {
  readonly #client: Client;
  readonly endpoint: Host;
  #lost: string | undefined;
  #closed = false;
  /** Messages without an answer yet. */
  #unanswered = 0;
  #isPacking = false;

  constructor(client: Client, endpoint: Host) {
    this.#client = client;
    this.endpoint = endpoint;
    client.on('error', error => this.#lose(error.message));
    client.on('end', () => this.#lose('the connection was closed'));
  }

  get pid(): number {
    // pg keeps BackendKeyData's pid here; its types do not say so.
    return (this.#client as unknown as { processID: number | null }).processID ?? 0;
  }

  get host(): string {
    return this.endpoint.host;
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  async query(sql: string, values: readonly (string | null)[] = []): Promise<readonly Row[]> {
    return this.#exchange(async () => {
      const answer: unknown = await this.#client.query({ text: sql, values: [...values] });
      const last = Array.isArray(answer) ? answer.at(-1) : answer;
      return (last as { rows: Row[] }).rows;
    });
  }

  async execute(sql: string): Promise<void> {
    return this.#exchange(
      () =>
        new Promise<void>((resolve, reject) => {
          const query = this.#client.query(new Query({ text: sql, ...ONE_STATEMENT }));
          query.on('row', () => {});
          query.on('end', () => resolve());
          query.on('error', reject);
        }),
    );
  }

  async #exchange<T>(send: () => Promise<T>): Promise<T> {
    if (this.#lost !== undefined) throw new ConnectionLost(this.#lost);
    this.#packTogether();
    this.#unanswered += 1;
    try {
      return await send();
    } catch (error) {
      throw this.#translate(error);
    } finally {
      this.#unanswered -= 1;
    }
  }

  /** What is sent one behind the other without waiting leaves as one packet, not as one each. */
  #packTogether(): void {
    const socket = this.#socket();
    if (this.#isPacking || socket === undefined) return;
    this.#isPacking = true;
    socket.cork();
    process.nextTick(() => {
      this.#isPacking = false;
      socket.uncork();
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // pg would wait for the answers: whoever closes has given them up.
    if (this.#unanswered > 0) this.#socket()?.destroy();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => {
      timer = setTimeout(() => {
        this.#socket()?.destroy();
        resolve();
      }, CLOSE_TIMEOUT_MS);
    });
    await Promise.race([this.#client.end().catch(() => {}), late]);
    clearTimeout(timer);
    this.#lose('the connection was closed');
  }

  #socket(): Writable | undefined {
    return (this.#client as unknown as { connection?: { stream?: Writable } }).connection?.stream;
  }

  #lose(reason: string): void {
    this.#lost ??= reason;
  }

  #translate(error: unknown): Error {
    if (error instanceof DatabaseError) {
      const sqlstate = error.code ?? 'XX000';
      if (ENDED.test(sqlstate) || error.severity === 'FATAL' || error.severity === 'PANIC') {
        this.#lose(error.message);
        return new ConnectionLost(error.message, { cause: error });
      }
      const position = error.position === undefined ? undefined : Number(error.position);
      const dependents = sqlstate === '2BP01' ? error.detail?.replaceAll('\n', ', ') : undefined;
      return new QueryError({ message: error.message, sqlstate, position, hint: error.hint, dependents });
    }
    const message = error instanceof Error ? error.message : String(error);
    this.#lose(message);
    return new ConnectionLost(message, { cause: error });
  }
}
