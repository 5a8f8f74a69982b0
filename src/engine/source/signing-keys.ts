// Reads ed25519 keys as `openssl genpkey -algorithm ed25519` and `ssh-keygen -t ed25519` write them: PEM and OpenSSH, public
// and private, without a passphrase. Never puts a word of a private key into a message. Called by signatures.ts and the CLI.
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { failure } from '../errors.ts';

export interface SigningKey {
  /** `ssh-ed25519 AAAA…`, whichever format it came in. */
  readonly publicKey: string;
  /** Base64. */
  readonly sign: (text: string) => string;
}

export interface TrustedKey {
  readonly publicKey: string;
  readonly verifies: (text: string, signature: string) => boolean;
}

const ALGORITHM = 'ssh-ed25519';
const OPENSSH_HEAD = '-----BEGIN OPENSSH PRIVATE KEY-----';
/** DER of PKCS #8 and of SubjectPublicKeyInfo up to the 32 bytes of an ed25519 key (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/** Reads a private key. Throws KeyUnreadable. */
export function readPrivateKey(text: string, file: string): SigningKey {
  const refuse = (reason: string) => failure('KeyUnreadable', { file, reason });
  if (/ENCRYPTED/.test(text)) throw refuse('it is protected by a passphrase, which nobody could type in here');
  if (!text.includes('PRIVATE KEY-----')) throw refuse('it is not a private key in PEM or OpenSSH format');
  const key = text.includes(OPENSSH_HEAD) ? opensshPrivateKey(text, refuse) : pemKey(createPrivateKey, text, refuse);
  if (key.asymmetricKeyType !== 'ed25519')
    throw refuse(`it is of the kind ${key.asymmetricKeyType ?? 'unknown'}, not ed25519`);
  const publicKey = nameOf(createPublicKey(key));
  return Object.freeze({
    publicKey,
    sign: (data: string) => sign(null, Buffer.from(data, 'utf8'), key).toString('base64'),
  });
}

/** Reads one or more public keys: PEM blocks and OpenSSH lines, with comments. Throws KeyUnreadable. */
export function readPublicKeys(text: string, file: string): readonly TrustedKey[] {
  const refuse = (reason: string) => failure('KeyUnreadable', { file, reason });
  if (text.includes('PRIVATE KEY')) throw refuse('it is a private key; give the public one');
  const blocks = text.match(/-----BEGIN PUBLIC KEY-----[\s\S]*?-----END PUBLIC KEY-----/g) ?? [];
  const lines = text
    .replace(/-----BEGIN [\s\S]*?-----END [^\n]*/g, '')
    .split(/\r?\n/)
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'));
  const keys = [
    ...blocks.map(block => pemKey(createPublicKey, block, refuse)),
    ...lines.map(line => opensshPublicKey(line, refuse)),
  ];
  if (keys.length === 0) throw refuse('it holds no public key');
  const other = keys.find(key => key.asymmetricKeyType !== 'ed25519');
  if (other !== undefined) throw refuse(`it is of the kind ${other.asymmetricKeyType ?? 'unknown'}, not ed25519`);
  return Object.freeze(keys.map(trustedKey));
}

/** The key of a name `ssh-ed25519 AAAA…`; undefined when it is none. */
export function keyOfName(publicKey: string): TrustedKey | undefined {
  try {
    return trustedKey(opensshPublicKey(publicKey, reason => new Error(reason)));
  } catch {
    return undefined;
  }
}

function trustedKey(key: KeyObject): TrustedKey {
  const verifies = (text: string, signature: string) =>
    verify(null, Buffer.from(text, 'utf8'), key, Buffer.from(signature, 'base64'));
  return Object.freeze({ publicKey: nameOf(key), verifies });
}

function pemKey(read: (text: string) => KeyObject, text: string, refuse: (reason: string) => Error): KeyObject {
  try {
    return read(text);
  } catch {
    throw refuse('its PEM cannot be read');
  }
}

function nameOf(publicKey: KeyObject): string {
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(SPKI.length);
  const wire = Buffer.concat([lengthed(Buffer.from(ALGORITHM)), lengthed(raw)]);
  return `${ALGORITHM} ${wire.toString('base64')}`;
}

function lengthed(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function opensshPublicKey(line: string, refuse: (reason: string) => Error): KeyObject {
  const [algorithm = '', encoded = ''] = line.split(/\s+/);
  if (algorithm !== ALGORITHM)
    throw refuse(
      `it has a line that is no ${ALGORITHM} key (it begins with ${JSON.stringify(algorithm.slice(0, 30))})`,
    );
  const reader = new WireReader(Buffer.from(encoded, 'base64'));
  const [name, raw] = [reader.text(), reader.bytes()];
  if (name !== ALGORITHM || raw.length !== 32) throw refuse('its OpenSSH public key cannot be read');
  return createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' });
}

/** https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key */
function opensshPrivateKey(text: string, refuse: (reason: string) => Error): KeyObject {
  const body = text.slice(text.indexOf(OPENSSH_HEAD) + OPENSSH_HEAD.length).split('-----END')[0] ?? '';
  const bytes = Buffer.from(body.replace(/\s+/g, ''), 'base64');
  const magic = 'openssh-key-v1\0';
  if (bytes.toString('latin1', 0, magic.length) !== magic) throw refuse('its OpenSSH key cannot be read');
  const reader = new WireReader(bytes.subarray(magic.length));
  const cipher = reader.text();
  if (cipher !== 'none') throw refuse('it is protected by a passphrase, which nobody could type in here');
  reader.bytes();
  reader.bytes();
  if (reader.number() !== 1) throw refuse('it holds not one key but several');
  reader.bytes();
  const inner = new WireReader(reader.bytes());
  const [check, again] = [inner.number(), inner.number()];
  if (check !== again) throw refuse('its OpenSSH key is damaged');
  const algorithm = inner.text();
  if (algorithm === '') throw refuse('its OpenSSH key is damaged');
  if (algorithm !== ALGORITHM) throw refuse(`it is of the kind ${algorithm}, not ed25519`);
  inner.bytes();
  const seed = inner.bytes().subarray(0, 32);
  if (seed.length !== 32) throw refuse('its OpenSSH key is damaged');
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
}

/** Reads the strings and numbers of RFC 4251; beyond the end everything is empty. */
class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  number(): number {
    const value = this.#at + 4 <= this.#bytes.length ? this.#bytes.readUInt32BE(this.#at) : 0;
    this.#at += 4;
    return value;
  }

  bytes(): Buffer {
    const length = this.number();
    const value = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return value;
  }

  text(): string {
    return this.bytes().toString('latin1');
  }
}
