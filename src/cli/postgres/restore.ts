// Restores a backup over the database of the settings: src/backup/restore.ts, as a person at a terminal calls it.
import { join } from 'node:path';
import { runChild } from '../../backup/children.ts';
import { ARCHIVE_DIRECTORY, digestOf } from '../../backup/manifest.ts';
import { restoreDatabase } from '../../backup/restore.ts';
import { libpqEnvironment } from '../../database/url.ts';
import { applicationName } from '../../engine/attempt.ts';
import type { RestoreConsent, RestoreSummary, Surroundings } from '../database.ts';
import { assertUnchanged } from '../stored-backup.ts';
import { readPostgresBackup } from './backup.ts';
import { waitForOwnSessions } from './own-sessions.ts';
import { programPath } from './programs.ts';
import { READER, type Sessions } from './sessions.ts';

const JOBS = 2;

export async function restorePostgres(
  sessions: Sessions,
  directory: string,
  consent: RestoreConsent,
  { terminal, signal }: Surroundings,
): Promise<RestoreSummary> {
  const { manifest, text } = await readPostgresBackup(directory);
  const digest = digestOf(text);
  assertUnchanged(directory, digest, consent.digest);
  const { fenceWaitMs } = sessions;
  const { database } = sessions.settings;
  const log = (line: string) => terminal.say(terminal.noted('dim', `  ${line}`));
  const restored = await restoreDatabase(
    {
      database,
      manifest,
      digest,
      archive: join(directory, ARCHIVE_DIRECTORY),
      ledgerSchema: sessions.schema,
      attempt: ledger => sessions.attempt(ledger, consent.adopts),
      sessions: consent.sessions,
      replicationLoss: consent.replicationLoss,
      now: new Date(),
    },
    {
      connect: (name, attempt) =>
        sessions.openIn(name, attempt === undefined ? READER : applicationName(attempt.owner, attempt.number)),
      tools: (name, attempt, server) => ({
        pgDump: programPath('pg_dump', server.versionNumber),
        pgRestore: programPath('pg_restore', server.versionNumber),
        run: runChild,
        environment: {
          ...libpqEnvironment(sessions.settings, sessions.host, applicationName(attempt.owner, attempt.number)),
          PGDATABASE: name,
        },
        signal,
        jobs: JOBS,
      }),
      beforeFence: current => waitForOwnSessions(current, sessions.owner, { fenceWaitMs, signal, log }),
      log,
      signal,
      fenceWaitMs,
    },
  );
  for (const note of restored.notes) terminal.say(terminal.noted('warn', `note: ${note}`));
  return {
    version: restored.version,
    replaced: `database ${restored.replaced}, closed`,
    remedy: `ALTER DATABASE "${restored.replaced}" ALLOW_CONNECTIONS true opens it, DROP DATABASE "${restored.replaced}" frees its room.`,
  };
}
