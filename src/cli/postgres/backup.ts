// A local backup of a PostgreSQL database, the same as the cluster's: pg_dump under an exported snapshot, read back to the
// end, with the manifest of docs/formats.md. Writes nothing to the database.
import { basename, dirname, join } from 'node:path';
import { makeBackup } from '../../backup/backup.ts';
import { runChild } from '../../backup/children.ts';
import { archiveProblem, digestOf, readManifest } from '../../backup/manifest.ts';
import { libpqEnvironment } from '../../database/url.ts';
import { proveBackupPlace } from '../backup-place.ts';
import type { BackupSummary, Surroundings } from '../database.ts';
import { UsageError } from '../failure.ts';
import { programPath } from './programs.ts';
import type { Sessions } from './sessions.ts';

const JOBS = 2;

export async function backupPostgres(
  sessions: Sessions,
  directory: string,
  surroundings: Surroundings,
): Promise<BackupSummary> {
  await proveBackupPlace(directory);
  const { terminal, signal } = surroundings;
  const log = (line: string) => terminal.say(terminal.noted('dim', `  ${line}`));
  return sessions.reading(async reading => {
    const { connection, server } = reading;
    const attempt = sessions.attempt(await sessions.ledger(reading), undefined);
    const request = { attempt, volume: dirname(directory), directory: basename(directory) };
    const made = await makeBackup(request, {
      connection,
      server,
      log,
      tools: {
        pgDump: programPath('pg_dump', server.versionNumber),
        pgRestore: programPath('pg_restore', server.versionNumber),
        run: runChild,
        environment: libpqEnvironment(sessions.settings, sessions.host, 'migrate-cli'),
        signal,
        jobs: JOBS,
      },
    });
    return { directory, digest: made.digest, sizeBytes: made.sizeBytes, tables: made.tableCount, rows: made.rowCount };
  });
}

/** Reads a backup and proves that its files are those that were written. Throws UsageError. */
export async function inspectPostgresBackup(directory: string) {
  const stored = await readManifest(directory);
  if (stored === undefined)
    throw new UsageError(`${directory} is no backup: it has no manifest.json of a format that is known.`);
  const { manifest, text } = stored;
  if (manifest.kind !== 'postgresql-dump') {
    throw new UsageError(
      `${directory} is a backup of another kind of database (${manifest.kind}); this one is PostgreSQL.`,
    );
  }
  const problem = await archiveProblem(directory, manifest);
  if (problem !== undefined) throw new UsageError(`The backup in ${directory} is damaged: ${problem}.`);
  const { ledgerVersion } = manifest.database;
  return {
    directory,
    digest: digestOf(text),
    sizeBytes: manifest.files.reduce((sum, file) => sum + file.size, Buffer.byteLength(text)),
    tables: manifest.tables.length,
    rows: manifest.tables.reduce((sum, table) => sum + table.rows, 0),
    madeAt: manifest.completedAt,
    version: typeof ledgerVersion === 'string' ? ledgerVersion : null,
    archive: join(directory, 'archive'),
    contents: manifest.tables,
    /** What belongs to the database itself, as the manifest lists it: pg_dump does not carry it. */
    ownFacts: { settings: countOf(manifest.database.settings), grants: countOf(manifest.database.acl) },
  };
}

function countOf(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}
