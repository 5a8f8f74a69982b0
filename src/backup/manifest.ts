// The manifest of a backup, format 1 (docs/formats.md): what the archive holds and what the database was like. It is
// written last, so that a directory with a valid manifest is a complete backup. Holds names, counts and digests; never
// a row, a password or a connection string.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Attempt } from '../engine/attempt.ts';
import { QueryError } from '../engine/connection.ts';
import { failure } from '../engine/errors.ts';
import { digestFiles, type FileDigest } from './volume.ts';

export const MANIFEST_FILE = 'manifest.json';
export const ARCHIVE_DIRECTORY = 'archive';
export const MANIFEST_FORMAT = 1;

export interface ManifestTable {
  readonly schema: string;
  readonly name: string;
  readonly rows: number;
  readonly sha256: string;
}

export interface Manifest {
  readonly format: typeof MANIFEST_FORMAT;
  readonly kind: 'postgresql-dump';
  readonly madeFor: { resource: string; owner: string; attempt: number; runId: number; job: string };
  readonly startedAt: string;
  readonly completedAt: string;
  readonly serverVersion: string;
  readonly clientVersion: string;
  /** Facts of the database at the snapshot, as text. */
  readonly database: Readonly<Record<string, unknown>>;
  readonly tables: readonly ManifestTable[];
  readonly files: readonly FileDigest[];
}

export function madeFor(attempt: Attempt): Manifest['madeFor'] {
  const { resource, owner, number, run, job } = attempt;
  return { resource, owner, attempt: number, runId: run.id, job };
}

/** The manifest as it is stored; its digest is over these bytes. */
export function serialize(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 1)}\n`;
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export interface StoredManifest {
  readonly manifest: Manifest;
  readonly text: string;
}

/** Reads a backup's manifest; undefined when there is none that can be read. Throws BadInput for a format of another time. */
export async function readManifest(directory: string): Promise<StoredManifest | undefined> {
  let text: string;
  let manifest: Manifest;
  try {
    text = await readFile(join(directory, MANIFEST_FILE), 'utf8');
    manifest = JSON.parse(text) as Manifest;
  } catch {
    return undefined;
  }
  const format: unknown = manifest?.format;
  if (typeof format === 'number' && format !== MANIFEST_FORMAT) {
    throw failure('BadInput', {
      reason: `the backup in ${directory} has format ${format}, and this program knows ${MANIFEST_FORMAT}; use the release that made it, or a newer one`,
    });
  }
  return format === MANIFEST_FORMAT && Array.isArray(manifest.files) ? { manifest, text } : undefined;
}

/** Compares the archive's files with the manifest; answers what does not fit, undefined when all is well. */
export async function archiveProblem(directory: string, manifest: Manifest): Promise<string | undefined> {
  let found: ReadonlyMap<string, FileDigest>;
  try {
    found = new Map((await digestFiles(join(directory, ARCHIVE_DIRECTORY), 'read')).map(file => [file.path, file]));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  for (const file of manifest.files) {
    const now = found.get(file.path);
    if (now === undefined) return `the file ${file.path} is missing`;
    if (now.size !== file.size) return `the file ${file.path} has ${now.size} bytes, not ${file.size}`;
    if (now.sha256 !== file.sha256) return `the file ${file.path} has other content`;
  }
  return found.size === manifest.files.length ? undefined : 'there are files that the manifest does not name';
}

export interface ManifestContent {
  /** Tables that are the user's, and their rows: without the ledger's. */
  readonly tables: number;
  readonly rows: number;
  /** The version that the ledger in it says; null where there is none. */
  readonly version: string | null;
}

/** What a person calls the backup's content. A manifest that does not name the ledger's schema is taken to mean this one. */
export function contentOf({ tables, database }: Manifest, ledgerSchema: string): ManifestContent {
  const ledger = typeof database.ledgerSchema === 'string' ? database.ledgerSchema : ledgerSchema;
  const own = tables.filter(table => table.schema !== ledger);
  return {
    tables: own.length,
    rows: own.reduce((sum, table) => sum + table.rows, 0),
    version: typeof database.ledgerVersion === 'string' ? database.ledgerVersion : null,
  };
}

/** For a message: tables that came back, of which each should be in the manifest of the backup that it came from. */
export function unnamed(tables: readonly string[]): string {
  return `${tables.slice(0, 5).join(', ')} came back, and the manifest does not name it: that was edited, or is of another backup`;
}

/** For a message: which answer of the server went wrong. */
export function queryReason(error: unknown): string {
  if (error instanceof QueryError) return `${error.message} (SQLSTATE ${error.sqlstate})`;
  return error instanceof Error ? error.message : String(error);
}
