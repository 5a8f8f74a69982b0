// A database made for one command on the same server and dropped with it: empty, or a copy by pg_dump and pg_restore. What
// a command that was killed has left is dropped by the next (scratch-hold.ts).
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChildEnd, runChild } from '../../backup/children.ts';
import { localeFacts } from '../../backup/facts.ts';
import { localeClauses } from '../../backup/fresh-database.ts';
import { libpqEnvironment } from '../../database/url.ts';
import { QueryError, quoted } from '../../engine/connection.ts';
import { EngineError, failure } from '../../engine/errors.ts';
import type { Surroundings } from '../database.ts';
import { programPath } from './programs.ts';
import { clearLeftovers, hold, mark } from './scratch-hold.ts';
import { READER, type Sessions } from './sessions.ts';

export const SCRATCH_PREFIX = 'migrate_scratch_';

export interface MadeScratch {
  readonly name: string;
  remove(): Promise<void>;
}

/** Makes it, once what killed commands have left is cleared away. Throws RightMissing when the role may not create databases. */
export async function makeScratch(
  sessions: Sessions,
  content: 'Empty' | 'Copy',
  surroundings: Surroundings,
): Promise<MadeScratch> {
  const name = `${SCRATCH_PREFIX}${randomBytes(6).toString('hex')}`;
  await sessions.plain(connection => clearLeftovers(connection, surroundings.terminal));
  const holder = await sessions.openIn(sessions.settings.database, READER);
  try {
    await hold(holder, name);
    await createDatabase(sessions, name);
  } catch (error) {
    await holder.close();
    throw error;
  }
  const remove = async () => {
    try {
      await sessions.plain(
        async connection => void (await connection.query(`DROP DATABASE IF EXISTS ${quoted(name)}`)),
      );
    } finally {
      await holder.close();
    }
  };
  try {
    await sessions.plain(connection => mark(connection, name));
    if (content === 'Copy') await copyInto(sessions, name, surroundings);
  } catch (error) {
    await remove();
    throw error;
  }
  return { name, remove };
}

/** An empty database like this one in encoding and locale. */
export async function createDatabase(sessions: Sessions, name: string): Promise<void> {
  await sessions.plain(async connection => {
    const [server] = await connection.query("SELECT pg_catalog.current_setting('server_version_num') AS number");
    const versionNumber = Number(server?.number);
    const locale = localeClauses(await localeFacts(connection, versionNumber), versionNumber);
    try {
      await connection.query(`CREATE DATABASE ${quoted(name)} TEMPLATE template0 ${locale}`);
    } catch (error) {
      if (!(error instanceof QueryError) || error.sqlstate !== '42501') throw error;
      const role = sessions.settings.user;
      const remedy = `A superuser can grant it: ALTER ROLE ${quoted(role)} CREATEDB.`;
      throw failure(
        'RightMissing',
        { role, right: 'to create a database for this command', remedy },
        { sqlstate: '42501' },
      );
    }
  });
}

async function copyInto(sessions: Sessions, name: string, { signal }: Surroundings): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'migrate-copy-'));
  try {
    const version = await sessions.reading(async ({ server }) => server.versionNumber);
    const archive = join(directory, 'archive');
    const environment = libpqEnvironment(sessions.settings, sessions.host, 'migrate-cli');
    const common = [
      '--format=directory',
      `--file=${archive}`,
      '--no-password',
      '--no-sync',
      '--lock-wait-timeout=60000',
    ];
    // A second subscription would take what the first is sent; pg_restore makes none of what is not in the archive.
    const dump = [...common, '--no-subscriptions'];
    assertEnded('pg_dump', await runChild(programPath('pg_dump', version), dump, { environment, signal }), signal);
    await restoreArchive(sessions, { archive, name, version, signal });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export interface Restoring {
  readonly archive: string;
  /** Database to restore into. */
  readonly name: string;
  readonly version: number;
  readonly signal: AbortSignal;
}

/** pg_restore, stopping at the first error. Throws BackupFailed. */
export async function restoreArchive(sessions: Sessions, { archive, name, version, signal }: Restoring): Promise<void> {
  const environment = { ...libpqEnvironment(sessions.settings, sessions.host, 'migrate-cli'), PGDATABASE: name };
  const args = ['--exit-on-error', '--no-password', '--jobs=2', `--dbname=${name}`, archive];
  assertEnded('pg_restore', await runChild(programPath('pg_restore', version), args, { environment, signal }), signal);
}

function assertEnded(program: string, end: ChildEnd, signal: AbortSignal): void {
  if (end.code === 0) return;
  if (signal.aborted) throw failure('Interrupted', { during: `in ${program}` });
  const line = end.complaint.split('\n').find(text => /error|fatal|cannot/i.test(text)) ?? end.complaint.trim();
  throw new EngineError('BackupFailed', `${program} ended with ${end.code ?? 'a signal'}: ${line.slice(0, 400)}`, {});
}
