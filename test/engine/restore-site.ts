// A restore as a caller outside the command line makes it, on a site of its own: everything that it sends to the server goes
// through here, so that a test can look at it, or let the whole process die at one statement: no connection of it answers
// any more, and none can be opened.
import { join } from 'node:path';
import { type ChildEnd, runChild } from '../../src/backup/children.ts';
import { digestOf, type Manifest, readManifest } from '../../src/backup/manifest.ts';
import { type Restored, type RestoreRequest, restoreDatabase } from '../../src/backup/restore.ts';
import { openConnection } from '../../src/database/postgres.ts';
import { libpqEnvironment, parseConnectionUrl } from '../../src/database/url.ts';
import { applicationName } from '../../src/engine/attempt.ts';
import { type Connection, ConnectionLost } from '../../src/engine/connection.ts';
import { OWNER, type Site } from './site.ts';

/** Where the process dies: before or after the statement, or program, that fits for the given time. */
export interface Death {
  readonly at: RegExp;
  readonly time?: number;
  readonly when: 'Before' | 'After';
}

export interface Restoring extends Partial<Pick<RestoreRequest, 'sessions' | 'replicationLoss' | 'database' | 'now'>> {
  readonly death?: Death;
  /** Done to the new database right after pg_restore. */
  readonly meddle?: (fresh: string) => void;
  readonly change?: (manifest: Manifest) => Manifest;
  readonly url?: string;
}

class Process {
  readonly #death: Death | undefined;
  readonly #connections: Connection[] = [];
  #times = 0;
  #isDead = false;

  constructor(death: Death | undefined) {
    this.#death = death;
  }

  async #die(): Promise<never> {
    this.#isDead = true;
    await Promise.all(this.#connections.map(connection => connection.close()));
    throw new ConnectionLost('the process died');
  }

  async does<T>(what: string, act: () => Promise<T>): Promise<T> {
    if (this.#isDead) throw new ConnectionLost('the process is dead');
    const death = this.#death;
    const fits = death?.at.test(what) === true && ++this.#times === (death.time ?? 1);
    if (fits && death.when === 'Before') return this.#die();
    const answer = await act();
    return fits ? this.#die() : answer;
  }

  async connect(open: () => Promise<Connection>): Promise<Connection> {
    const real = await this.does('connect', open);
    this.#connections.push(real);
    const dead = () => this.#isDead;
    return {
      pid: real.pid,
      host: real.host,
      get isLost() {
        return dead() || real.isLost;
      },
      query: (sql, values) => this.does(sql, () => real.query(sql, values)),
      execute: sql => this.does(sql, () => real.execute(sql)),
      close: () => real.close(),
    };
  }
}

export async function restoreSite(site: Site, restoring: Restoring = {}): Promise<Restored> {
  const directory = join(site.backups, 'one');
  const stored = await readManifest(directory);
  if (stored === undefined) throw new Error('the site has no backup');
  const settings = parseConnectionUrl(restoring.url ?? site.url);
  const process = new Process(restoring.death);
  const [host] = settings.hosts;
  if (host === undefined) throw new Error('no host');
  const run = async (program: string, args: readonly string[], options: Parameters<typeof runChild>[2]) =>
    process.does<ChildEnd>(program, async () => {
      const end = await runChild(program, args, options);
      if (args.includes('--exit-on-error')) restoring.meddle?.(options.environment.PGDATABASE ?? '');
      return end;
    });
  return restoreDatabase(
    {
      database: restoring.database ?? site.name,
      manifest: restoring.change?.(stored.manifest) ?? stored.manifest,
      digest: digestOf(stored.text),
      archive: join(directory, 'archive'),
      ledgerSchema: 'migrate',
      attempt: ledger => ({
        ...{ owner: OWNER, resource: 'shop/truledgr', number: (ledger.epoch?.attempt ?? 0) + 1 },
        ...{ run: { uid: 'a-uid', id: 9 }, job: 'restore', ledgerSchema: 'migrate' },
      }),
      sessions: restoring.sessions ?? 'Refuse',
      replicationLoss: restoring.replicationLoss ?? 'Refuse',
      now: restoring.now ?? new Date(),
    },
    {
      connect: (database, attempt) => {
        const name = attempt === undefined ? 'looking' : applicationName(attempt.owner, attempt.number);
        return process.connect(() => openConnection({ ...settings, database }, { applicationName: name }));
      },
      tools: (database, attempt) => ({
        pgDump: join(site.server.binaries, 'pg_dump'),
        pgRestore: join(site.server.binaries, 'pg_restore'),
        run,
        environment: {
          ...libpqEnvironment(settings, host, applicationName(attempt.owner, attempt.number)),
          PGDATABASE: database,
        },
        signal: undefined,
        jobs: 2,
      }),
      beforeFence: async () => {},
      log: line => site.log.push(line),
      signal: undefined,
      fenceWaitMs: 5_000,
    },
  );
}
