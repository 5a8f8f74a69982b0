// A backup of a SQLite file: one consistent copy and the manifest beside it, of the same form as the cluster's (see
// docs/formats.md, kind `sqlite-file`). Made and read here; restored by restore.ts.
import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { ARCHIVE_DIRECTORY, MANIFEST_FILE } from '../../backup/manifest.ts';
import {
  digestFiles,
  makeDirectory,
  makeDirectoryBeside,
  removeDirectory,
  renameToNew,
  writeDurably,
} from '../../backup/volume.ts';
import { openSqlite } from '../../database/sqlite.ts';
import { assertNotInterrupted } from '../../engine/pace.ts';
import { quotedName } from '../../engine/sqlite/connection.ts';
import { readSqliteLedger } from '../../engine/sqlite/ledger.ts';
import { userTables } from '../../engine/sqlite/snapshot.ts';
import type { BackupSummary } from '../database.ts';
import { UsageError } from '../failure.ts';
import { readStoredManifest } from '../stored-backup.ts';
import { makeEmpty, writtenMode } from './file-rights.ts';

/** The copy, below the backup's directory. */
export const ARCHIVED_FILE = join(ARCHIVE_DIRECTORY, 'database.sqlite');

/** Those that a file keeps: https://www.sqlite.org/pragma.html#pragma_journal_mode */
export type JournalMode = 'delete' | 'wal';

export interface SqliteManifest {
  readonly format: 1;
  readonly kind: 'sqlite-file';
  readonly completedAt: string;
  /** `journalMode`: of the file that was backed up; the copy's own is always `delete`. */
  readonly database: {
    readonly ledgerVersion: string | null;
    readonly journalMode?: JournalMode;
    /** Of the file that was backed up, such as `0600`. */
    readonly fileMode?: string;
  };
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
  readonly files: readonly { readonly path: string; readonly size: number; readonly sha256: string }[];
}

/**
 * Makes the backup in a directory that is not there, in a place proven to be writable. Until it is whole it has a name that
 * is nobody else's; one that is killed leaves that. Throws Interrupted, SqliteFailure and UsageError.
 */
export async function backupSqlite(
  { path, copyTo }: { readonly path: string; readonly copyTo: (copy: string) => Promise<void> },
  directory: string,
  signal: AbortSignal,
): Promise<BackupSummary> {
  const temporary = await makeDirectoryBeside(directory);
  try {
    await makeDirectory(join(temporary, ARCHIVE_DIRECTORY));
    const copy = join(temporary, ARCHIVED_FILE);
    const fileMode = writtenMode(path);
    makeEmpty(copy);
    await copyTo(copy);
    const journalMode = setJournalMode(copy, 'delete');
    const { database, tables } = inspectCopy(copy, damagedDatabase);
    const files = await digestFiles(join(temporary, ARCHIVE_DIRECTORY), 'sync');
    const manifest: SqliteManifest = {
      format: 1,
      kind: 'sqlite-file',
      completedAt: new Date().toISOString(),
      database: { ...database, journalMode, fileMode },
      tables,
      files,
    };
    const text = `${JSON.stringify(manifest, undefined, 1)}\n`;
    await writeDurably(join(temporary, MANIFEST_FILE), text);
    assertNotInterrupted(signal, 'before the backup was whole');
    await renameToNew(temporary, directory);
    return summary(directory, manifest, text);
  } catch (error) {
    await removeDirectory(temporary);
    throw error;
  }
}

/**
 * Of a copy that nobody else has; answers what it was. One in WAL mode cannot be read without files being made beside it,
 * which would be neither the one file nor what the manifest names.
 */
export function setJournalMode(path: string, mode: JournalMode): JournalMode {
  const connection = openSqlite(path, { mode: 'Existing', busyTimeoutMs: 0 });
  try {
    const [before] = connection.query('PRAGMA journal_mode');
    connection.query(`PRAGMA journal_mode = ${mode}`);
    return before?.journal_mode === 'wal' ? 'wal' : 'delete';
  } finally {
    connection.close();
  }
}

/** What SQLite calls damaged is whatever the copy was made of. */
export type Damage = (found: string) => Error;

const damagedDatabase: Damage = found =>
  new UsageError(`The database is damaged, says SQLite: ${found}. A backup of it would be damaged too.`);

/**
 * Opens the copy, which proves that it can be opened, has SQLite check all of it, and counts its rows. Throws the damage that
 * it finds, and SqliteFailure.
 */
export function inspectCopy(path: string, damaged: Damage) {
  const connection = openSqlite(path, { mode: 'ReadOnly', busyTimeoutMs: 0 });
  try {
    const [check] = connection.query('PRAGMA integrity_check(1)');
    if (check?.integrity_check !== 'ok') throw damaged(String(check?.integrity_check));
    const tables = userTables(connection).map(name => {
      const [row] = connection.query(`SELECT count(*) AS rows FROM ${quotedName(name)}`);
      return { name, rows: Number(row?.rows) };
    });
    return { database: { ledgerVersion: readSqliteLedger(connection).version }, tables };
  } finally {
    connection.close();
  }
}

function summary(directory: string, manifest: SqliteManifest, text: string) {
  return {
    directory,
    digest: createHash('sha256').update(text).digest('hex'),
    sizeBytes: manifest.files.reduce((sum, file) => sum + file.size, Buffer.byteLength(text)),
    tables: manifest.tables.length,
    rows: manifest.tables.reduce((sum, table) => sum + table.rows, 0),
    version: manifest.database.ledgerVersion,
  };
}

/** What a restore of it would bring back. Throws UsageError. */
export async function inspectSqliteBackup(directory: string) {
  const { manifest, text } = await readSqliteBackup(directory);
  return { ...summary(directory, manifest, text), madeAt: manifest.completedAt };
}

/** Reads a backup and proves that its file is the one that was written. Throws UsageError. */
export async function readSqliteBackup(directory: string) {
  const { manifest, text } = await readStoredManifest<SqliteManifest>(directory, 'sqlite-file');
  const found = await digestFiles(join(directory, ARCHIVE_DIRECTORY), 'read');
  const [told, is] = [manifest.files, found].map(files => files.find(file => file.path === basename(ARCHIVED_FILE)));
  if (told === undefined || told.sha256 !== is?.sha256)
    throw new UsageError(`The backup in ${directory} is damaged: ${basename(ARCHIVED_FILE)} is not what was written.`);
  return { manifest, text, digest: createHash('sha256').update(text).digest('hex') };
}
