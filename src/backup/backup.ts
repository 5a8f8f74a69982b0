// Makes one backup in a directory of the volume. The order, and what a crash after each step leaves:
//  1 leftovers removed        nothing of an earlier try; a complete backup is answered as it is (at a terminal nothing is
//                             removed: there the temporary name is new each time)
//  2 exporter opened          nothing on the volume
//  3 archive written          a directory under a temporary name, removed by the next try
//  4 archive read to its end  the same; no backup without this proof
//  5 manifest written last    the same
//  6 directory renamed        a complete backup: the next try answers it
// Called by the runner's backup step and the command line; writes nothing to the database.
import { join } from 'node:path';
import type { Attempt } from '../engine/attempt.ts';
import { type Connection, only, QueryError } from '../engine/connection.ts';
import { EngineError, failure } from '../engine/errors.ts';
import type { Server } from '../engine/server.ts';
import { dump, readArchive, type Tools } from './archive.ts';
import { majorOf } from './children.ts';
import type { CopiedTable } from './copy-reader.ts';
import { countRows, type DumpedTable, openExport } from './exporter.ts';
import { databaseFacts } from './facts.ts';
import {
  ARCHIVE_DIRECTORY,
  archiveProblem,
  digestOf,
  MANIFEST_FILE,
  MANIFEST_FORMAT,
  type Manifest,
  type ManifestTable,
  madeFor,
  queryReason,
  readManifest,
  type StoredManifest,
  serialize,
} from './manifest.ts';
import {
  digestFiles,
  exists,
  makeDirectory,
  makeDirectoryBeside,
  PARTIAL,
  removeDirectory,
  renameDurably,
  renameToNew,
  roomOf,
  volumeFailure,
  writeDurably,
} from './volume.ts';

export interface BackupRequest {
  readonly attempt: Attempt;
  /** Root of the volume. */
  readonly volume: string;
  /** Directory below it for this backup; the same for every try of the same backup. */
  readonly directory: string;
  /**
   * `Replace`: the directory's name is this backup's own, so whatever is there is of an earlier try. `Keep`: a person chose the
   * name, so nothing that is there is touched.
   */
  readonly leftovers: 'Replace' | 'Keep';
}

export interface Backup {
  /** SHA-256 of the manifest's bytes. */
  readonly digest: string;
  readonly location: string;
  readonly sizeBytes: number;
  readonly tableCount: number;
  readonly rowCount: number;
  readonly serverVersion: string;
}

export interface BackupSurroundings {
  readonly connection: Connection;
  readonly server: Server;
  readonly tools: Tools;
  readonly log: (line: string) => void;
}

const DIRECTORY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,200}(\/[A-Za-z0-9][A-Za-z0-9._-]{0,200})*$/;

/** A complete backup of an earlier try, its files checked against its manifest; undefined when there is none. */
export async function findCompleteBackup(
  request: BackupRequest,
  log: (line: string) => void,
): Promise<Backup | undefined> {
  if (!DIRECTORY.test(request.directory)) {
    throw failure('BadInput', {
      reason: `the directory ${JSON.stringify(request.directory.slice(0, 80))} is not allowed`,
    });
  }
  const path = join(request.volume, request.directory);
  const stored = await readManifest(path);
  if (stored === undefined) return undefined;
  const problem = await archiveProblem(path, stored.manifest);
  if (problem === undefined) {
    log(`the backup ${request.directory} is complete already`);
    return answer(request, stored);
  }
  log(`the backup ${request.directory} is damaged (${problem}); it is put aside and made again`);
  await renameDurably(path, `${path}.damaged-${Date.now()}`);
  return undefined;
}

/** Makes the backup. Throws EngineError; whatever fails leaves no directory that looks complete. */
export async function makeBackup(request: BackupRequest, surroundings: BackupSurroundings): Promise<Backup> {
  const final = join(request.volume, request.directory);
  let temporary: string | undefined;
  let room: string | undefined;
  await assertSameMajor(surroundings.server, surroundings.tools);
  try {
    temporary = request.leftovers === 'Keep' ? await makeDirectoryBeside(final) : await makeInPlace(final);
    room = await describeRoom(request.volume, surroundings.connection);
    const text = await writeArchive(request, surroundings, temporary);
    await writeDurably(join(temporary, MANIFEST_FILE), text);
    await renameToNew(temporary, final);
    return answer(request, { text, manifest: JSON.parse(text) as Manifest });
  } catch (error) {
    if (temporary !== undefined) await removeDirectory(temporary).catch(() => {});
    if (surroundings.tools.signal?.aborted) throw failure('Interrupted', { during: 'during the backup' });
    if (error instanceof EngineError) throw error.code === 'BackupVolumeFull' ? volumeFull(request, room) : error;
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw volumeFailure(error, request.volume);
    throw error;
  }
}

/** Where only tries of the same backup can have left something. */
async function makeInPlace(final: string): Promise<string> {
  const temporary = `${final}${PARTIAL}`;
  await removeDirectory(temporary);
  if (await exists(final)) await renameDurably(final, `${final}.incomplete-${Date.now()}`);
  await makeDirectory(temporary);
  return temporary;
}

/** What was there before the first byte was written, for a person who wonders how much is needed. */
async function describeRoom(volume: string, connection: Connection): Promise<string> {
  const { freeBytes, totalBytes } = await roomOf(volume);
  const size = only(
    await connection.query('SELECT pg_catalog.pg_database_size(pg_catalog.current_database()) AS bytes'),
  ).bytes;
  return `${inMebibytes(freeBytes)} of ${inMebibytes(totalBytes)} were free for this backup, and the database takes ${inMebibytes(Number(size))} uncompressed`;
}

function inMebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

function volumeFull({ volume: directory }: BackupRequest, room: string | undefined): EngineError {
  return failure('BackupVolumeFull', { directory, ...(room === undefined ? {} : { room }) });
}

/** Dumping with an older client fails, with a newer one gives a dump that the server cannot read back. */
export async function assertSameMajor(server: Server, tools: Pick<Tools, 'pgDump' | 'run'>): Promise<void> {
  const client = (await majorOf(tools.pgDump, tools.run)) ?? 'unknown version';
  const major = String(Math.floor(server.versionNumber / 10_000));
  if (client !== major) throw failure('ClientMajorMismatch', { client, server: major });
}

async function writeArchive(
  request: BackupRequest,
  surroundings: BackupSurroundings,
  directory: string,
): Promise<string> {
  const { connection, server, tools, log } = surroundings;
  const startedAt = new Date().toISOString();
  const archive = join(directory, ARCHIVE_DIRECTORY);
  const { snapshot, tables } = await openExport(connection);
  log(`dumping ${tables.length} tables`);
  const facts = await databaseFacts(connection, server, request.attempt.ledgerSchema).catch((error: unknown) => {
    throw failure('BackupFailed', { reason: `the database could not be described: ${queryReason(error)}` });
  });
  const dumping = dump(tools, snapshot, archive, request.volume);
  const [counted, dumped] = await Promise.allSettled([countRows(connection, tables), dumping]);
  if (dumped.status === 'rejected') throw dumped.reason;
  if (counted.status === 'rejected') {
    if (!(counted.reason instanceof QueryError)) throw counted.reason;
    throw failure('BackupFailed', { reason: `the rows could not be counted: ${queryReason(counted.reason)}` });
  }
  await connection.query('COMMIT');
  log('reading the archive to its end');
  const archived = await readArchive(tools, archive, request.volume);
  const files = await digestFiles(archive, 'sync');
  const manifest: Manifest = {
    format: MANIFEST_FORMAT,
    kind: 'postgresql-dump',
    madeFor: madeFor(request.attempt),
    startedAt,
    completedAt: new Date().toISOString(),
    serverVersion: server.version,
    clientVersion: String(Math.floor(server.versionNumber / 10_000)),
    database: facts,
    tables: compared(tables, counted.value, archived),
    files,
  };
  return serialize(manifest);
}

/** The archive must hold of each table what the snapshot held. */
function compared(
  tables: readonly DumpedTable[],
  counts: readonly number[],
  archived: ReadonlyMap<string, CopiedTable>,
): readonly ManifestTable[] {
  return tables.map(({ schema, name }, index) => {
    const rows = counts[index] ?? 0;
    const found = archived.get(JSON.stringify([schema, name]));
    if (found?.rows !== rows) {
      const reason = `the archive has ${found?.rows ?? 'no'} rows of ${schema}.${name}, the database had ${rows}`;
      throw failure('BackupFailed', { reason });
    }
    return { schema, name, rows, sha256: found.sha256 };
  });
}

function answer(request: BackupRequest, { manifest, text }: StoredManifest): Backup {
  return Object.freeze({
    digest: digestOf(text),
    location: request.directory,
    sizeBytes: manifest.files.reduce((sum, file) => sum + file.size, Buffer.byteLength(text)),
    tableCount: manifest.tables.length,
    rowCount: manifest.tables.reduce((sum, table) => sum + table.rows, 0),
    serverVersion: manifest.serverVersion,
  });
}
