// The manifest of a backup as a command finds it, of either kind of database: a directory that is none, one that may not be
// read, a format or a kind that is not known and a damaged manifest are told apart. Called by both kinds' restores.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_FILE, MANIFEST_FORMAT } from '../backup/manifest.ts';
import { UsageError } from './failure.ts';

const KINDS = { 'sqlite-file': 'SQLite', 'postgresql-dump': 'PostgreSQL' } as const;

interface AnyManifest {
  readonly format: number;
  readonly kind: keyof typeof KINDS;
  readonly tables: readonly unknown[];
  readonly files: readonly unknown[];
}

/** Throws UsageError. The files of the backup are not looked at. */
export async function readStoredManifest<M extends AnyManifest>(
  directory: string,
  kind: M['kind'],
): Promise<{ readonly manifest: M; readonly text: string }> {
  const text = await readText(directory);
  const manifest = parsed<M>(text);
  if (manifest === undefined)
    throw new UsageError(`The backup in ${directory} is damaged: its ${MANIFEST_FILE} cannot be read.`);
  if (manifest.format !== MANIFEST_FORMAT) {
    const found = JSON.stringify(manifest.format) ?? 'without a number';
    throw new UsageError(
      `The backup in ${directory} has format ${found}; this program knows ${MANIFEST_FORMAT}. Restore it with the release that made it, or a newer one.`,
    );
  }
  if (manifest.kind !== kind) {
    throw new UsageError(
      `${directory} is a backup of another kind of database (${manifest.kind}); this one is ${KINDS[kind]}.`,
    );
  }
  if (!Array.isArray(manifest.files) || !Array.isArray(manifest.tables))
    throw new UsageError(`The backup in ${directory} is damaged: its ${MANIFEST_FILE} names no files or no tables.`);
  return { manifest, text };
}

/** Between the look at a backup and its restore a person may think for long. Throws UsageError. */
export function assertUnchanged(directory: string, digest: string, shown: string): void {
  if (digest === shown) return;
  throw new UsageError(
    `The backup in ${directory} was changed after it was shown. Nothing was done; look at it again.`,
  );
}

async function readText(directory: string): Promise<string> {
  const path = join(directory, MANIFEST_FILE);
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR')
      throw new UsageError(`${directory} is a file. Name the directory of the backup that holds ${MANIFEST_FILE}.`);
    if (code === 'ENOENT') throw new UsageError(`${directory} is no backup: it has no ${MANIFEST_FILE}.`);
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
    throw new UsageError(
      `${path} cannot be read: permission denied. Run it as the owner of the backup, or ask that one for the right.`,
    );
  }
}

function parsed<M>(text: string): M | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as M) : undefined;
  } catch {
    return undefined;
  }
}
