// A folder as a developer has one, and the real command line run in it as a process: its exit code, what it printed, what
// it said. The environment is made from nothing, so that no setting of the machine decides a test.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after } from 'node:test';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

/** Another user, whose number nobody has named: as a container has that runs as an arbitrary one. */
export const SOMEBODY = 54321;

export interface Run {
  readonly code: number | null;
  /** Standard output: data. */
  readonly out: string;
  /** Standard error: what is said about it. */
  readonly said: string;
}

export class Project {
  readonly directory: string;
  readonly #environment: Readonly<Record<string, string>>;

  constructor(files: Readonly<Record<string, string>> = {}, environment: Readonly<Record<string, string>> = {}) {
    this.directory = mkdtempSync(join(tmpdir(), 'migrate-cli-'));
    this.#environment = { DATABASE_URL: 'sqlite:///./dev.db', ...environment };
    for (const [name, text] of Object.entries(files)) this.write(`migrations/${name}`, text);
    after(() => rmSync(this.directory, { recursive: true, force: true }));
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  remove(name: string): void {
    rmSync(this.path(name));
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  has(name: string): boolean {
    return existsSync(this.path(name));
  }

  /** Starts a command; for a test that ends it or runs two. `main` may be that of a bundle. */
  start(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    main: string = MAIN,
  ): { child: ChildProcess; ended: Promise<Run>; saidSoFar: () => string } {
    return this.#spawn([process.execPath, main, ...args], environment);
  }

  /** Runs a command that may write no file longer than so many KiB: a disk that is full, without a disk. */
  limited(kibibytes: number, ...args: readonly string[]): Promise<Run> {
    const script = `ulimit -f ${kibibytes}; exec "$0" "$@"`;
    return this.#spawn(['bash', '-c', script, process.execPath, MAIN, ...args], {}).ended;
  }

  /** Runs a command as the user of this number, which only root can. */
  as(user: number, args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Run> {
    return this.#spawn([process.execPath, MAIN, ...args], environment, { uid: user, gid: user }).ended;
  }

  /** Runs a command as one who may not do everything: as somebody else where this is root. */
  unprivileged(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Run> {
    if (process.getuid?.() === 0) return this.as(SOMEBODY, args, environment);
    return this.start(args, environment).ended;
  }

  #spawn(
    [program = '', ...args]: readonly string[],
    environment: Readonly<Record<string, string>>,
    user: { readonly uid?: number; readonly gid?: number } = {},
  ): { child: ChildProcess; ended: Promise<Run>; saidSoFar: () => string } {
    const child = spawn(program, args, {
      cwd: this.directory,
      env: { PATH: process.env.PATH ?? '', HOME: this.directory, ...this.#environment, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...user,
    });
    let [out, said] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString('utf8');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
    });
    const ended = new Promise<Run>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', code => resolve({ code, out, said }));
    });
    return { child, ended, saidSoFar: () => said };
  }

  /** Runs `migrate` with these words. */
  migrate(...args: readonly string[]): Promise<Run> {
    return this.start(args).ended;
  }

  /** A command that must end well; answers its data. */
  async data(...args: readonly string[]): Promise<never> {
    const run = await this.migrate(...args, '-o', 'json');
    if (run.code !== 0) throw new Error(`migrate ${args.join(' ')} ended with ${run.code}: ${run.said}`);
    return JSON.parse(run.out) as never;
  }

  /** Rows of a query on the project's SQLite file. */
  rows(sql: string): readonly Record<string, unknown>[] {
    const database = new DatabaseSync(this.path('dev.db'));
    try {
      return database
        .prepare(sql)
        .all()
        .map(row => ({ ...row }));
    } finally {
      database.close();
    }
  }

  execute(sql: string): void {
    const database = new DatabaseSync(this.path('dev.db'));
    try {
      database.exec(sql);
    } finally {
      database.close();
    }
  }
}
