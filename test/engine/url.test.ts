import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tlsTries } from '../../src/database/tls.ts';
import { libpqEnvironment, parseConnectionUrl, secretsOf } from '../../src/database/url.ts';
import type { EngineError } from '../../src/engine/errors.ts';

const HOST = { host: 'db', port: 5432 };

function refused(url: string): EngineError {
  try {
    parseConnectionUrl(url);
  } catch (error) {
    return error as EngineError;
  }
  throw new Error('nothing was refused');
}

describe('A connection URL', () => {
  it('is read with libpq’s meaning', () => {
    const settings = parseConnectionUrl(
      'postgresql://us%40er:p%3A%2F%40ss@one:6543,two/da%20ta?sslmode=verify-full&target_session_attrs=primary&connect_timeout=1&options=-c%20x%3D1',
    );
    assert.deepEqual(
      { ...settings },
      {
        hosts: [
          { host: 'one', port: 6543 },
          { host: 'two', port: 5432 },
        ],
        user: 'us@er',
        password: 'p:/@ss',
        database: 'da ta',
        sslMode: 'verify-full',
        sslRootCert: undefined,
        sslCert: undefined,
        sslKey: undefined,
        sessionTarget: 'primary',
        connectTimeoutMs: 2_000,
        options: '-c x=1',
        channelBinding: 'prefer',
        tlsVersions: {},
      },
    );
  });

  it('may leave out nearly everything', () => {
    const settings = parseConnectionUrl('postgres://owner@/');
    assert.deepEqual(
      [settings.hosts[0], settings.database, settings.sslMode],
      [{ host: 'localhost', port: 5432 }, 'owner', 'prefer'],
    );
  });

  it('may name a Unix socket, an IPv6 address, and parameters that win over the rest', () => {
    assert.equal(parseConnectionUrl('postgresql://u@%2Fvar%2Frun/d').hosts[0]?.host, '/var/run');
    assert.deepEqual(parseConnectionUrl('postgresql://u@[::1]:99/d').hosts[0], { host: '::1', port: 99 });
    const settings = parseConnectionUrl('postgresql://u:a@h/d?host=/tmp&port=77&user=v&password=b%26&dbname=e');
    assert.deepEqual(
      [settings.hosts[0], settings.user, settings.password, settings.database],
      [{ host: '/tmp', port: 77 }, 'v', 'b&', 'e'],
    );
  });

  for (const url of [
    '',
    'mysql://u:hunter2@h/d',
    'postgresql://u:hunter2@h:notaport/d',
    'postgresql://u:hunter2@h/d?sslmod=require',
    'postgresql://u:hunter2@h/d?sslmode=on',
    'postgresql://u:hunter2%zz@h/d',
  ]) {
    it(`is refused without being quoted: ${url.replace('hunter2', '…') || 'nothing'}`, () => {
      const error = refused(url);
      assert.equal(error.code, 'BadConnectionUrl');
      assert.doesNotMatch(error.message, /hunter2/);
    });
  }

  for (const url of [
    'postgresql://app:/S3cretPart@localhost:1/db',
    'postgresql://app:7/S3cretPart@localhost:1/db',
    'postgresql://app:7/S3cret@Part@localhost:1/db?sslmode=disable',
    'postgresql://app:abc?S3cretPart=1@localhost/db',
    'postgresql://app:7?S3cretPart@localhost/db',
    'postgresql://app:7?sslmode=S3cretPart@localhost/db',
    'postgresql://app:7?host=S3cretPart@localhost/db',
    'postgresql://app:a@b/S3cretPart@localhost/db',
    'postgresql://app:a@b?S3cretPart=1&x@localhost/db',
    'postgresql://app:S3cretPart#x@localhost/db',
  ]) {
    it(`tells what to encode where a password ends it, and shows none of it: ${url}`, () => {
      const { code, message } = refused(url);
      assert.equal(code, 'BadConnectionUrl');
      assert.match(message, /"\/" as %2F, "\?" as %3F, "#" as %23, "@" as %40/);
      assert.doesNotMatch(message, /S3cret|Part/);
    });
  }

  it('may hold an "@" in what its query gives as text, and hides the password there', () => {
    const { user, password, options, hosts } = parseConnectionUrl(
      'postgresql:///db?host=/var/run&user=app@server&password=p@ss&options=-csearch_path=a@b',
    );
    assert.deepEqual([user, password, options], ['app@server', 'p@ss', '-csearch_path=a@b']);
    assert.equal(hosts[0]?.host, '/var/run');
    assert.equal(parseConnectionUrl('postgresql://us%40er:x@one,two:6543/d%40ta').database, 'd@ta');
  });

  it('has what may be the password among its secrets, where that is not encoded', () => {
    assert.ok(secretsOf('postgresql://app:7/S3cret@Part@localhost:1/db').includes('7/S3cret@Part'));
  });

  it('with sslmode=require encrypts without verifying, unless a root certificate is given', () => {
    const tries = (mode: string) => tlsTries(parseConnectionUrl(`postgresql://u@db/d?sslmode=${mode}`), HOST);
    assert.deepEqual(tries('disable'), [false]);
    assert.deepEqual(tries('allow'), [false, { rejectUnauthorized: false }]);
    assert.deepEqual(tries('prefer'), [{ rejectUnauthorized: false }, false]);
    assert.deepEqual(tries('require'), [{ rejectUnauthorized: false }]);
    assert.deepEqual(tries('verify-full'), [{ rejectUnauthorized: true }]);
    assert.deepEqual(tlsTries(parseConnectionUrl('postgresql://u@%2Ftmp/d'), { host: '/tmp', port: 1 }), [false]);
  });

  it('is refused where it demands what would not be seen to', () => {
    const reasons: Readonly<Record<string, RegExp>> = {
      'sslmode=verify-ca': /verify-ca needs sslrootcert/,
      'sslmode=require&sslrootcert=system': /sslrootcert=system goes with sslmode=verify-full, not require/,
      'sslmode=disable&channel_binding=require': /channel_binding=require needs TLS/,
      'channel_binding=maybe': /channel_binding is "maybe"; it must be one of disable, prefer, require/,
      'sslcrl=/x': /the parameter "sslcrl" is not supported/,
      'require_auth=scram-sha-256': /the parameter "require_auth" is not supported/,
      'requirepeer=postgres': /the parameter "requirepeer" is not supported/,
      'gssencmode=require': /gssencmode=require is not supported/,
    };
    for (const [query, reason] of Object.entries(reasons)) {
      assert.match(refused(`postgresql://u:hunter2@h/d?${query}`).message, reason);
    }
  });

  it('may name files and sockets in which an "@" stands, versions in any case, and demands of nothing', () => {
    const settings = parseConnectionUrl(
      'postgresql://j@db/d?sslrootcert=/home/j@corp/ca.pem&host=/home/j@corp/run&ssl_min_protocol_version=tlsv1.2&require_auth=',
    );
    assert.equal(settings.sslRootCert, '/home/j@corp/ca.pem');
    assert.deepEqual([settings.hosts[0]?.host, settings.tlsVersions], ['/home/j@corp/run', { minVersion: 'TLSv1.2' }]);
  });

  it('with sslrootcert=system verifies the name, and with channel_binding=require never goes without TLS', () => {
    const tries = (query: string, host = HOST) => tlsTries(parseConnectionUrl(`postgresql://u@db/d?${query}`), host);
    assert.deepEqual(tries('sslrootcert=system'), [{ rejectUnauthorized: true }]);
    assert.deepEqual(tries('channel_binding=require'), [{ rejectUnauthorized: false }]);
    assert.deepEqual(tries('channel_binding=require', { host: '/tmp', port: 1 }), []);
    assert.deepEqual(tries('sslmode=require&ssl_min_protocol_version=TLSv1.3'), [
      { rejectUnauthorized: false, minVersion: 'TLSv1.3' },
    ]);
  });

  it('reaches libpq programs by environment, with the one host that is meant', () => {
    const settings = parseConnectionUrl('postgresql://u:pw@one,two/d?sslmode=require');
    assert.deepEqual(libpqEnvironment(settings, { host: 'two', port: 5432 }, 'migrate/x/1'), {
      PGHOST: 'two',
      PGPORT: '5432',
      PGUSER: 'u',
      PGDATABASE: 'd',
      PGSSLMODE: 'require',
      PGGSSENCMODE: 'disable',
      PGCONNECT_TIMEOUT: '10',
      PGAPPNAME: 'migrate/x/1',
      PGPASSWORD: 'pw',
    });
  });

  it('has secrets: itself and its password in every spelling', () => {
    assert.deepEqual(secretsOf('postgresql://u:p%40ss@h/d'), [
      'postgresql://u:p%40ss@h/d',
      'postgresql://u:p@ss@h/d',
      'p%40ss',
      'p@ss',
    ]);
  });
});
