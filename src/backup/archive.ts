// Makes, reads and restores the archive: pg_dump in directory format under the exporter's snapshot, and pg_restore to the
// end of it. `pg_restore --list` proves nothing (it succeeds on an archive cut in half), so all rows are read back, counted
// and digested from pg_restore's own COPY streams. Called by backup.ts and restore.ts.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EngineError, failure } from '../engine/errors.ts';
import type { ChildEnd, RunChild } from './children.ts';
import { type CopiedTable, CopyReader, type LineOrder } from './copy-reader.ts';

export interface Tools {
  readonly pgDump: string;
  readonly pgRestore: string;
  readonly run: RunChild;
  /** Connection settings of pg_dump, password included. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
  readonly jobs: number;
}

/** Dumps into `directory`, which must not exist. Throws BackupVolumeFull, ConnectionLost, Interrupted or BackupFailed. */
export async function dump(tools: Tools, snapshot: string, directory: string, volume: string): Promise<void> {
  const end = await tools.run(
    tools.pgDump,
    [
      ...['--format=directory', `--file=${directory}`, `--jobs=${tools.jobs}`, `--snapshot=${snapshot}`],
      ...['--no-password', '--no-sync', '--lock-wait-timeout=60000'],
    ],
    { environment: tools.environment, signal: tools.signal },
  );
  if (end.code !== 0) throw childFailure('pg_dump', end, tools.signal, volume);
}

/** Reads every row of the archive; keys are `JSON.stringify([schema, name])`. Throws BackupFailed when it is damaged. */
export async function readArchive(
  tools: Tools,
  directory: string,
  volume: string,
  order: LineOrder = 'AsWritten',
): Promise<ReadonlyMap<string, CopiedTable>> {
  const reader = new CopyReader(order);
  const end = await tools.run(tools.pgRestore, ['--data-only', '--file=-', directory], {
    environment: {},
    signal: tools.signal,
    output: chunk => reader.take(chunk),
  });
  if (end.code !== 0) throw childFailure('pg_restore, reading the archive to its end,', end, tools.signal, volume);
  return reader.tables;
}

/** Reads every row of the database of the tools' environment, as pg_dump writes it. Throws RestoreFailed or Interrupted. */
export async function readDatabase(tools: Tools, order: LineOrder): Promise<ReadonlyMap<string, CopiedTable>> {
  const reader = new CopyReader(order);
  const end = await tools.run(tools.pgDump, ['--data-only', '--no-password', '--lock-wait-timeout=60000'], {
    environment: tools.environment,
    signal: tools.signal,
    output: chunk => reader.take(chunk),
  });
  if (end.code !== 0) throw restoreFailure('pg_dump, reading what was restored,', end, tools.signal);
  return reader.tables;
}

/**
 * Restores into the empty database of the tools' environment; the first error ends it. Subscriptions are left out, and named:
 * beside the database that has them, a second one would receive from the same slot. Throws RestoreFailed or Interrupted.
 */
export async function restoreArchive(
  tools: Tools,
  directory: string,
): Promise<{ readonly leftOut: readonly string[] }> {
  const entries = await listEntries(tools, directory);
  const wanted = entries.filter(line => !SUBSCRIPTION_ENTRY.test(line));
  const leftOut = entries.flatMap(line => SUBSCRIPTION_ENTRY.exec(line)?.groups?.name ?? []);
  if (wanted.length === entries.length) {
    await restoreEntries(tools, directory, []);
    return { leftOut };
  }
  const beside = await mkdtemp(join(tmpdir(), 'migrate-restore-'));
  try {
    const list = join(beside, 'entries');
    await writeFile(list, `${wanted.join('\n')}\n`);
    await restoreEntries(tools, directory, [`--use-list=${list}`]);
    return { leftOut };
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

/** A line of the archive's list: of a subscription itself, its name and its owner; else of what is said about one. */
const SUBSCRIPTION_ENTRY =
  /^\d+; \d+ \d+ (?:SUBSCRIPTION - (?<name>.*) \S+|SUBSCRIPTION TABLE .*|(?:COMMENT|SECURITY LABEL) - SUBSCRIPTION .*)$/;

async function listEntries(tools: Tools, directory: string): Promise<readonly string[]> {
  const chunks: Buffer[] = [];
  const output = (chunk: Buffer) => void chunks.push(chunk);
  const end = await tools.run(tools.pgRestore, ['--list', directory], {
    environment: {},
    signal: tools.signal,
    output,
  });
  if (end.code !== 0) throw restoreFailure('pg_restore, listing the archive,', end, tools.signal);
  return Buffer.concat(chunks).toString('utf8').split('\n');
}

async function restoreEntries(tools: Tools, directory: string, list: readonly string[]): Promise<void> {
  const database = `--dbname=${tools.environment.PGDATABASE ?? ''}`;
  const args = ['--exit-on-error', '--no-password', `--jobs=${tools.jobs}`, ...list, database, directory];
  const end = await tools.run(tools.pgRestore, args, { environment: tools.environment, signal: tools.signal });
  if (end.code !== 0) throw restoreFailure('pg_restore', end, tools.signal);
}

function restoreFailure(program: string, end: ChildEnd, signal: AbortSignal | undefined): EngineError {
  if (signal?.aborted) return failure('Interrupted', { during: `in ${program.replace(/,.*/, '')}` });
  return failure('RestoreFailed', { reason: `${program} ended with ${end.code ?? 'a signal'}: ${complaintOf(end)}` });
}

/** The line of a child's complaint that says most. */
function complaintOf({ complaint }: ChildEnd): string {
  const line = complaint.split('\n').find(text => /error|fatal|cannot/i.test(text)) ?? complaint.trim();
  return line.slice(0, 400).replace(/\.$/, '');
}

function childFailure(program: string, end: ChildEnd, signal: AbortSignal | undefined, volume: string): EngineError {
  if (signal?.aborted) return failure('Interrupted', { during: 'during the backup' });
  if (/No space left on device|Disk quota exceeded/i.test(end.complaint)) {
    return failure('BackupVolumeFull', { directory: volume });
  }
  const line = complaintOf(end);
  const reason = `${program} ended with ${end.code ?? 'a signal'}: ${line}`;
  if (/server closed the connection|terminating connection|could not connect|connection to server/i.test(line)) {
    return failure('ConnectionLost', { during: 'during the backup', reason });
  }
  return failure('BackupFailed', { reason });
}
