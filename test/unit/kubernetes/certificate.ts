// Certificates for tests of TLS, made here so that no key lies in the repository and no tool is needed: self-signed, for
// 127.0.0.1, good for a day. Ed25519 unless asked otherwise, because its parameters are the shortest in DER (RFC 5280, RFC 8410).
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

export interface Certificate {
  /** PEM; is its own CA. */
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;

export function makeCertificate(commonName: string, algorithm: 'Ed25519' | 'ECDSA' = 'Ed25519'): Certificate {
  const isShort = algorithm === 'Ed25519';
  const { publicKey, privateKey } = isShort
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const identifier = isShort ? ED25519 : ECDSA_WITH_SHA256;
  const name = sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(commonName)))));
  const signed = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    identifier,
    name,
    sequence(time(Date.now() - DAY_MS), time(Date.now() + DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(IS_CA, FOR_THIS_MACHINE)),
  );
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign(isShort ? null : 'sha256', signed, privateKey)]));
  const base64 = sequence(signed, identifier, signature).toString('base64');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length < 0x80 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, ...parts);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  return der(0x17, Buffer.from(text.slice(2)));
}

const ED25519 = sequence(oid('2b6570'));
/** RFC 5758: with a digest, which a channel binding needs. */
const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'));
/** basicConstraints, critical: CA. */
const IS_CA = sequence(
  oid('551d13'),
  der(0x01, Buffer.from([0xff])),
  der(0x04, sequence(der(0x01, Buffer.from([0xff])))),
);
/** subjectAltName: an IP address. */
const FOR_THIS_MACHINE = sequence(oid('551d11'), der(0x04, sequence(der(0x87, Buffer.from([127, 0, 0, 1])))));
