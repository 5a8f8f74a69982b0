// Signs migrations and checks that they are signed: ed25519 over each version's checksums (kept in the ledger, for a down
// script that has left the source) and over the list of all (so that none is added or removed). The file is
// `migrations.sig` beside the migrations; its format is in docs/formats.md. Pure but for finding that file.
//
//   const key = readPrivateKey(text, 'key.pem');               // signing-keys.ts
//   const text = signSource(source, key);                      // content of migrations.sig
//   const trust = { keys: readPublicKeys(text, 'keys.pub') };  // signing-keys.ts
//   verifySource(source, await findSignatures(source.directory), trust);   // throws NotSigned (exit 23)
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failure } from '../errors.ts';
import { isKeptForItself, type Source, unreadable } from './files.ts';
import { keyOfName, type SigningKey, type TrustedKey } from './signing-keys.ts';

/** Name of the file beside the migrations. */
export const SIGNATURE_FILE = 'migrations.sig';
const HEAD = 'migrate-signatures 1';

/** Whose signatures count. */
export interface Trust {
  readonly keys: readonly TrustedKey[];
}

/** What the ledger keeps of a version's signature. */
export interface VersionSignature {
  /** Base64. */
  readonly signature: string;
  /** `ssh-ed25519 AAAA…`. */
  readonly signedBy: string;
}

export interface VersionChecksums {
  readonly version: string;
  readonly up: string;
  readonly down: string | undefined;
}

function versionText({ version, up, down }: VersionChecksums): string {
  return `migrate-version 1\n${version}\n${up}\n${down ?? '-'}\n`;
}

function checksumsOf(source: Source): readonly VersionChecksums[] {
  return [
    ...source.migrations.map(({ version, up, down }) => ({ version, up: up.checksum, down: down?.checksum })),
    ...source.repeatables.map(({ version, up }) => ({ version, up: up.checksum, down: undefined })),
  ];
}

/** The content of `migrations.sig`. The same for the same files and key. */
export function signSource(source: Source, key: SigningKey): string {
  const lines = checksumsOf(source).map(one => {
    return `${one.up} ${one.down ?? '-'} ${key.sign(versionText(one))} ${one.version}`;
  });
  const list = [HEAD, `key ${key.publicKey}`, `source ${source.digest}`, ...lines].map(line => `${line}\n`).join('');
  return `${list}end ${key.sign(list)}\n`;
}

/** Digest of the source that a signature file was made for, unverified; undefined: it is no such file. */
export function signedSource(text: string): string | undefined {
  return /^source ([0-9a-f]+)$/m.exec(text)?.[1];
}

/**
 * The text of the signature file in the source's directory or one below it; undefined when there is none. Throws
 * SourceUnreadable: one that cannot be read is not taken for none.
 */
export async function findSignatures(root: string): Promise<string | undefined> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  const names = entries.filter(entry => !isKeptForItself(entry.name) && !entry.isFile()).map(entry => entry.name);
  for (const directory of [root, ...names.sort().map(name => join(root, name))]) {
    const text = await signaturesIn(directory);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** ELOOP: a link to itself, which is passed over with the files. */
const NOT_THERE: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR', 'ELOOP'];

async function signaturesIn(directory: string): Promise<string | undefined> {
  try {
    return await readFile(join(directory, SIGNATURE_FILE), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (NOT_THERE.includes(code)) return undefined;
    const place = `${SIGNATURE_FILE} in ${directory}`;
    if (code !== 'EISDIR') throw unreadable(place, error);
    throw failure('SourceUnreadable', { place, reason: 'it is a directory' }, {}, { cause: error });
  }
}

/** Checks every file of the source; answers the signature of each version, for the ledger. Throws NotSigned. */
export function verifySource(
  source: Source,
  text: string | undefined,
  trust: Trust,
): ReadonlyMap<string, VersionSignature> {
  if (text === undefined) throw notSigned(`there is no ${SIGNATURE_FILE} beside them`);
  const file = parse(text);
  const key = trust.keys.find(one => one.publicKey === file.key);
  if (key === undefined) throw notSigned(`${SIGNATURE_FILE} is signed by ${file.key}, which is not trusted`);
  if (!key.verifies(file.list, file.signature)) throw notSigned(`${SIGNATURE_FILE} was changed after it was signed`);
  const signed = new Map(file.versions.map(one => [one.version, one]));
  const signatures = new Map<string, VersionSignature>();
  for (const one of checksumsOf(source)) {
    const found = signed.get(one.version);
    if (found === undefined) throw notSigned(`${one.version} is not among what was signed`);
    if (found.up !== one.up) throw notSigned(`the up script of ${one.version} was changed after it was signed`);
    if (found.down !== one.down) throw notSigned(`the down script of ${one.version} was changed after it was signed`);
    if (!key.verifies(versionText(one), found.signature))
      throw notSigned(`the signature of ${one.version} is not valid`);
    signatures.set(one.version, Object.freeze({ signature: found.signature, signedBy: file.key }));
    signed.delete(one.version);
  }
  const [missing] = signed.keys();
  if (missing !== undefined) throw notSigned(`${missing} was signed and is no longer among the files`);
  if (file.source !== source.digest) throw notSigned('the names of the files are not those that were signed');
  return signatures;
}

interface SignatureFile {
  readonly key: string;
  readonly source: string;
  readonly versions: readonly (VersionChecksums & { readonly signature: string })[];
  /** Everything that the last line signs. */
  readonly list: string;
  readonly signature: string;
}

const LINE = /^([0-9a-f]{64}) ([0-9a-f]{64}|-) ([A-Za-z0-9+/=]+) (.+)$/;

function parse(text: string): SignatureFile {
  const lines = text.split('\n');
  const damaged = () => notSigned(`${SIGNATURE_FILE} cannot be read; sign the migrations anew`);
  const [head, key, source] = lines;
  const end = lines.at(-2);
  if (head !== HEAD || !key?.startsWith('key ') || !source?.startsWith('source ') || !end?.startsWith('end '))
    throw damaged();
  const versions = lines.slice(3, -2).map(line => {
    const [, up, down, signature, version] = LINE.exec(line) ?? [];
    if (up === undefined || signature === undefined || version === undefined) throw damaged();
    return { version, up, down: down === '-' ? undefined : down, signature };
  });
  const list = text.slice(0, text.length - end.length - 1);
  return { key: key.slice(4), source: source.slice(7), versions, list, signature: end.slice(4) };
}

/**
 * Checks a version that has left the source, by what the ledger kept. A signature that is there must be valid; with
 * `trust` it must be there, and of a trusted key. Throws NotSigned.
 */
export function assertVersionSigned(
  checksums: VersionChecksums,
  signature: string | undefined,
  signedBy: string | undefined,
  trust: Trust | undefined,
): void {
  const { version } = checksums;
  if (signature === undefined || signedBy === undefined) {
    if (trust !== undefined) throw notSigned(`${version}, kept in the ledger, was not signed when it was applied`);
    return;
  }
  if (trust !== undefined && !trust.keys.some(one => one.publicKey === signedBy)) {
    throw notSigned(`${version}, kept in the ledger, is signed by ${signedBy}, which is not trusted`);
  }
  if (keyOfName(signedBy)?.verifies(versionText(checksums), signature) !== true) {
    throw notSigned(`the signature of ${version}, kept in the ledger, is not valid`);
  }
}

function notSigned(reason: string) {
  return failure('NotSigned', { reason });
}
