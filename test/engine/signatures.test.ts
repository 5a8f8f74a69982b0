import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openConnection } from '../../src/database/postgres.ts';
import { parseConnectionUrl } from '../../src/database/url.ts';
import { applicationName } from '../../src/engine/attempt.ts';
import { migrateDatabase } from '../../src/engine/migrate.ts';
import { readSource } from '../../src/engine/source/files.ts';
import {
  findSignatures,
  SIGNATURE_FILE,
  signSource,
  type Trust,
  verifySource,
} from '../../src/engine/source/signatures.ts';
import { readPrivateKey, readPublicKeys } from '../../src/engine/source/signing-keys.ts';
import { EXECUTION, OWNER, Site, serverForTests } from './site.ts';

const server = await serverForTests();

const keyFile = (name: string) => readFileSync(new URL(`fixtures/keys/${name}`, import.meta.url), 'utf8');
const openssh = readPrivateKey(keyFile('openssh'), 'openssh');
const openssl = readPrivateKey(keyFile('openssl.pem'), 'openssl.pem');
const trust: Trust = { keys: readPublicKeys(keyFile('openssh.pub'), 'openssh.pub') };

const TWO = {
  '001_users.up.sql': 'CREATE TABLE users(id int PRIMARY KEY)',
  '001_users.down.sql': 'DROP TABLE users',
  '002_groups.up.sql': 'CREATE TABLE groups(id int PRIMARY KEY)',
  '002_groups.down.sql': 'DROP TABLE groups',
};

function folder(files: Readonly<Record<string, string>> = TWO): string {
  const root = mkdtempSync(join(tmpdir(), 'migrate-signed-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

describe('A key', () => {
  it('is read as openssl and as ssh-keygen write it, private and public', () => {
    assert.equal(openssh.publicKey, keyFile('openssh.pub').split(' ').slice(0, 2).join(' '));
    const [pem] = readPublicKeys(keyFile('openssl.pub.pem'), 'openssl.pub.pem');
    assert.equal(pem?.publicKey, openssl.publicKey);
    assert.equal(pem?.verifies('text', openssl.sign('text')), true);
    assert.equal(pem?.verifies('texts', openssl.sign('text')), false);
  });

  it('may be one of several, of both kinds, with comments between', () => {
    const text = `# release\n${keyFile('openssh.pub')}\n\n${keyFile('openssl.pub.pem')}`;
    const names = readPublicKeys(text, 'keys').map(key => key.publicKey);
    assert.deepEqual(names.sort(), [openssh.publicKey, openssl.publicKey].sort());
  });

  const refused: Readonly<Record<string, readonly [() => unknown, RegExp]>> = {
    'with a passphrase (OpenSSH)': [() => readPrivateKey(keyFile('openssh-encrypted'), 'k'), /passphrase/],
    'with a passphrase (PEM)': [() => readPrivateKey(keyFile('openssl-encrypted.pem'), 'k'), /passphrase/],
    'of another kind': [() => readPrivateKey(keyFile('rsa.pem'), 'k'), /kind rsa, not ed25519/],
    'that is public where a private one is needed': [
      () => readPrivateKey(keyFile('openssh.pub'), 'k'),
      /not a private key/,
    ],
    'that is private where a public one is needed': [
      () => readPublicKeys(keyFile('openssh'), 'k'),
      /private key; give the public/,
    ],
    'that is cut off': [() => readPrivateKey(keyFile('openssh').slice(0, 120), 'k'), /damaged|cannot be read|several/],
    'that is none': [() => readPublicKeys('hello there', 'k'), /no ssh-ed25519 key/],
    'that is not there': [() => readPublicKeys('', 'k'), /no public key/],
  };
  for (const [what, [read, message]] of Object.entries(refused)) {
    it(`${what} is refused with the reason, and nothing of it is shown`, () => {
      assert.throws(read, (error: Error) => {
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /AAAA|b3Bl|MIIE|MC4C/);
        return 'code' in error && error.code === 'KeyUnreadable';
      });
    });
  }
});

describe('Signed migrations', () => {
  it('are verified by a trusted key, wherever the signature lies', async () => {
    const root = folder({ '0/001_a.up.sql': 'SELECT 1', '1/002_b.up.sql': 'SELECT 2' });
    const source = await readSource(root);
    writeFileSync(join(root, '1', SIGNATURE_FILE), signSource(source, openssh));
    const signatures = verifySource(source, await findSignatures(root), trust);
    assert.deepEqual([...signatures.keys()], ['001_a', '002_b']);
    assert.equal(signatures.get('001_a')?.signedBy, openssh.publicKey);
  });

  const changes: Readonly<Record<string, readonly [(root: string, text: string) => string | undefined, RegExp]>> = {
    'without a signature': [() => undefined, /no migrations\.sig/],
    'with a changed up': [edit('001_users.up.sql'), /up script of 001_users was changed/],
    'with a changed down': [edit('002_groups.down.sql'), /down script of 002_groups was changed/],
    'with a file more': [edit('003_more.up.sql'), /003_more is not among what was signed/],
    'with a file fewer': [remove('002_groups'), /002_groups was signed and is no longer/],
    'with a line taken out': [(_, text) => text.replace(/.* 002_groups\n/, ''), /changed after it was signed/],
    'with a damaged file': [(_, text) => text.slice(0, 300), /cannot be read/],
    'with a signature that is another’s': [
      (_, text) => text.replace(/end .*/, `end ${openssl.sign('x')}`),
      /changed after it was signed/,
    ],
  };
  for (const [what, [change, message]] of Object.entries(changes)) {
    it(`${what} are refused with exit code 23`, async () => {
      const root = folder();
      const text = change(root, signSource(await readSource(root), openssh));
      const source = await readSource(root);
      assert.throws(() => verifySource(source, text, trust), { code: 'NotSigned', exitCode: 23, message });
    });
  }

  it('by a key that is not trusted are refused, and the key is named', async () => {
    const source = await readSource(folder());
    const text = signSource(source, openssl);
    assert.throws(
      () => verifySource(source, text, trust),
      new RegExp(openssl.publicKey.slice(12, 40).replaceAll('+', '\\+')),
    );
  });
});

function edit(file: string) {
  return (root: string, text: string) => {
    writeFileSync(join(root, file), 'SELECT 1');
    return text;
  };
}

function remove(version: string) {
  return (root: string, text: string) => {
    for (const way of ['up', 'down']) rmSync(join(root, `${version}.${way}.sql`));
    return text;
  };
}

async function migrateSigned(site: Site, to: string, direction: 'Up' | 'Down', trusted: Trust | 'None' = trust) {
  const planned = await site.planned(to);
  site.attempt += 1;
  const attempt = {
    owner: OWNER,
    resource: 'shop/truledgr',
    number: site.attempt,
    run: { uid: 'a-uid', id: site.runId },
    job: 'job',
    ledgerSchema: 'migrate',
  };
  const connect = () =>
    openConnection(parseConnectionUrl(site.url), { applicationName: applicationName(OWNER, attempt.number) });
  const { version: from, target, ledgerDigest } = planned;
  return migrateDatabase(
    {
      attempt,
      source: await readSource(site.migrations),
      from,
      to: target,
      ledgerDigest,
      direction,
      execution: EXECUTION,
      strategy: 'Recreate',
      appRoles: [],
      applicationSessions: undefined,
      ...(trusted === 'None' ? {} : { trust: trusted }),
    },
    { connect, log: () => undefined, signal: undefined, fenceWaitMs: 3_000 },
  );
}

const codeOf = (outcome: { error: unknown }) => (outcome.error as { code?: string } | undefined)?.code;

describe('A migration that must be signed', () => {
  it('is not run unsigned; signed it is, and the ledger keeps the signature for the way down', async () => {
    const site = await Site.create(server, TWO);
    const unsigned = await migrateSigned(site, 'latest', 'Up');
    assert.deepEqual([codeOf(unsigned), unsigned.wrote], ['NotSigned', false]);
    site.write(SIGNATURE_FILE, signSource(await readSource(site.migrations), openssh));
    assert.equal(codeOf(await migrateSigned(site, 'latest', 'Up')), undefined);
    assert.equal(
      site.sql('SELECT count(DISTINCT signature) FROM migrate.ledger WHERE signed_by LIKE $$ssh-ed25519 %$$'),
      '2',
    );

    site.runId = 2;
    for (const way of ['up', 'down']) site.remove(`002_groups.${way}.sql`);
    site.write(SIGNATURE_FILE, signSource(await readSource(site.migrations), openssh));
    const down = await migrateSigned(site, '001_users', 'Down');
    assert.deepEqual([codeOf(down), down.ledger?.version], [undefined, '001_users']);
  });

  it('whose kept down was changed together with its checksum is not taken back, trusted keys or none', async () => {
    const site = await Site.create(server, TWO);
    site.write(SIGNATURE_FILE, signSource(await readSource(site.migrations), openssh));
    await migrateSigned(site, 'latest', 'Up');
    site.runId = 2;
    for (const way of ['up', 'down']) site.remove(`002_groups.${way}.sql`);
    site.write(SIGNATURE_FILE, signSource(await readSource(site.migrations), openssh));
    const planned = await site.planned('001_users');
    site.sql(
      "UPDATE migrate.ledger SET down_script = 'DROP TABLE users', down_checksum = encode(sha256('DROP TABLE users'), 'hex') WHERE number = 2",
    );
    const { error, exitCode } = await site.migrate({ planned, direction: 'Down' });
    assert.deepEqual([exitCode, error?.code], [23, 'NotSigned']);
    assert.match(error?.message ?? '', /signature of 002_groups, kept in the ledger, is not valid/);
    assert.equal(site.hasTable('users'), true);
  });

  it('applied before signatures were asked for has no way down from the ledger while they are', async () => {
    const site = await Site.create(server, TWO);
    await site.migrate();
    site.runId = 2;
    for (const way of ['up', 'down']) site.remove(`002_groups.${way}.sql`);
    site.write(SIGNATURE_FILE, signSource(await readSource(site.migrations), openssh));
    assert.equal(codeOf(await migrateSigned(site, '001_users', 'Down')), 'NotSigned');
    assert.equal(codeOf(await migrateSigned(site, '001_users', 'Down', 'None')), undefined);
  });
});
