// The copy that a restore puts in the place of a SQLite file: made of the backup, compared with its manifest, with the audit of
// what it replaces carried on. Nothing but that copy is written, and nobody else has it. Called by restore.ts.
import { rmSync } from 'node:fs';
import { unnamed } from '../../backup/manifest.ts';
import { openSqlite } from '../../database/sqlite.ts';
import { failure } from '../../engine/errors.ts';
import { assertNotInterrupted } from '../../engine/pace.ts';
import { type CarriedAudit, carrySqliteAudit } from '../../engine/sqlite/carried-audit.ts';
import { RESULT, SqliteFailure } from '../../engine/sqlite/connection.ts';
import type { Patience } from '../../engine/sqlite/lock.ts';
import { UsageError } from '../failure.ts';
import { type Damage, inspectCopy, type JournalMode, type SqliteManifest, setJournalMode } from './backup.ts';
import { makeEmpty, modeFrom } from './file-rights.ts';

const BEFORE = 'before anything was changed';

export interface Preparing {
  readonly by: string;
  readonly patience: Patience;
  /** The copy in the backup. */
  readonly archived: string;
  readonly manifest: SqliteManifest;
  /** Of the backup's manifest. */
  readonly digest: string;
  /** The copy that is made of it. */
  readonly fresh: string;
}

/** A copy of what is replaced, if SQLite can read that. */
export type Replaced = { readonly path: string } | 'Nothing' | 'Unreadable';

export interface PreparedCopy extends CarriedAudit {
  /** Of the file that was backed up. SQLite leaves one that is there in the mode that it has. */
  readonly journalMode: JournalMode;
}

/** The last look at the signal before a change. Throws UsageError, RestoreFailed, Interrupted and SqliteFailure. */
export async function prepareCopy(preparing: Preparing, replaced: Replaced): Promise<PreparedCopy> {
  const { archived, fresh } = preparing;
  try {
    return await prepare(preparing, replaced);
  } catch (error) {
    const ofBackup = error instanceof SqliteFailure && [archived, fresh].includes(error.path);
    const damage: readonly number[] = [RESULT.corrupt, RESULT.notADatabase];
    throw ofBackup && damage.includes(error.code) ? damagedBackup(archived)(error.message) : error;
  }
}

/** Its checksums are right: it was damaged when they were taken. */
const damagedBackup =
  (archived: string): Damage =>
  found =>
    new UsageError(
      `The backup is damaged, says SQLite of ${archived}: ${found}. Nothing was changed. Restore another backup, or save what can still be read: sqlite3 ${archived} .recover`,
    );

async function prepare(preparing: Preparing, replaced: Replaced): Promise<PreparedCopy> {
  const { archived, fresh, manifest, digest, by, patience } = preparing;
  rmSync(fresh, { force: true });
  makeEmpty(fresh, replaced === 'Nothing' ? modeFrom(manifest.database.fileMode) : undefined);
  const source = openSqlite(archived, { mode: 'Immutable', busyTimeoutMs: 0 });
  try {
    await source.copyTo(fresh, patience.signal);
  } finally {
    source.close();
  }
  const archivedMode = setJournalMode(fresh, 'delete');
  assertAsBackedUp(fresh, manifest, damagedBackup(archived));
  const carried = carry(fresh, replaced, by, { backup: digest, madeAt: manifest.completedAt });
  // A signal is heard only when the loop of events gets its turn.
  await new Promise(resolve => setImmediate(resolve));
  assertNotInterrupted(patience.signal, BEFORE);
  return { ...carried, journalMode: manifest.database.journalMode ?? archivedMode };
}

function assertAsBackedUp(path: string, manifest: Pick<SqliteManifest, 'tables'>, damaged: Damage): void {
  const { tables } = inspectCopy(path, damaged);
  const found = new Map(tables.map(({ name, rows }) => [name, rows]));
  const named = new Set(manifest.tables.map(({ name }) => name));
  for (const { name } of tables) {
    if (!named.has(name)) throw failure('RestoreFailed', { reason: unnamed([name]) });
  }
  for (const { name, rows } of manifest.tables) {
    if (found.get(name) === rows) continue;
    const reason = `of ${name} ${found.get(name) ?? 'no'} rows came back, the manifest has ${rows}`;
    throw failure('RestoreFailed', { reason });
  }
}

function carry(fresh: string, replaced: Replaced, by: string, detail: object): CarriedAudit {
  const into = openSqlite(fresh, { mode: 'Existing', busyTimeoutMs: 0 });
  const from =
    typeof replaced === 'string' ? replaced : openSqlite(replaced.path, { mode: 'ReadOnly', busyTimeoutMs: 0 });
  try {
    return carrySqliteAudit(into, from, by, { ...detail });
  } finally {
    if (typeof from !== 'string') from.close();
    into.close();
  }
}
