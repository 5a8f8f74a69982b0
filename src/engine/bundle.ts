// The form in which migrations travel in a ConfigMap: one compressed file that holds many, because a ConfigMap is small and
// its keys know no slashes. Its content is in docs/formats.md. Pure. Written by the command line's `bundle`, read by
// files.ts wherever a directory of migrations is read.
import { gunzipSync, gzipSync } from 'node:zlib';
import { failure } from './errors.ts';

/** Name of the file in a ConfigMap. */
export const BUNDLE_FILE = 'migrations.bundle.json.gz';
const FORMAT = 1;
/** No honest bundle is that large: a file that unpacks to more is refused instead of filling the memory. */
const MOST_BYTES = 64 * 1024 * 1024;

export interface BundledFile {
  /** Path below the folder, with `/`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Packs files, in order of their paths. */
export function packBundle(files: readonly BundledFile[]): Buffer {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const content = sorted.map(({ path, bytes }) => [path, Buffer.from(bytes).toString('base64')]);
  return gzipSync(JSON.stringify({ format: FORMAT, files: content }), { level: 9 });
}

/** Unpacks a file. Throws BadBundle when it is no bundle, or one of another format. */
export function unpackBundle(packed: Uint8Array, place: string): readonly BundledFile[] {
  let content: { readonly format?: unknown; readonly files?: unknown };
  try {
    // What is no object has no properties either.
    content = Object(
      JSON.parse(gunzipSync(packed, { maxOutputLength: MOST_BYTES }).toString('utf8')),
    ) as typeof content;
  } catch {
    throw failure('BadBundle', { file: place, reason: 'it cannot be unpacked' });
  }
  if (content.format !== FORMAT || !Array.isArray(content.files)) {
    throw failure('BadBundle', {
      file: place,
      reason: `its format is ${JSON.stringify(content.format) ?? 'missing'}, not ${FORMAT}`,
    });
  }
  return content.files.map((entry: unknown) => {
    const [path, bytes] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof path !== 'string' || typeof bytes !== 'string') {
      throw failure('BadBundle', { file: place, reason: 'an entry is not a path and its content' });
    }
    return { path, bytes: Buffer.from(bytes, 'base64') };
  });
}
