// Where pg_dump and pg_restore are: of the server's own major version, or the one in PATH.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export function programPath(name: string, versionNumber: number): string {
  const given = process.env.MIGRATE_POSTGRES_BINARIES;
  if (given !== undefined && given !== '') return join(given, name);
  const debian = join('/usr/lib/postgresql', String(Math.floor(versionNumber / 10_000)), 'bin', name);
  return existsSync(debian) ? debian : name;
}
