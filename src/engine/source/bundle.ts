// The form in which migrations travel in a ConfigMap: one compressed file that holds many, because a ConfigMap is small and
// its keys know no slashes. Its content is in docs/formats.md. Pure. Written by the command line's `bundle`, read by
// files.ts wherever a directory of migrations is read.
import { failure } from '../errors.ts';

/** Name of the file in a ConfigMap. */
export const BUNDLE_FILE = 'migrations.bundle.json.gz';
const FORMAT = 1;
/** Loaded by whoever has a bundle: every command reads a folder, and most folders have none. */
const zlib = () => process.getBuiltinModule('node:zlib');
/** Of one source, all its bundles together: what unpacks to more is refused instead of filling the memory. */
export const MOST_UNPACKED_BYTES = 64 * 1024 * 1024;

export interface BundledFile {
  /** Path below the folder, with `/`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Packs files, in order of their paths. */
export function packBundle(files: readonly BundledFile[]): Buffer {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const content = sorted.map(({ path, bytes }) => [path, Buffer.from(bytes).toString('base64')]);
  return zlib().gzipSync(JSON.stringify({ format: FORMAT, files: content }), { level: 9 });
}

export interface Unpacked {
  readonly files: readonly BundledFile[];
  /** How much of the room it has taken. */
  readonly size: number;
}

/**
 * Unpacks a file into at most `room` bytes, what the bundles of the same source before it have left. Throws BadBundle when
 * it is no bundle, or one of another format; SourceTooLarge when it does not fit.
 */
export function unpackBundle(packed: Uint8Array, place: string, room: number = MOST_UNPACKED_BYTES): Unpacked {
  const text = unpack(packed, place, room);
  let content: { readonly format?: unknown; readonly files?: unknown };
  try {
    // What is no object has no properties either.
    content = Object(JSON.parse(text.toString('utf8'))) as typeof content;
  } catch {
    throw failure('BadBundle', { file: place, reason: UNREADABLE });
  }
  if (content.format !== FORMAT || !Array.isArray(content.files)) {
    throw failure('BadBundle', {
      file: place,
      reason: `its format is ${JSON.stringify(content.format) ?? 'missing'}, not ${FORMAT}`,
    });
  }
  const files = content.files.map((entry: unknown) => {
    const [path, bytes] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof path !== 'string' || typeof bytes !== 'string') {
      throw failure('BadBundle', { file: place, reason: 'an entry is not a path and its content' });
    }
    return { path, bytes: Buffer.from(bytes, 'base64') };
  });
  return { files, size: text.length };
}

const UNREADABLE = 'it cannot be unpacked';

function unpack(packed: Uint8Array, place: string, room: number): Buffer {
  try {
    // A limit of 0 would be none.
    return zlib().gunzipSync(packed, { maxOutputLength: Math.max(1, room) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE')
      throw failure('BadBundle', { file: place, reason: UNREADABLE });
    throw failure('SourceTooLarge', { file: place, most: `${MOST_UNPACKED_BYTES / 1024 / 1024} MiB` });
  }
}
