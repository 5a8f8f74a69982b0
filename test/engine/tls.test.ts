// What a URL demands of TLS, on a server that has it: whom it takes for the server, and a login that is bound to the session.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openConnection } from '../../src/database/postgres.ts';
import { parseConnectionUrl } from '../../src/database/url.ts';
import type { EngineError } from '../../src/engine/errors.ts';
import { makeCertificate } from '../unit/kubernetes/certificate.ts';
import { serverForTests, until } from './site.ts';

const server = await serverForTests();
const directory = mkdtempSync(join(tmpdir(), 'tls-'));
after(() => rmSync(directory, { recursive: true }));
const url = await server.createDatabase('encrypted');

/** Puts a file where only the server reads it, and lets it read it. */
function give(path: string, text: string): void {
  const { uid, gid } = statSync(server.psql('SHOW data_directory'));
  writeFileSync(path, text);
  chmodSync(path, 0o600);
  if (process.getuid?.() === 0) chownSync(path, uid, gid);
}

/** Gives the server a certificate; answers the file of its authority. */
async function serveEncrypted(): Promise<string> {
  const { cert, key } = makeCertificate('a server', 'ECDSA');
  const data = server.psql('SHOW data_directory');
  give(join(data, 'server.crt'), cert);
  give(join(data, 'server.key'), key);
  server.psql('ALTER SYSTEM SET ssl = on');
  server.psql('SELECT pg_reload_conf()');
  await until('the server has TLS', () => server.psql('SHOW ssl') === 'on');
  const authority = join(directory, 'authority.pem');
  writeFileSync(authority, cert);
  return authority;
}

async function reached(query: string, host = '127.0.0.1'): Promise<'encrypted' | 'plain' | string> {
  const settings = parseConnectionUrl(`${url.replace('127.0.0.1', host)}?${query}`);
  try {
    const connection = await openConnection(settings, { applicationName: 'a test' });
    const [row] = await connection.query('SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()');
    await connection.close();
    return row?.ssl === 't' ? 'encrypted' : 'plain';
  } catch (error) {
    return (error as EngineError).message;
  }
}

describe('TLS to a PostgreSQL server', () => {
  it('is had or done without as the URL says, and a server is whom its certificate names', async () => {
    assert.equal(await reached(''), 'plain', 'prefer, of a server without');
    assert.match(await reached('sslmode=require'), /does not support SSL/);
    assert.match(await reached('channel_binding=require'), /does not support SSL/);
    const authority = await serveEncrypted();
    const another = join(directory, 'another.pem');
    writeFileSync(another, makeCertificate('another').cert);
    assert.equal(await reached(''), 'encrypted');
    assert.equal(await reached('sslmode=disable'), 'plain');
    assert.equal(await reached('sslmode=require'), 'encrypted');
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      assert.equal(await reached(`sslmode=${mode}&sslrootcert=${authority}`), 'encrypted', mode);
      assert.match(await reached(`sslmode=${mode}&sslrootcert=${another}`), /self-signed certificate/, mode);
    }
    assert.match(await reached('sslmode=verify-full'), /self-signed certificate/);
    assert.equal(await reached(`sslmode=verify-ca&sslrootcert=${authority}`, 'localhost'), 'encrypted');
    assert.match(
      await reached(`sslmode=verify-full&sslrootcert=${authority}`, 'localhost'),
      /does not match certificate/,
    );
    assert.match(await reached('sslmode=require&ssl_max_protocol_version=TLSv1.1'), /protocol|version/);
  });

  it('binds the login where the URL requires it, and logs in nowhere else', async () => {
    await serveEncrypted();
    assert.equal(await reached('channel_binding=require'), 'encrypted');
    const path = server.psql('SHOW hba_file');
    const rules = readFileSync(path, 'utf8');
    const answers = { password: /offers no channel binding, which the URL requires/, trust: /asks for no login/ };
    for (const [method, refusal] of Object.entries(answers)) {
      give(path, `hostssl encrypted owner 127.0.0.1/32 ${method}\n${rules}`);
      server.psql('SELECT pg_reload_conf()');
      const now = () => server.psql('SELECT auth_method FROM pg_hba_file_rules ORDER BY line_number LIMIT 1');
      await until(`the server asks for ${method}`, () => now() === method);
      assert.equal(await reached('sslmode=require'), 'encrypted');
      assert.match(await reached('channel_binding=require'), refusal);
    }
  });
});
