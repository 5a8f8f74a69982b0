// A local backup of a PostgreSQL database, the same as the cluster's: pg_dump under an exported snapshot, read back to the
// end, with the manifest of docs/formats.md. Writes nothing to the database.
import { basename, dirname } from 'node:path';
import { makeBackup } from '../../backup/backup.ts';
import { runChild } from '../../backup/children.ts';
import { archiveProblem, contentOf, digestOf, type Manifest, type StoredManifest } from '../../backup/manifest.ts';
import { libpqEnvironment } from '../../database/url.ts';
import { proveBackupPlace } from '../backup-place.ts';
import type { BackupSummary, Surroundings } from '../database.ts';
import { UsageError } from '../failure.ts';
import { readStoredManifest } from '../stored-backup.ts';
import { programPath } from './programs.ts';
import type { Sessions } from './sessions.ts';

const JOBS = 2;

export async function backupPostgres(
  sessions: Sessions,
  directory: string,
  surroundings: Surroundings,
): Promise<BackupSummary> {
  const { terminal, signal } = surroundings;
  await proveBackupPlace(directory, terminal);
  const log = (line: string) => terminal.say(terminal.noted('dim', `  ${line}`));
  return sessions.reading(async reading => {
    const { connection, server } = reading;
    const attempt = sessions.attempt(await sessions.ledger(reading), undefined);
    const request = { attempt, volume: dirname(directory), directory: basename(directory), leftovers: 'Keep' } as const;
    await makeBackup(request, {
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
    return summary(directory, await storedIn(directory), sessions.schema);
  });
}

const storedIn = (directory: string) => readStoredManifest<Manifest>(directory, 'postgresql-dump');

function summary(directory: string, { manifest, text }: StoredManifest, ledgerSchema: string): BackupSummary {
  return {
    directory,
    digest: digestOf(text),
    sizeBytes: manifest.files.reduce((sum, file) => sum + file.size, Buffer.byteLength(text)),
    ...contentOf(manifest, ledgerSchema),
  };
}

/** Reads a backup and proves that its files are those that were written. Throws UsageError. */
export async function readPostgresBackup(directory: string): Promise<StoredManifest> {
  const stored = await storedIn(directory);
  const problem = await archiveProblem(directory, stored.manifest);
  if (problem !== undefined) throw new UsageError(`The backup in ${directory} is damaged: ${problem}.`);
  return stored;
}

/** What a restore of it would bring back. Throws UsageError. */
export async function inspectPostgresBackup(directory: string, ledgerSchema: string) {
  const stored = await readPostgresBackup(directory);
  return { ...summary(directory, stored, ledgerSchema), madeAt: stored.manifest.completedAt };
}
