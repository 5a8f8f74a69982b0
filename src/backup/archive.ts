// Makes and reads the archive: pg_dump in directory format under the exporter's snapshot, and pg_restore to the end of
// it. `pg_restore --list` proves nothing (it succeeds on an archive cut in half), so all rows are read back, counted and
// digested from pg_restore's own COPY streams. Called by backup.ts.
import { createHash, type Hash } from 'node:crypto';
import { type EngineError, failure } from '../engine/errors.ts';
import type { ChildEnd, RunChild } from './children.ts';

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

/** What the archive holds of one table. */
export interface ArchivedTable {
  readonly rows: number;
  /** SHA-256 of its COPY stream, line ends included. */
  readonly sha256: string;
}

/** Reads every row of the archive; keys are `JSON.stringify([schema, name])`. Throws BackupFailed when it is damaged. */
export async function readArchive(
  tools: Tools,
  directory: string,
  volume: string,
): Promise<ReadonlyMap<string, ArchivedTable>> {
  const reader = new CopyReader();
  const end = await tools.run(tools.pgRestore, ['--data-only', '--file=-', directory], {
    environment: {},
    signal: tools.signal,
    output: chunk => reader.take(chunk),
  });
  if (end.code !== 0) throw childFailure('pg_restore, reading the archive to its end,', end, tools.signal, volume);
  return reader.tables;
}

function childFailure(program: string, end: ChildEnd, signal: AbortSignal | undefined, volume: string): EngineError {
  if (signal?.aborted) return failure('Interrupted', { during: 'during the backup' });
  if (/No space left on device|Disk quota exceeded/i.test(end.complaint)) {
    return failure('BackupVolumeFull', { directory: volume });
  }
  const line = end.complaint.split('\n').find(text => /error|fatal|cannot/i.test(text)) ?? end.complaint.trim();
  const reason = `${program} ended with ${end.code ?? 'a signal'}: ${line.slice(0, 400)}`;
  if (/server closed the connection|terminating connection|could not connect|connection to server/i.test(line)) {
    return failure('ConnectionLost', { during: 'during the backup', reason });
  }
  return failure('BackupFailed', { reason });
}

const NEWLINE = 0x0a;
const END_OF_DATA = Buffer.from('\\.');
/** Only the beginning of a line outside COPY is ever looked at: a large object is one line of any length. */
const LINE_START_BYTES = 8_192;

/** Reads the SQL that pg_restore writes, with data only, so that no function's body can look like a COPY. */
export class CopyReader {
  readonly tables = new Map<string, ArchivedTable>();
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #current: { readonly key: string; readonly hash: Hash; rows: number } | undefined;

  take(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const piece = chunk.subarray(start, end);
      this.#line(this.#pendingBytes === 0 ? piece : Buffer.concat([...this.#pending, piece]));
      this.#pending = [];
      this.#pendingBytes = 0;
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    if (this.#current === undefined && this.#pendingBytes > LINE_START_BYTES) return;
    if (rest.length > 0) this.#pending.push(Buffer.from(rest));
    this.#pendingBytes += rest.length;
  }

  #line(line: Buffer): void {
    const table = this.#current;
    if (table === undefined) {
      const key = copiedTable(line.subarray(0, LINE_START_BYTES).toString('utf8'));
      if (key !== undefined) this.#current = { key, hash: createHash('sha256'), rows: 0 };
    } else if (line.equals(END_OF_DATA)) {
      this.tables.set(table.key, Object.freeze({ rows: table.rows, sha256: table.hash.digest('hex') }));
      this.#current = undefined;
    } else {
      table.hash.update(line).update('\n');
      table.rows += 1;
    }
  }
}

const NAME = '("(?:[^"]|"")+"|[^\\s".(]+)';
const COPY = new RegExp(`^COPY ${NAME}\\.${NAME} (?:\\(.*\\) )?FROM stdin;$`);

function copiedTable(line: string): string | undefined {
  if (!line.startsWith('COPY ')) return undefined;
  const [, schema, name] = COPY.exec(line.replace(/ {2,}FROM stdin;$/, ' FROM stdin;')) ?? [];
  return schema === undefined || name === undefined ? undefined : JSON.stringify([bare(schema), bare(name)]);
}

function bare(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier;
}
