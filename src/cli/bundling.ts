// Makes ConfigMap manifests of a folder: files packed until a ConfigMap is full, names by content. The same files give the
// same manifests on every machine. Called by bundle.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { BUNDLE_FILE, type BundledFile, packBundle } from '../engine/source/bundle.ts';
import { readSource, readSourceFiles } from '../engine/source/files.ts';
import { SIGNATURE_FILE, signedSource } from '../engine/source/signatures.ts';
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

const MOST_BYTES = 1_000_000;
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
  const parts = split(files, request.maxBytes);
  const manifests = parts.map((part, index) => {
    const hash = hashOf(part, index === 0 ? signature : undefined);
    const number = parts.length === 1 ? '' : `-${index + 1}`;
    return manifest(`${request.name}${number}-${hash}`, request.namespace, part, index === 0 ? signature : undefined);
  });
  return {
    names: manifests.map(one => one.metadata.name),
    manifests: manifests.map(one => stringify(one, { lineWidth: 0 })).join('---\n'),
  };
}

/** With a key the folder is signed for the bundle; without, a signature that lies in the folder goes along. */
async function signatureOf(
  settings: Settings,
  { keyFile }: BundleRequest,
  source: Parameters<typeof signatureText>[0],
) {
  if (keyFile !== undefined) return signatureText(source, resolve(settings.directory, keyFile));
  const path = join(settings.migrations, SIGNATURE_FILE);
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, 'utf8');
  // Whether the key is trusted is not known here; a signature of other files would be refused by every runner.
  if (signedSource(text) !== source.digest) {
    throw new UsageError(
      `${SIGNATURE_FILE} was made for other files than those that are there. Sign them again (--key, or migrate sign), or remove it.`,
    );
  }
  return text;
}

/** In order of their paths, each part as full as it can be. Sizes do not simply add up, so each part is packed to know. */
function split(files: readonly BundledFile[], maxBytes: number): readonly (readonly BundledFile[])[] {
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
  return part.length > 0 ? [...parts, part] : parts;
}

function hashOf(files: readonly BundledFile[], signature: string | undefined): string {
  const hash = createHash('sha256');
  for (const { path, bytes } of files) hash.update(`${path}\0${createHash('sha256').update(bytes).digest('hex')}\n`);
  if (signature !== undefined) hash.update(`signature\0${signature}`);
  return hash.digest('hex').slice(0, HASH_CHARACTERS);
}

function manifest(
  name: string,
  namespace: string | undefined,
  files: readonly BundledFile[],
  signature: string | undefined,
) {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    immutable: true,
    ...(signature === undefined ? {} : { data: { [SIGNATURE_FILE]: signature } }),
    binaryData: { [BUNDLE_FILE]: packBundle(files).toString('base64') },
  };
}
