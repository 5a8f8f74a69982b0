// What the settings of a URL mean for TLS to one host, as libpq means them. Reads the files that they name. Called by postgres.ts.
import { readFileSync } from 'node:fs';
import { failure } from '../engine/errors.ts';
import type { ConnectionSettings, Host, TlsVersion } from './url.ts';

/** What `pg` shall do about TLS, one entry a try: libpq's `prefer` is TLS first and plain text if that fails. */
export type Tls =
  | false
  | {
      rejectUnauthorized: boolean;
      ca?: string;
      cert?: string;
      key?: string;
      anyName?: true;
      minVersion?: TlsVersion;
      maxVersion?: TlsVersion;
    };

/** With `channel_binding=require` never without TLS: of a Unix socket nothing is left to try. */
export function tlsTries(settings: ConnectionSettings, host: Host): readonly Tls[] {
  const tries = triesOf(settings, host);
  return settings.channelBinding === 'require' ? tries.filter(tls => tls !== false) : tries;
}

function triesOf(settings: ConnectionSettings, host: Host): readonly Tls[] {
  if (host.host.startsWith('/')) return [false];
  const files = {
    ...settings.tlsVersions,
    ...(settings.sslCert === undefined ? {} : { cert: readPem('sslcert', settings.sslCert) }),
    ...(settings.sslKey === undefined ? {} : { key: readPem('sslkey', settings.sslKey) }),
    ...(settings.sslRootCert === undefined || settings.sslRootCert === 'system'
      ? {}
      : { ca: readPem('sslrootcert', settings.sslRootCert) }),
  };
  const unverified: Tls = { rejectUnauthorized: false, ...files };
  switch (settings.sslMode) {
    case 'disable':
      return [false];
    case 'allow':
      return [false, unverified];
    case 'prefer':
      return [unverified, false];
    case 'require': // With a root certificate libpq verifies the chain here too.
      return [settings.sslRootCert === undefined ? unverified : { rejectUnauthorized: true, anyName: true, ...files }];
    case 'verify-ca':
      return [{ rejectUnauthorized: true, anyName: true, ...files }];
    case 'verify-full':
      return [{ rejectUnauthorized: true, ...files }];
  }
}

function readPem(parameter: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw failure('BadConnectionUrl', { reason: `the file that ${parameter} names cannot be read` });
  }
}
