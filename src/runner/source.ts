// Reads the migration files of a Job: the ConfigMaps of `spec.source` as they are mounted, under the names by which their
// user knows them. Called by plan and migrate, which must read the same.
import { relative } from 'node:path';
import { readSource, type Source } from '../engine/source/files.ts';
import type { StepEnvironment } from './environment.ts';

/** Throws every mistake in the files at once. */
export function readMountedSource({ migrationsDirectory }: StepEnvironment): Promise<Source> {
  return readSource(
    migrationsDirectory,
    'PostgreSQL',
    directory => placeOf(migrationsDirectory, directory),
    'ShortOrApplied',
  );
}

/** ConfigMap number i is mounted at `<i>`. */
function placeOf(root: string, directory: string): string {
  const path = relative(root, directory);
  if (path === '') return 'spec.source.configMapRefs';
  return /^[0-9]+$/.test(path) ? `spec.source.configMapRefs[${path}]` : directory;
}
