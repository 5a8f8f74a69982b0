// The step `backup`: proves that the application is off (in a run that has stopped it), then makes a restore point on the
// volume. Writes nothing to the database and takes no fence: `migrate` ends what a backup left behind.
import { availableParallelism } from 'node:os';
import { CONTRACT_VERSION, type JobInputOf, type JobResultOf } from '../api/job-contract.ts';
import { findCompleteBackup, makeBackup } from '../backup/backup.ts';
import { runChild } from '../backup/children.ts';
import { libpqEnvironment } from '../database/url.ts';
import { waitForApplicationToLeave } from '../engine/fence/application-sessions.ts';
import { assertOwner } from '../engine/fence/epoch.ts';
import { readLedger } from '../engine/ledger/ledger.ts';
import { openSession } from '../engine/server.ts';
import { attemptOf, programPath, StepConnections, type StepEnvironment, surroundingsOf } from './environment.ts';

const MOST_JOBS = 4;

export async function backup(
  input: JobInputOf<'backup'>,
  environment: StepEnvironment,
): Promise<JobResultOf<'BackupResult'>> {
  const attempt = attemptOf(input);
  const { log } = environment;
  const request = {
    attempt,
    volume: environment.backupsDirectory,
    directory: input.directory,
    leftovers: 'Replace',
  } as const;
  const complete = await findCompleteBackup(request, log);
  const base = { kind: 'BackupResult', contract: CONTRACT_VERSION, exitCode: 0, notes: [] } as const;
  if (complete !== undefined) return { ...base, notes: [], backup: complete };
  const connections = new StepConnections(input, environment);
  const { connection, server } = await openSession(surroundingsOf(connections, environment));
  // A count of rows may take long: ending the session is the way to end it.
  const end = () => void connection.close();
  environment.signal?.addEventListener('abort', end);
  try {
    if (input.sessionCheck !== undefined) {
      const { appRoles, drainSeconds } = input.sessionCheck;
      const check = { roles: appRoles, drainMs: drainSeconds * 1000 };
      await waitForApplicationToLeave(connection, attempt, check, { signal: environment.signal, log });
    }
    const ledger = await readLedger(connection, input.ledgerSchema, server.role);
    assertOwner(ledger.epoch, input);
    const tools = {
      pgDump: programPath('pg_dump', server.versionNumber, environment),
      pgRestore: programPath('pg_restore', server.versionNumber, environment),
      run: runChild,
      environment: libpqEnvironment(connections.settings, connections.host, connections.applicationName),
      signal: environment.signal,
      jobs: Math.max(1, Math.min(MOST_JOBS, availableParallelism())),
    };
    const made = await makeBackup(request, { connection, server, tools, log });
    log(`backup complete: ${made.tableCount} tables, ${made.rowCount} rows, ${made.sizeBytes} bytes`);
    return { ...base, notes: [], backup: made };
  } finally {
    environment.signal?.removeEventListener('abort', end);
    await connection.close();
  }
}
