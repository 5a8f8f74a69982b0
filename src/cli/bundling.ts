// Makes ConfigMap manifests of a folder: files packed until a ConfigMap is full, names by content, the signature where there is
// room for it. The same files give the same manifests on every machine, and what no runner could read is refused. Called by
// bundle.
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { stringify } from 'yaml';
import {
  BUNDLE_FILE,
  type BundledFile,
  MOST_UNPACKED_BYTES,
  packBundle,
  unpackBundle,
} from '../engine/source/bundle.ts';
import { readSource, readSourceFiles } from '../engine/source/files.ts';
import { findSignatures, SIGNATURE_FILE, signedSource } from '../engine/source/signatures.ts';
import { UsageError } from './failure.ts';
import type { Settings } from './settings.ts';
import { signatureText } from './signing.ts';
import { assertFolder } from './source.ts';

export interface BundleRequest {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly maxBytes: number;
  readonly keyFile: string | undefined;
}

/** Of data in one: Kubernetes allows 1 MiB. */
const MOST_BYTES = 1_000_000;
/** As spec.source.configMapRefs allows. */
export const MOST_CONFIG_MAPS = 64;
/** Kubernetes allows 253 characters; the hash and an index come behind it. */
const NAME = /^[a-z0-9]([-a-z0-9]{0,200}[a-z0-9])?$/;
/** An RFC 1123 label, as namespaces are named. */
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const HASH_CHARACTERS = 10;

/** Throws UsageError, or EngineError for a folder with mistakes: what cannot be run is not bundled. */
export async function bundleFolder(settings: Settings, request: BundleRequest) {
  if (!NAME.test(request.name)) {
    throw new UsageError(
      `${JSON.stringify(request.name)} cannot be the name of a ConfigMap: lower case letters, digits and "-", up to 202.`,
    );
  }
  if (request.namespace !== undefined && !NAMESPACE.test(request.namespace)) {
    throw new UsageError(
      `${JSON.stringify(request.namespace)} cannot be a namespace: lower case letters, digits and "-", up to 63.`,
    );
  }
  if (request.maxBytes > MOST_BYTES)
    throw new UsageError(`--max-bytes must be at most ${MOST_BYTES}: a ConfigMap holds no more than 1 MiB.`);
  assertFolder(settings);
  const source = await readSource(settings.migrations, 'PostgreSQL');
  const files = await readSourceFiles(settings.migrations, 'PostgreSQL');
  const signature = await signatureOf(settings, request, source);
  const parts = withSignature(split(files, request.maxBytes), signature, request.maxBytes);
  if (parts.length > MOST_CONFIG_MAPS) {
    throw new UsageError(
      `The migrations take ${parts.length} ConfigMaps, and a resource can name ${MOST_CONFIG_MAPS}. Raise --max-bytes up to ${MOST_BYTES}.`,
    );
  }
  const manifests = parts.map((part, index) => {
    const number = parts.length === 1 ? '' : `-${index + 1}`;
    return manifest(`${request.name}${number}-${hashOf(part)}`, request.namespace, part);
  });
  const names = manifests.map(one => one.metadata.name);
  assertUnpacks(parts, names);
  return {
    names,
    // kubectl reads YAML 1.1, in which `no` is false and 0b11 is 3.
    manifests: manifests.map(one => stringify(one, { lineWidth: 0, compat: 'yaml-1.1' })).join('---\n'),
  };
}

/** The content of one ConfigMap. */
interface Part {
  readonly files: readonly BundledFile[];
  /** The files; undefined where there are none. */
  readonly packed: Buffer | undefined;
  readonly signature: string | undefined;
}

/** As a runner reads them that has them all. Throws SourceTooLarge. */
function assertUnpacks(parts: readonly Part[], names: readonly string[]): void {
  let room = MOST_UNPACKED_BYTES;
  for (const [index, { packed }] of parts.entries()) {
    if (packed !== undefined) room -= unpackBundle(packed, names[index] ?? '', room).size;
  }
}

/**
 * The signature goes into the first ConfigMap that has room for it, else into one of its own: readers look for it in every
 * folder. Throws UsageError where it is too large for that too.
 */
function withSignature(bundles: readonly Part[], signature: string | undefined, maxBytes: number): readonly Part[] {
  if (signature === undefined) return bundles;
  const bytes = Buffer.byteLength(signature);
  const isRoom = ({ length }: Uint8Array) =>
    encodedLength(length) + writtenLength(signature) <= encodedLength(maxBytes) && length + bytes <= MOST_BYTES;
  if (!isRoom(new Uint8Array())) throw signatureTooLarge(signature, bytes, maxBytes);
  const place = bundles.findIndex(({ packed }) => packed !== undefined && isRoom(packed));
  if (place < 0) return [...bundles, { files: [], packed: undefined, signature }];
  return bundles.map((part, index) => (index === place ? { ...part, signature } : part));
}

function signatureTooLarge(signature: string, bytes: number, maxBytes: number): UsageError {
  const needed = Math.ceil(writtenLength(signature) / 4) * 3;
  const remedy =
    Math.max(needed, bytes) > MOST_BYTES
      ? 'No ConfigMap holds it: bundle without a signature, or sign fewer migrations.'
      : `Raise it to ${needed} or more, and apply the manifests with kubectl apply --server-side, which keeps no second copy of them.`;
  return new UsageError(
    `${SIGNATURE_FILE} has ${bytes} bytes, more than fit into a ConfigMap by --max-bytes ${maxBytes}. ${remedy}`,
  );
}

/** In Base64. */
function encodedLength(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** In the JSON of a manifest as Go writes it, which escapes more than JavaScript does. */
function writtenLength(text: string): number {
  return Buffer.byteLength(JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, '\\u0000'));
}

/** With a key the folder is signed for the bundle; without, a signature that lies in the folder goes along. */
async function signatureOf(
  settings: Settings,
  { keyFile }: BundleRequest,
  source: Parameters<typeof signatureText>[0],
) {
  if (keyFile !== undefined) return signatureText(source, resolve(settings.directory, keyFile));
  const text = await findSignatures(settings.migrations);
  if (text === undefined) return undefined;
  // Whether the key is trusted is not known here; a signature of other files would be refused by every runner.
  if (signedSource(text) !== source.digest) {
    throw new UsageError(
      `${SIGNATURE_FILE} was made for other files than those that are there. Sign them again (--key, or migrate sign), or remove it.`,
    );
  }
  return text;
}

/** In order of their paths, each part as full as it can be. Sizes do not simply add up, so each part is packed to know. */
function split(files: readonly BundledFile[], maxBytes: number): readonly Part[] {
  const parts: BundledFile[][] = [];
  let part: BundledFile[] = [];
  let estimate = 0;
  for (const file of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const alone = packBundle([file]).length;
    if (alone > maxBytes) {
      throw new UsageError(
        `${file.path} is too large for a ConfigMap: ${alone} bytes compressed, at most ${maxBytes} fit. Split the migration, or raise --max-bytes up to ${MOST_BYTES}.`,
      );
    }
    // Together they are never larger than one by one, so packing is needed only where the sum is too large.
    if (part.length > 0 && estimate + alone > maxBytes) {
      estimate = packBundle(part).length;
      if (estimate + alone > maxBytes) {
        parts.push(part);
        [part, estimate] = [[], 0];
      }
    }
    part.push(file);
    estimate += alone;
  }
  const full = part.length > 0 ? [...parts, part] : parts;
  return full.map(content => ({ files: content, packed: packBundle(content), signature: undefined }));
}

function hashOf({ files, signature }: Part): string {
  const hash = createHash('sha256');
  for (const { path, bytes } of files) hash.update(`${path}\0${createHash('sha256').update(bytes).digest('hex')}\n`);
  if (signature !== undefined) hash.update(`signature\0${signature}`);
  return hash.digest('hex').slice(0, HASH_CHARACTERS);
}

function manifest(name: string, namespace: string | undefined, { packed, signature }: Part) {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    immutable: true,
    ...(signature === undefined ? {} : { data: { [SIGNATURE_FILE]: signature } }),
    ...(packed === undefined ? {} : { binaryData: { [BUNDLE_FILE]: packed.toString('base64') } }),
  };
}
