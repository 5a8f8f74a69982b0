// A real PgBouncer before a test server, in either mode; installs the Debian package when it is missing and we are root.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canInstallPackages, installPackages } from '../debian.ts';
import { PASSWORDS, type TestPostgres } from '../postgres.ts';

const PROGRAM = '/usr/sbin/pgbouncer';

export interface PgBouncer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Why there is none on this machine, in a sentence; undefined when there is one. */
export async function lackOfPgBouncer(): Promise<string | undefined> {
  if (existsSync(PROGRAM)) return undefined;
  if (!canInstallPackages()) return 'install the package pgbouncer (Debian)';
  await installPackages(() => (existsSync(PROGRAM) ? [] : ['pgbouncer']));
  return undefined;
}

export async function startPgBouncer(server: TestPostgres, mode: 'session' | 'transaction'): Promise<PgBouncer> {
  const directory = mkdtempSync(join(tmpdir(), 'pgbouncer-test-'));
  const port = await freePort();
  const users = join(directory, 'users');
  const settings = join(directory, 'settings');
  writeFileSync(users, `"owner" "${PASSWORDS.owner}"\n`, { mode: 0o644 });
  writeFileSync(
    settings,
    `[databases]\n* = host=127.0.0.1 port=${server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}
pool_mode = ${mode}\nauth_type = plain\nauth_file = ${users}\nunix_socket_dir =\nignore_startup_parameters = options\n`,
    { mode: 0o644 },
  );
  const args = process.getuid?.() === 0 ? ['--user', 'postgres'] : [];
  chmodSync(directory, 0o755);
  const child = spawn(PROGRAM, [...args, settings], { stdio: 'ignore' });
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
  for (let tries = 0; !(await listens(port)); tries += 1) {
    if (tries > 100 || child.exitCode !== null) throw new Error('PgBouncer did not start');
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  return {
    port,
    async stop() {
      child.kill('SIGINT');
      const late = setTimeout(() => child.kill('SIGKILL'), 2_000);
      await ended;
      clearTimeout(late);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    const answer = (is: boolean) => () => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', answer(true));
    socket.once('error', answer(false));
  });
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise(resolve => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
