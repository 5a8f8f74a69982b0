// All scenes of the picture book with their passes, for the tests that ask the same of each.
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BackupPass, readBackupPasses } from './backup-scenes.ts';
import { type Pass, readPasses } from './builder.ts';

export interface Scene<P> {
  /** Its folder below cases/ or backup-cases/. */
  readonly name: string;
  readonly passes: readonly P[];
}

export function scenes(): readonly Scene<Pass>[] {
  return read('cases', readPasses);
}

export function backupScenes(): readonly Scene<BackupPass>[] {
  return read('backup-cases', readBackupPasses);
}

function read<P>(folder: string, passes: (file: string) => readonly P[]): readonly Scene<P>[] {
  const cases = join(import.meta.dirname, folder);
  const files = globSync('**/world.yaml', { cwd: cases }).toSorted();
  return files.map(file => ({ name: dirname(file), passes: passes(join(cases, file)) }));
}
