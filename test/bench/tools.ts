// 1,000 small migrations, one transaction each, by our command line and by other tools, each as its users run it: one
// process on an empty database. The limit is one psql with BEGIN, the file, a row and COMMIT for each. The tools come from
// npm and from a Go module, into the cache; one that cannot be had is named and left out.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildBundle } from '../../build.ts';
import { openConnection } from '../../src/database/postgres.ts';
import { parseConnectionUrl } from '../../src/database/url.ts';
import { packSnapshot } from '../../src/engine/ledger/stored-snapshot.ts';
import { readServer } from '../../src/engine/server.ts';
import { readSnapshot, snapshotDigest } from '../../src/schema/snapshot.ts';
import { buildOnce } from '../cluster/kit/binaries.ts';
import { cachePath } from '../cluster/kit/paths.ts';
import { run } from '../cluster/kit/run.ts';
import { startPostgres, type TestPostgres } from '../postgres.ts';
import { type Figure, type Group, inWords, median, type Progress, timed } from './figure.ts';

const COUNT = 1_000;
const ROUNDS = 3;
const PACKAGES = ['dbmate@2.36.0', 'node-pg-migrate@9.0.0', 'graphile-migrate@1.4.1', 'pg@8.23.1'] as const;
const GOLANG_MIGRATE = 'github.com/golang-migrate/migrate/v4/cmd/migrate@v4.19.1';
const ROOT = join(import.meta.dirname, '..', '..');

/** A tool, its files and its command. */
interface Tool {
  readonly name: string;
  /** Writes the migrations below this folder. */
  readonly write: (folder: string) => void;
  readonly run: (url: string, folder: string) => Promise<unknown>;
}

const numbers = Array.from({ length: COUNT }, (_, index) => index + 1);
const up = (i: number): string => `CREATE TABLE t${i} (id bigint PRIMARY KEY, name text NOT NULL);\n`;
const down = (i: number): string => `DROP TABLE t${i};\n`;
const padded = (i: number): string => String(i).padStart(6, '0');

function put(folder: string, name: string, text: string): void {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
}

function writePairs(folder: string): void {
  for (const i of numbers) {
    put(folder, `migrations/${padded(i)}_t.up.sql`, up(i));
    put(folder, `migrations/${padded(i)}_t.down.sql`, down(i));
  }
}

function migrate(url: string, folder: string, ...args: readonly string[]): Promise<string> {
  const main = join(ROOT, 'dist', 'cli', 'main.js');
  return run(process.execPath, [main, ...args], { cwd: folder, env: { DATABASE_URL: url, INIT_CWD: folder } });
}

const OURS: Tool = {
  name: 'ours',
  write: writePairs,
  run: (url, folder) => migrate(url, folder, 'upgrade', '--yes'),
};

function psql(server: TestPostgres): Tool {
  return {
    name: 'psql',
    write(folder) {
      const parts = numbers.map(i => `BEGIN;\n${up(i)}INSERT INTO applied VALUES (${i});\nCOMMIT;\n`);
      put(folder, 'all.sql', `CREATE TABLE applied (version bigint PRIMARY KEY);\n${parts.join('')}`);
    },
    run: (url, folder) =>
      run(join(server.binaries, 'psql'), ['-Xq', '-v', 'ON_ERROR_STOP=1', '-f', join(folder, 'all.sql'), url]),
  };
}

function npmTools(bin: string): readonly Tool[] {
  return [
    {
      name: 'dbmate',
      write(folder) {
        for (const i of numbers)
          put(folder, `m/${padded(i)}_t.sql`, `-- migrate:up\n${up(i)}\n-- migrate:down\n${down(i)}`);
      },
      run: (url, folder) =>
        run(join(bin, 'dbmate'), ['--migrations-dir', join(folder, 'm'), '--no-dump-schema', 'migrate'], {
          env: { DATABASE_URL: `${url}?sslmode=disable` },
        }),
    },
    {
      name: 'node-pg-migrate',
      write(folder) {
        for (const i of numbers)
          put(folder, `m/${1_700_000_000_000 + i}_t.sql`, `-- Up Migration\n${up(i)}\n-- Down Migration\n${down(i)}`);
      },
      run: (url, folder) =>
        run(join(bin, 'node-pg-migrate'), ['up', '--no-single-transaction', '-m', join(folder, 'm')], {
          env: { DATABASE_URL: url },
        }),
    },
    {
      name: 'graphile-migrate',
      write(folder) {
        put(folder, '.gmrc', '{}');
        let previous = '-';
        for (const i of numbers) {
          const body = up(i).trim();
          const before = previous === '-' ? '' : previous;
          const hash = `sha1:${createHash('sha1')
            .update(`${`${before}\n${body}`.trim()}\n`)
            .digest('hex')}`;
          put(
            folder,
            `migrations/committed/${padded(i)}.sql`,
            `--! Previous: ${previous}\n--! Hash: ${hash}\n\n${body}\n`,
          );
          previous = hash;
        }
        put(folder, 'migrations/current.sql', '');
      },
      run: (url, folder) =>
        run(join(bin, 'graphile-migrate'), ['migrate'], { cwd: folder, env: { DATABASE_URL: url } }),
    },
  ];
}

function golangMigrate(binary: string): Tool {
  return {
    name: 'golang-migrate',
    write: writePairs,
    run: (url, folder) =>
      run(binary, ['-path', join(folder, 'migrations'), '-database', `${url}?sslmode=disable`, 'up']),
  };
}

async function fetchTools(progress: Progress): Promise<readonly Tool[]> {
  const tools: Tool[] = [];
  const attempt = async (what: string, fetch: () => Promise<readonly Tool[]>): Promise<void> => {
    try {
      tools.push(...(await fetch()));
    } catch (error) {
      progress(`without ${what}: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
    }
  };
  await attempt('the tools from npm', async () => {
    const target = cachePath('peers', createHash('sha256').update(PACKAGES.join(' ')).digest('hex').slice(0, 16));
    await buildOnce(target, 'other migration tools from npm', progress, async folder => {
      await run('npm', ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', ...PACKAGES]);
    });
    return npmTools(join(target, 'node_modules', '.bin'));
  });
  await attempt('golang-migrate', async () => {
    const target = cachePath('bin', 'golang-migrate-v4.19.1');
    await buildOnce(target, 'golang-migrate from its Go module', progress, async folder => {
      await run('go', ['install', '-tags', 'postgres', GOLANG_MIGRATE], { env: { GOBIN: folder, CGO_ENABLED: '0' } });
    });
    return [golangMigrate(join(target, 'migrate'))];
  });
  return tools;
}

/** One round of a tool, on a database of its own: a second of the machine's mood should not be one tool's alone. */
async function measureRound(server: TestPostgres, tool: Tool, folder: string, round: number): Promise<number> {
  const database = `${tool.name.replaceAll('-', '_')}_${round}`;
  const url = await server.createDatabase(database);
  const { seconds } = await timed(() => tool.run(url, folder));
  const made = Number(
    server.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename ~ '^t[0-9]+$'", database),
  );
  if (made !== COUNT) throw new Error(`${tool.name} made ${made} of ${COUNT} tables`);
  return seconds * 1000;
}

/** What the snapshot at the end of our run takes: none of the other tools keeps one. */
async function measureSnapshot(url: string): Promise<number> {
  const connection = await openConnection(parseConnectionUrl(url), { applicationName: 'bench' });
  try {
    const { versionNumber } = await readServer(connection);
    const { seconds } = await timed(async () => {
      const entries = await readSnapshot(connection, versionNumber, 'migrate');
      return [snapshotDigest(entries), packSnapshot(entries)];
    });
    return seconds * 1000;
  } finally {
    await connection.close();
  }
}

function medianOf(command: readonly string[], folder: string, url: string): number {
  const [file = '', ...args] = command;
  const env = { ...process.env, DATABASE_URL: url, INIT_CWD: folder };
  const times = Array.from({ length: 7 }, () => {
    const started = performance.now();
    execFileSync(file, args, { cwd: folder, env, stdio: 'ignore' });
    return performance.now() - started;
  });
  return median(times);
}

/** Everything is applied already: what a command takes to see it. */
async function measureNothingToDo(
  server: TestPostgres,
  others: readonly Tool[],
  root: string,
): Promise<readonly Figure[]> {
  const node = process.execPath;
  const main = join(ROOT, 'dist', 'cli', 'main.js');
  const url = server.url('owner', 'ours_1');
  const folder = join(root, 'ours');
  const sqlite = `sqlite:///${join(root, 'ours.db')}`;
  await migrate(sqlite, folder, 'upgrade', '--yes');
  const bare = `node alone: ${inWords(medianOf([node, '-e', '0'], root, url))}`;
  const beside: string[] = [bare];
  for (const tool of others) {
    const times: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      const started = performance.now();
      await tool.run(server.url('owner', `${tool.name.replaceAll('-', '_')}_1`), join(root, tool.name));
      times.push(performance.now() - started);
    }
    beside.push(`${tool.name} ${inWords(median(times))}`);
  }
  const took = (place: string, ...args: readonly string[]) => inWords(medianOf([node, main, ...args], folder, place));
  const what = `upgrade with ${COUNT} applied and nothing pending, the whole process`;
  return [
    { what, ours: took(url, 'upgrade', '--yes'), aim: '150 ms', beside: beside.join(', ') },
    { what: `${what}, on SQLite`, ours: took(sqlite, 'upgrade', '--yes'), aim: '150 ms', beside: bare },
    { what: 'migrate --help, the whole process', ours: took(url, '--help'), aim: '80 ms', beside: bare },
  ];
}

async function measure(progress: Progress): Promise<readonly Figure[]> {
  await buildBundle('cli');
  const root = mkdtempSync(join(tmpdir(), 'migration-operator-bench-tools-'));
  // As it comes: a hundred connections, for which it keeps its table of locks.
  const server = await startPostgres({ settings: ['max_connections=100'] });
  try {
    const others = await fetchTools(progress);
    const all = [psql(server), OURS, ...others];
    for (const tool of all) tool.write(join(root, tool.name));
    const times = new Map<string, number[]>(all.map(tool => [tool.name, []]));
    for (let round = 1; round <= ROUNDS; round += 1) {
      for (const tool of all) {
        const ms = await measureRound(server, tool, join(root, tool.name), round);
        times.get(tool.name)?.push(ms);
        progress(`${tool.name}: ${inWords(ms)}`);
      }
    }
    const figures = new Map([...times].map(([name, ms]) => [name, median(ms)]));
    const ours = figures.get('ours') ?? Number.NaN;
    const limit = figures.get('psql') ?? Number.NaN;
    const snapshot = await measureSnapshot(server.url('owner', 'ours_1'));
    const ofLimit = (ms: number): string => `${inWords(ms)}, ${(ms / limit).toFixed(2)} of psql`;
    const beside = [...figures].filter(([name]) => name !== 'ours').map(([name, ms]) => `${name} ${inWords(ms)}`);
    return [
      {
        what: `${COUNT} small migrations, one transaction each, an empty database, the whole process (median of ${ROUNDS})`,
        ours: `${ofLimit(ours)}; without the snapshot at the end ${ofLimit(ours - snapshot)}`,
        aim: 'ahead of every peer, within 1.3 of psql',
        beside: beside.join(', '),
      },
      ...(await measureNothingToDo(server, others, root)),
    ];
  } finally {
    await server.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

export const tools: Group = {
  name: 'tools',
  about: '1,000 small migrations by our command line, by other tools, and by psql',
  measure,
};
