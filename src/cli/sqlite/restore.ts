// Restores a backup over a SQLite file. The file is never renamed or removed while somebody may have it open: its -wal, -shm and
// -journal belong to its name, and who has it open would go on writing to what is gone. SQLite itself writes the pages, in one
// transaction of the file. The effects in their order, and what a crash after each leaves:
//  1 restored copy made in a directory beside, compared with the manifest, its audit carried on: that directory
//  2 what is replaced copied, synced and named: the same, and the copy
//  3 pages written in one transaction: done, or, in its middle, rolled back by whoever opens the file next
//  4 directory beside removed
// Only a file that SQLite cannot read is renamed, with what belongs to its name: nobody can work with it.
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { renameDurably, syncPath } from '../../backup/volume.ts';
import { openSqlite } from '../../database/sqlite.ts';
import { failure } from '../../engine/errors.ts';
import { carrySqliteAudit } from '../../engine/sqlite/carried-audit.ts';
import { RESULT, type SqliteConnection, SqliteFailure } from '../../engine/sqlite/connection.ts';
import type { RestoreSummary } from '../database.ts';
import { ARCHIVED_FILE, inspectCopy, readSqliteBackup } from './backup.ts';

const WAIT_MS = 5_000;
/** How often a writer may come between the copy and the change. */
const TRIES = 5;

/** Throws UsageError, RestoreFailed, FenceHeld and SqliteFailure; the file is as it was then. */
export async function restoreSqlite(path: string, directory: string, by: string): Promise<RestoreSummary> {
  const { manifest, digest } = await readSqliteBackup(directory);
  const replaced = `${path}.replaced-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
  const beside = mkdtempSync(`${path}.restoring-`);
  const fresh = join(beside, 'restored.sqlite');
  const detail = { backup: digest, madeAt: manifest.completedAt };
  try {
    const live = existsSync(path) ? openReadable(path, replaced) : undefined;
    try {
      for (let tries = 1; ; tries += 1) {
        const before = live === undefined ? undefined : stateOf(live);
        if (live !== undefined) await keep(live, join(beside, 'replaced.sqlite'), replaced);
        await copy(join(directory, ARCHIVED_FILE), fresh);
        assertAsBackedUp(fresh, manifest);
        const version = carry(fresh, live === undefined ? undefined : replaced, by, detail);
        if (live === undefined || stateOf(live) === before) {
          live?.close();
          await copy(fresh, path);
          return { version, replaced, remedy: 'Delete it when nobody wants it back.' };
        }
        if (tries === TRIES) throw failure('FenceHeld', { waited: `${TRIES} tries`, holder: `a writer of ${path}` });
      }
    } finally {
      live?.close();
    }
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

/** Changes when somebody else has written: https://www.sqlite.org/pragma.html#pragma_data_version */
function stateOf(live: SqliteConnection): unknown {
  return live.query('PRAGMA data_version')[0]?.data_version;
}

/** Undefined where SQLite cannot read what is there: that is put aside under the name of what was replaced. */
function openReadable(path: string, replaced: string): SqliteConnection | undefined {
  let live: SqliteConnection | undefined;
  try {
    live = openSqlite(path, { mode: 'ReadOnly', busyTimeoutMs: WAIT_MS });
    live.query('SELECT count(*) FROM sqlite_schema');
    return live;
  } catch (error) {
    live?.close();
    const unreadable: readonly number[] = [RESULT.corrupt, RESULT.notADatabase];
    if (!(error instanceof SqliteFailure) || !unreadable.includes(error.code)) throw error;
    for (const ending of ['-wal', '-shm', '-journal', '']) {
      if (existsSync(path + ending)) renameSync(path + ending, replaced + ending);
    }
    return undefined;
  }
}

/** A copy under its name only when it is whole and on the disk. */
async function keep(live: SqliteConnection, temporary: string, replaced: string): Promise<void> {
  rmSync(temporary, { force: true });
  await live.copyTo(temporary);
  await syncPath(temporary);
  await renameDurably(temporary, replaced);
}

async function copy(from: string, to: string): Promise<void> {
  const source = openSqlite(from, { mode: 'ReadOnly', busyTimeoutMs: WAIT_MS });
  try {
    await source.copyTo(to);
  } finally {
    source.close();
  }
}

function assertAsBackedUp(
  path: string,
  manifest: { readonly tables: readonly { name: string; rows: number }[] },
): void {
  const { tables } = inspectCopy(path);
  const found = new Map(tables.map(({ name, rows }) => [name, rows]));
  for (const { name, rows } of manifest.tables) {
    if (found.get(name) === rows) continue;
    const reason = `of ${name} ${found.get(name) ?? 'no'} rows came back, the manifest has ${rows}`;
    throw failure('RestoreFailed', { reason });
  }
}

function carry(fresh: string, replaced: string | undefined, by: string, detail: object): string | null {
  const into = openSqlite(fresh, { mode: 'Existing', busyTimeoutMs: 0 });
  const from = replaced === undefined ? undefined : openSqlite(replaced, { mode: 'ReadOnly', busyTimeoutMs: 0 });
  try {
    return carrySqliteAudit(into, from, by, { ...detail });
  } finally {
    from?.close();
    into.close();
  }
}
