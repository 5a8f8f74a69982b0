// A temporary real PostgreSQL server for tests: made by initdb in a temporary directory, listening on a free port of
// 127.0.0.1, run as the user `postgres` where the tests run as root, ended and waited for by its own pid. It has two
// roles as a real installation has them: `owner`, who migrates and owns the databases, and `app`, who only uses them.
// Durability is off: never point anything at it that should live.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canInstallPackages, installPackages } from './debian.ts';
import { embeddedBinaries, isEmbeddedMajor } from './embedded-postgres.ts';

/** Passwords of the two roles; odd on purpose, so that a test notices one that leaks or is not percent-decoded. */
export const PASSWORDS = { owner: 'Own3r/p@ss:word', app: 'App-p@ss%2Fword', postgres: 'Sup3r-p@ss' } as const;
export type Role = keyof typeof PASSWORDS;

export interface TestPostgres {
  /** Connection URL of a role (default `owner`) for a database (default `postgres`). */
  url(user?: Role, database?: string): string;
  /** Makes an empty database that belongs to `owner`; answers its URL as `owner`. */
  createDatabase(name: string): Promise<string>;
  /** Runs SQL as the superuser through psql and answers its unaligned output. */
  psql(sql: string, database?: string): string;
  readonly port: number;
  /** Its major version. */
  readonly major: number;
  /** Whether pg_dump of this major is there. */
  readonly hasDump: boolean;
  readonly directory: string;
  /** The directory of the server's programs: of psql and pg_dump too where it is Debian's. */
  readonly binaries: string;
  /** Ends the postmaster as the kernel's OOM killer does; returns when it is gone. */
  kill(): Promise<void>;
  /** After `kill`: starts it on the same data and port, and waits until it answers. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const DEBIAN_ROOT = '/usr/lib/postgresql';

function installedBinaries(major: string | undefined): string | undefined {
  if (!existsSync(DEBIAN_ROOT)) return undefined;
  const majors = readdirSync(DEBIAN_ROOT)
    .filter(name => (major === undefined ? /^\d+$/.test(name) : name === major))
    .filter(name => existsSync(join(DEBIAN_ROOT, name, 'bin', 'initdb')))
    .sort((a, b) => Number(b) - Number(a));
  return majors[0] === undefined ? undefined : join(DEBIAN_ROOT, majors[0], 'bin');
}

/** The directory of a server's programs: Debian's, installed when it is missing and we are root; else a build from npm. */
async function postgresBinaries(major: string | undefined): Promise<string> {
  const name = major === undefined ? 'postgresql' : `postgresql-${major}`;
  const found = installedBinaries(major);
  if (found !== undefined) return found;
  const number = Number(major);
  if (isEmbeddedMajor(number)) return embeddedBinaries(number);
  if (!canInstallPackages()) {
    throw new Error(`these tests need a PostgreSQL server: install the package ${name} (Debian) and run them again`);
  }
  await installPackages(() => (installedBinaries(major) === undefined ? [name] : []));
  const installed = installedBinaries(major);
  if (installed === undefined) throw new Error(`the package ${name} was installed but brought no server`);
  return installed;
}

/** Where root has to become `postgres`, because the server refuses to run as root. */
function asPostgres(command: string, args: readonly string[]): readonly [string, readonly string[]] {
  if (process.getuid?.() !== 0) return [command, args];
  return ['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', command, ...args]];
}

function idOf(kind: '-u' | '-g'): number {
  return Number(execFileSync('id', [kind, 'postgres'], { encoding: 'utf8' }).trim());
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

const SETTINGS = [
  'fsync=off',
  'full_page_writes=off',
  'synchronous_commit=on',
  'max_connections=300',
  'shared_buffers=64MB',
  'max_wal_size=512MB',
  'listen_addresses=127.0.0.1',
  'autovacuum=off',
  'log_min_messages=warning',
];

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise(resolve => child.once('exit', resolve));
}

/** Where psql is; a newer server takes the psql of an older major too. */
async function psqlOf(binaries: string): Promise<string> {
  const own = join(binaries, 'psql');
  return existsSync(own) ? own : join(await postgresBinaries(undefined), 'psql');
}

/**
 * Starts a server of the given major version and waits until it answers. Default: that of POSTGRES_MAJOR, which
 * `npm run test:majors` sets, else the newest installed. With `replicaOf` it is a streaming replica, which takes no writes.
 */
export async function startPostgres(
  options: { major?: string; settings?: readonly string[]; replicaOf?: TestPostgres } = {},
): Promise<TestPostgres> {
  const binaries = await postgresBinaries(options.major ?? process.env.POSTGRES_MAJOR);
  const psqlProgram = await psqlOf(binaries);
  const directory = mkdtempSync(join(tmpdir(), 'postgres-test-'));
  if (process.getuid?.() === 0) chownSync(directory, idOf('-u'), idOf('-g'));
  chmodSync(directory, 0o755);
  const data = join(directory, 'data');
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, `${PASSWORDS.postgres}\n`, { mode: 0o644 });
  const [making, makingArgs] =
    options.replicaOf === undefined
      ? asPostgres(join(binaries, 'initdb'), [
          ...['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', passwordFile],
          ...['-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'],
        ])
      : asPostgres(join(binaries, 'pg_basebackup'), [
          ...['-D', data, '-R', '-X', 'stream', '--checkpoint=fast', '--no-sync'],
          ...['-d', options.replicaOf.url('postgres')],
        ]);
  execFileSync(making, makingArgs, { stdio: ['ignore', 'ignore', 'pipe'] });
  const port = await freePort();
  const flags = [...SETTINGS, ...(options.settings ?? []), `port=${port}`, `unix_socket_directories=${directory}`];
  const [server, serverArgs] = asPostgres(join(binaries, 'postgres'), ['-D', data, ...flags.flatMap(s => ['-c', s])]);
  let child = spawn(server, serverArgs, { stdio: 'ignore' });

  const psql = (sql: string, database = 'postgres'): string =>
    execFileSync(psqlProgram, ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', sql], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PGHOST: '127.0.0.1',
        PGPORT: String(port),
        PGUSER: 'postgres',
        PGPASSWORD: PASSWORDS.postgres,
        PGDATABASE: database,
      },
    }).trim();
  const stop = async () => {
    child.kill('SIGQUIT');
    await ended(child);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await answering(child, psql);
    if (options.replicaOf === undefined) {
      psql(`CREATE ROLE owner LOGIN PASSWORD '${PASSWORDS.owner}'`);
      psql(`CREATE ROLE app LOGIN PASSWORD '${PASSWORDS.app}'`);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  /** Not before its last backend has noticed: until then the data is in use. */
  const restart = async (): Promise<void> => {
    for (let tries = 0; ; tries += 1) {
      child = spawn(server, serverArgs, { stdio: 'ignore' });
      try {
        return await answering(child, psql);
      } catch (error) {
        if (tries > 50) throw error;
        await new Promise(resolve => setTimeout(resolve, 100));
      }
    }
  };
  const url = (user: Role = 'owner', database = 'postgres') =>
    `postgresql://${user}:${encodeURIComponent(PASSWORDS[user])}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  return {
    url,
    psql,
    port,
    major: Math.floor(Number(psql('SHOW server_version_num')) / 10_000),
    hasDump: existsSync(join(binaries, 'pg_dump')),
    directory,
    binaries,
    restart,
    stop,
    async kill() {
      child.kill('SIGKILL');
      await ended(child);
    },
    async createDatabase(name) {
      psql(`CREATE DATABASE "${name}" OWNER owner`);
      return url('owner', name);
    },
  };
}

async function answering(child: ChildProcess, psql: (sql: string) => string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    if (child.exitCode !== null) throw new Error(`the PostgreSQL server ended with ${child.exitCode} while starting`);
    try {
      psql('SELECT 1');
      return;
    } catch (error) {
      if (tries > 200) throw error;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }
}
