// ConfigMaps as `migrate bundle` makes them, by the command itself, and the source that names them.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import type { DatabaseMigrationSpec } from '../../src/api/database-migration.gen.ts';
import type { Files } from './migrations.ts';

export interface Bundle {
  readonly configMaps: readonly object[];
  readonly source: DatabaseMigrationSpec['source'];
}

/** So small that the example's files need several. */
const MOST_BYTES = 1_200;

export async function bundleOf(files: Files): Promise<Bundle> {
  const folder = await mkdtemp(join(tmpdir(), 'migrate-e2e-bundle-'));
  try {
    await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)));
    const command = join(import.meta.dirname, '../../src/cli/main.ts');
    const args = [command, 'bundle', 'truledgr-bundle', '--dir', folder, '--max-bytes', String(MOST_BYTES)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const configMaps = parseAllDocuments(stdout).map(document => document.toJS() as { metadata: { name: string } });
    return { configMaps, source: { configMapRefs: configMaps.map(({ metadata }) => ({ name: metadata.name })) } };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
