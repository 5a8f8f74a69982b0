// Makes, reads and restores the archive: pg_dump in directory format under the exporter's snapshot, and pg_restore to the
// end of it. `pg_restore --list` proves nothing (it succeeds on an archive cut in half), so all rows are read back, counted
// and digested from pg_restore's own COPY streams. Called by backup.ts and restore.ts.
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

/** Restores into the empty database of the tools' environment; the first error ends it. Throws RestoreFailed or Interrupted. */
export async function restoreArchive(tools: Tools, directory: string): Promise<void> {
  const database = `--dbname=${tools.environment.PGDATABASE ?? ''}`;
  const args = ['--exit-on-error', '--no-password', `--jobs=${tools.jobs}`, database, directory];
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
