// Reads a connection URL with libpq's meaning and turns it into settings for both of our clients: `pg` and the
// environment of pg_dump. One parser for both, because `pg` by itself reads `sslmode=require` differently from libpq.
// A password goes into settings and a child's environment only, never into an argument or a message.
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
import { existsSync } from 'node:fs';
import { type EngineError, failure } from '../engine/errors.ts';
import { thisUser, userName } from '../engine/user.ts';

export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

export const CHANNEL_BINDINGS = ['disable', 'prefer', 'require'] as const;
export type ChannelBinding = (typeof CHANNEL_BINDINGS)[number];

const TLS_VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

export const SESSION_TARGETS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;
export type SessionTarget = (typeof SESSION_TARGETS)[number];

export interface Host {
  /** A name, an address, or the directory of a Unix socket (begins with a slash). */
  readonly host: string;
  readonly port: number;
}

export interface ConnectionSettings {
  readonly hosts: readonly Host[];
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly sslMode: SslMode;
  readonly sslRootCert: string | undefined;
  readonly sslCert: string | undefined;
  readonly sslKey: string | undefined;
  readonly sessionTarget: SessionTarget;
  readonly connectTimeoutMs: number;
  readonly options: string | undefined;
  readonly channelBinding: ChannelBinding;
  readonly tlsVersions: { readonly minVersion?: TlsVersion; readonly maxVersion?: TlsVersion };
}

/**
 * Parameters that may stand in a URL and change nothing for us: named so that a mistyped one is still found. What demands something
 * of the server that we would not see to (sslcrl, require_auth, requirepeer) is not among them.
 */
const IGNORED = new Set([
  ...['application_name', 'fallback_application_name', 'client_encoding', 'gssencmode', 'krbsrvname', 'gsslib'],
  ...['keepalives', 'keepalives_idle', 'keepalives_interval', 'keepalives_count'],
  ...['tcp_user_timeout', 'sslcompression', 'sslsni', 'sslnegotiation', 'load_balance_hosts'],
]);
const KNOWN = new Set([
  ...['channel_binding', 'ssl_min_protocol_version', 'ssl_max_protocol_version'],
  ...['host', 'port', 'user', 'password', 'dbname', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey'],
  ...['target_session_attrs', 'connect_timeout', 'options'],
]);
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;

/** Reads the URL. Throws BadConnectionUrl, which never quotes the URL, because it may hold a password. */
export function parseConnectionUrl(url: string): ConnectionSettings {
  const match = /^postgres(?:ql)?:\/\/(?:([^@/?#]*)@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(url.trim());
  if (match === null) {
    if (/^postgres(?:ql)?:.*@/s.test(url.trim())) throw notEncoded();
    throw failure('BadConnectionUrl', { reason: 'it must look like postgresql://user:password@host:5432/database' });
  }
  const [, credentials = '', authority = '', path = '', query = ''] = match;
  // A password that is not encoded ends where it has one of these characters; the rest of it would be taken, and named in
  // messages, for a host (as libpq does), a database or a parameter. Its "@" is left over behind that.
  if (authority.includes('@') || path.includes('@')) throw notEncoded();
  const parameters = readParameters(query);
  const { sslMode, channelBinding } = readDemands(parameters);
  const colon = credentials.indexOf(':');
  const user = colon < 0 ? credentials : credentials.slice(0, colon);
  const name = parameters.get('user') ?? (user === '' ? ownName() : decode(user));
  return Object.freeze({
    hosts: readHosts(authority, parameters),
    user: name,
    password: parameters.get('password') ?? (colon < 0 ? undefined : decode(credentials.slice(colon + 1))),
    database: parameters.get('dbname') ?? (path === '' ? name : decode(path)),
    sslMode,
    sslRootCert: parameters.get('sslrootcert'),
    sslCert: parameters.get('sslcert'),
    sslKey: parameters.get('sslkey'),
    sessionTarget: choice(parameters, 'target_session_attrs', SESSION_TARGETS, 'any'),
    connectTimeoutMs: connectTimeout(parameters.get('connect_timeout')),
    options: parameters.get('options'),
    channelBinding,
    tlsVersions: {
      ...versionIn(parameters, 'ssl_min_protocol_version', 'minVersion'),
      ...versionIn(parameters, 'ssl_max_protocol_version', 'maxVersion'),
    },
  });
}

/** Demands that contradict each other, or that libpq refuses, are refused, because a weaker reading would be a silent one. */
function readDemands(parameters: ReadonlyMap<string, string>) {
  const refused = (reason: string) => failure('BadConnectionUrl', { reason });
  const root = parameters.get('sslrootcert');
  const sslMode = choice(parameters, 'sslmode', SSL_MODES, root === 'system' ? 'verify-full' : 'prefer');
  if (root === 'system' && sslMode !== 'verify-full') {
    throw refused(`sslrootcert=system goes with sslmode=verify-full, not ${sslMode}: any public authority would do`);
  }
  if (sslMode === 'verify-ca' && root === undefined) {
    throw refused('sslmode=verify-ca needs sslrootcert, the file of the authority; or write sslmode=verify-full');
  }
  const channelBinding = choice(parameters, 'channel_binding', CHANNEL_BINDINGS, 'prefer');
  if (channelBinding === 'require' && sslMode === 'disable') {
    throw refused('channel_binding=require needs TLS, and sslmode is disable');
  }
  if (parameters.get('gssencmode') === 'require') throw refused('gssencmode=require is not supported');
  return { sslMode, channelBinding };
}

function versionIn(parameters: ReadonlyMap<string, string>, name: string, key: 'minVersion' | 'maxVersion') {
  const value = parameters.get(name)?.toLowerCase() ?? '';
  const known = TLS_VERSIONS.find(version => version.toLowerCase() === value);
  return value === '' ? {} : { [key]: known ?? choice(parameters, name, TLS_VERSIONS, 'TLSv1.2') };
}

function notEncoded(): EngineError {
  const reason =
    'a character in the user, the password or the database is not percent-encoded: write "/" as %2F, "?" as %3F, "#" as %23, "@" as %40, "%" as %25';
  return failure('BadConnectionUrl', { reason });
}

/** As libpq does where no user is named. */
function ownName(): string {
  const name = userName();
  if (name !== undefined) return name;
  throw failure('BadConnectionUrl', {
    reason: `it names no user, and ${thisUser()}, who runs this, has no name to stand for one; write postgresql://user@host:5432/database`,
  });
}

/** Parameters with values in which an "@" means itself. */
const TEXTS = new Set(['user', 'password', 'dbname', 'options', 'application_name', 'fallback_application_name']);

const PATHS = new Set(['host', 'sslrootcert', 'sslcert', 'sslkey']);
/** What we would not see to. */
const DEMANDS = new Set(['sslcrl', 'sslcrldir', 'require_auth', 'requirepeer']);

function mayHaveAt(part: string): boolean {
  const [name = '', value = ''] = part.split('=', 2);
  return TEXTS.has(name) || (PATHS.has(name) && /^(\/|%2f)/i.test(value));
}

function readParameters(query: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  const parts = query.split('&').filter(part => part !== '');
  // Before any of them is named in a message.
  if (parts.some(part => part.includes('@') && !mayHaveAt(part))) throw notEncoded();
  for (const part of parts) {
    const equals = part.indexOf('=');
    if (equals < 0) throw failure('BadConnectionUrl', { reason: 'a parameter after "?" has no "="' });
    const name = decode(part.slice(0, equals));
    // Without a value it demands nothing.
    if (equals === part.length - 1 && DEMANDS.has(name)) continue;
    if (!KNOWN.has(name) && !IGNORED.has(name)) {
      throw failure('BadConnectionUrl', {
        reason: `the parameter ${JSON.stringify(name.slice(0, 40))} is not supported`,
      });
    }
    parameters.set(name, decode(part.slice(equals + 1)));
  }
  return parameters;
}

function readHosts(authority: string, parameters: ReadonlyMap<string, string>): readonly Host[] {
  const inUrl = (authority === '' ? [] : authority.split(',')).map(part => {
    const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d*))?$/.exec(part) ?? [];
    if (bracketed === undefined && plain === undefined) {
      throw failure('BadConnectionUrl', { reason: 'a host and port cannot be read (IPv6 addresses need brackets)' });
    }
    return { host: decode(bracketed ?? plain ?? ''), port: port ?? '' };
  });
  const names = parameters.get('host')?.split(',') ?? inUrl.map(part => part.host);
  const ports = parameters.get('port')?.split(',') ?? inUrl.map(part => part.port);
  const hosts = (names.length === 0 ? ['localhost'] : names).map((host, index) => {
    const port = Number((ports.length === 1 ? ports[0] : ports[index]) || '5432');
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw failure('BadConnectionUrl', { reason: 'a port is not a number between 1 and 65535' });
    }
    return Object.freeze({ host: host === '' ? 'localhost' : host, port });
  });
  return Object.freeze(hosts);
}

function choice<T extends string>(
  parameters: ReadonlyMap<string, string>,
  name: string,
  allowed: readonly T[],
  fallback: T,
): T {
  const value = parameters.get(name);
  if (value === undefined) return fallback;
  const found = allowed.find(known => known === value);
  if (found === undefined) {
    const reason = `${name} is ${JSON.stringify(value.slice(0, 40))}; it must be one of ${allowed.join(', ')}`;
    throw failure('BadConnectionUrl', { reason });
  }
  return found;
}

/** libpq: zero or negative means no limit, and a limit is at least 2 s. We always have a limit. */
function connectTimeout(seconds: string | undefined): number {
  if (seconds === undefined) return DEFAULT_CONNECT_TIMEOUT_MS;
  const value = Number(seconds);
  if (!Number.isInteger(value)) throw failure('BadConnectionUrl', { reason: 'connect_timeout is not a whole number' });
  return value <= 0 ? DEFAULT_CONNECT_TIMEOUT_MS : Math.max(2, value) * 1000;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw failure('BadConnectionUrl', { reason: 'a "%" is not followed by two hexadecimal digits; write it as %25' });
  }
}

/** libpq before 16 knows no system store: it is given Debian's bundle, which Node and we trust too. */
const SYSTEM_CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

function rootCertificate(settings: ConnectionSettings): string | undefined {
  const isNamed = settings.sslRootCert !== undefined && settings.sslRootCert !== 'system';
  if (isNamed || !settings.sslMode.startsWith('verify')) return settings.sslRootCert;
  return existsSync(SYSTEM_CERTIFICATES) ? SYSTEM_CERTIFICATES : settings.sslRootCert;
}

/** Environment for libpq programs, with the one host that our own session is connected to: a snapshot is a server's own. */
export function libpqEnvironment(
  settings: ConnectionSettings,
  host: Host,
  applicationName: string,
): Readonly<Record<string, string>> {
  const optional = {
    PGPASSWORD: settings.password,
    PGSSLROOTCERT: rootCertificate(settings),
    PGSSLCERT: settings.sslCert,
    PGSSLKEY: settings.sslKey,
    PGOPTIONS: settings.options,
    PGCHANNELBINDING: settings.channelBinding === 'prefer' ? undefined : settings.channelBinding,
    PGSSLMINPROTOCOLVERSION: settings.tlsVersions.minVersion,
    PGSSLMAXPROTOCOLVERSION: settings.tlsVersions.maxVersion,
  };
  return Object.freeze({
    PGHOST: host.host,
    PGPORT: String(host.port),
    PGUSER: settings.user,
    PGDATABASE: settings.database,
    PGSSLMODE: settings.sslMode,
    PGGSSENCMODE: 'disable',
    PGCONNECT_TIMEOUT: String(Math.ceil(settings.connectTimeoutMs / 1000)),
    PGAPPNAME: applicationName,
    ...Object.fromEntries(
      Object.entries(optional).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
  });
}

/** Texts that must never be shown: the password as it is and as the URL writes it, and the URL itself. */
export function secretsOf(url: string): readonly string[] {
  const inUrl = /^[a-z+]+:\/\/[^:@/?#]*:([^@/?#]*)@/i.exec(url)?.[1];
  const toLastAt = /^[a-z+]+:\/\/[^:@/?#]*:(.*)@/is.exec(url)?.[1];
  const inQuery = /[?&]password=([^&#]*)/.exec(url)?.[1];
  const secrets = [url.trim(), inUrl, toLastAt, inQuery].filter(text => text !== undefined && text !== '') as string[];
  const decoded = secrets.flatMap(text => {
    try {
      return [text, decodeURIComponent(text)];
    } catch {
      return [text];
    }
  });
  return Object.freeze([...new Set(decoded)].sort((a, b) => b.length - a.length));
}
