// Compares a restored database with the manifest of its backup: the rows of every table and their digests, as pg_dump reads
// them back; the extensions; the version that the ledger says. Reads only. Called by restore.ts before anything is swapped.
import type { Connection } from '../engine/connection.ts';
import { failure } from '../engine/errors.ts';
import { readArchive, readDatabase, type Tools } from './archive.ts';
import type { CopiedTable } from './copy-reader.ts';
import { type DumpedTable, storedTables } from './exporter.ts';
import { type Manifest, type ManifestTable, unnamed } from './manifest.ts';

export interface Comparison {
  /** Tables that were compared by their counts alone, because another major prints their values otherwise. */
  readonly countedOnly: readonly string[];
}

const keyOf = ({ schema, name }: DumpedTable) => JSON.stringify([schema, name]);
const shown = ({ schema, name }: DumpedTable) => `${schema}.${name}`;

/** `tools` are of the restored database. Throws RestoreFailed. */
export async function compareWithManifest(
  tools: Tools,
  archive: string,
  manifest: Manifest,
  { restored: database, serverVersionNumber }: { readonly restored: Connection; readonly serverVersionNumber: number },
): Promise<Comparison> {
  const named = new Set(manifest.tables.map(keyOf));
  const strange = (await storedTables(database)).filter(table => !named.has(keyOf(table)));
  if (strange.length > 0) throw failure('RestoreFailed', { reason: unnamed(strange.map(shown)) });
  const found = await readDatabase(tools, 'AsWritten');
  for (const table of manifest.tables) assertRows(table, found.get(keyOf(table)));
  const differing = manifest.tables.filter(table => found.get(keyOf(table))?.sha256 !== table.sha256);
  if (differing.length === 0) return { countedOnly: [] };
  // The order of rows is nobody's promise: compared once more, whatever it is.
  const archived = await readArchive(tools, archive, archive, 'Any');
  const restored = await readDatabase(tools, 'Any');
  const wrong = differing.filter(table => archived.get(keyOf(table))?.sha256 !== restored.get(keyOf(table))?.sha256);
  const isSameMajor = Number.parseInt(manifest.serverVersion, 10) === Math.floor(serverVersionNumber / 10_000);
  if (wrong.length > 0 && isSameMajor) {
    throw failure('RestoreFailed', {
      reason: `${wrong.map(shown).join(', ')} has as many rows as in the manifest, but not the same ones`,
    });
  }
  return { countedOnly: wrong.map(shown) };
}

function assertRows(table: ManifestTable, found: CopiedTable | undefined): void {
  if (found?.rows === table.rows) return;
  const rows = found === undefined ? 'no table' : `${found.rows} rows`;
  throw failure('RestoreFailed', { reason: `of ${shown(table)} ${rows} came back, the manifest has ${table.rows}` });
}
