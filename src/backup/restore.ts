// Restores a backup into a new database and puts that in the place of the old one. The old one is not written to; it stays,
// closed, under a dated name. The effects in their order, and what a crash after each leaves:
//  1 restore lock, fence      nothing: both end with our sessions. Earlier attempts of ours are ended, nobody migrates
//  2 obstacles looked for     nothing
//  3 new database made        a database with a scratch's name, which the next restore of the same drops
//  4 archive restored, compared with the manifest, ledger carried over, planner's statistics made: the same
//  5 old one closed           nobody can connect to it: the next restore opens it again, drops the new one, begins anew
//  6 its sessions ended       the same
//  7 names changed            done, in one transaction with rights, settings, limit and comment: the old one stays closed
// Called by the command line; for a Job the same, with what surrounds it there.
import type { Attempt } from '../engine/attempt.ts';
import type { Connection } from '../engine/connection.ts';
import { failure } from '../engine/errors.ts';
import { takeFence } from '../engine/fence/fence.ts';
import { type Ledger, readLedger } from '../engine/ledger/ledger.ts';
import { assertNotInterrupted } from '../engine/pace.ts';
import { readServer, type Server } from '../engine/server.ts';
import { restoreArchive, type Tools } from './archive.ts';
import { assertSameMajor } from './backup.ts';
import { readFacts, type StoredFacts } from './facts.ts';
import {
  clearLeftovers,
  createFresh,
  dropFresh,
  type RestoreNames,
  restoreNames,
  takeRestoreLock,
} from './fresh-database.ts';
import type { Manifest } from './manifest.ts';
import { giveOwnFacts } from './own-facts.ts';
import { compareWithManifest } from './restore-check.ts';
import { assertNoObstacle } from './restore-obstacles.ts';
import { type Carried, carryLedger } from './restored-ledger.ts';
import { swapDatabases } from './swap.ts';

export interface RestoreRequest {
  /** The database to be replaced. It must be there, if only empty. */
  readonly database: string;
  readonly manifest: Manifest;
  /** SHA-256 of the manifest's bytes. */
  readonly digest: string;
  /** Directory of the archive, whose files were compared with the manifest. */
  readonly archive: string;
  readonly ledgerSchema: string;
  /** Who restores, once the ledger is known: the epoch's owner, with the next number. */
  readonly attempt: (ledger: Ledger) => Attempt;
  /** Of whoever is connected when the names change: `Refuse`, or `End`. */
  readonly sessions: 'Refuse' | 'End';
  /** Logical slots and subscriptions stay with the replaced database: `Refuse`, or `Accepted`. */
  readonly replicationLoss: 'Refuse' | 'Accepted';
  readonly now: Date;
}

export interface RestoreSurroundings {
  /** A session in a database of the server, named as that attempt's where there is one already. */
  readonly connect: (database: string, attempt: Attempt | undefined) => Promise<Connection>;
  /** The programs, for a database of that name. */
  readonly tools: (database: string, attempt: Attempt, server: Server) => Tools;
  /** In a session of the database that is to be replaced, before its ledger is read: to wait for whom the fence would end. */
  readonly beforeFence: (current: Connection) => Promise<void>;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal | undefined;
  readonly fenceWaitMs: number;
}

export interface Restored {
  /** What the restored ledger says; null where there is none, or it is empty. */
  readonly version: string | null;
  /** Name of the replaced database, which is closed. */
  readonly replaced: string;
  /** Rows of its audit that went along. */
  readonly auditRows: number;
  readonly notes: readonly string[];
}

/** Databases to work from, in this order. */
const OTHERS = ['postgres', 'template1'] as const;

/** Throws RestoreRefused, RightMissing, SessionsRemain, RestoreFailed, and what the fence throws. */
export async function restoreDatabase(request: RestoreRequest, surroundings: RestoreSurroundings): Promise<Restored> {
  const { database } = request;
  const elsewhere = await connectElsewhere(request, surroundings, undefined);
  try {
    await takeRestoreLock(elsewhere, database);
    await clearLeftovers(elsewhere, database, surroundings.log);
    const looking = await surroundings.connect(database, undefined);
    const attempt = await nextAttempt(request, surroundings, looking).finally(() => looking.close());
    const current = await surroundings.connect(database, attempt);
    try {
      const server = await readServer(current);
      return await restoreBeside({ request, surroundings, attempt, server, elsewhere, current });
    } finally {
      await current.close();
    }
  } finally {
    await elsewhere.close();
  }
}

async function nextAttempt(
  { ledgerSchema, attempt }: RestoreRequest,
  { beforeFence }: RestoreSurroundings,
  looking: Connection,
): Promise<Attempt> {
  const { role } = await readServer(looking);
  await beforeFence(looking);
  return attempt(await readLedger(looking, ledgerSchema, role));
}

interface Site {
  readonly request: RestoreRequest;
  readonly surroundings: RestoreSurroundings;
  readonly attempt: Attempt;
  readonly server: Server;
  readonly elsewhere: Connection;
  readonly current: Connection;
}

async function restoreBeside(site: Site): Promise<Restored> {
  const { request, surroundings, attempt, server, elsewhere, current } = site;
  const { database, manifest } = request;
  const { signal, log, fenceWaitMs } = surroundings;
  const connect = () => surroundings.connect(database, attempt);
  const { ledger } = await takeFence(current, server, attempt, { connect, log, signal, fenceWaitMs });
  const facts = readFacts(manifest.database);
  await assertSameMajor(server, surroundings.tools(database, attempt, server));
  await assertNoObstacle({ ...request, elsewhere, current, server, facts });
  const names = await restoreNames(elsewhere, database, request.now);
  try {
    await createFresh(elsewhere, names, facts, server.versionNumber);
    await tryFacts(elsewhere, names.fresh, facts);
    const { carried, notes } = await fill(site, ledger, facts, names);
    assertNotInterrupted(signal, 'before the restored database took its place');
    log(`restored and compared; ${database} is closed for the change of names`);
    await swapDatabases(
      elsewhere,
      { database, ...names, facts, sessions: request.sessions, waitMs: fenceWaitMs, signal },
      { leave: () => current.close(), reconnect: () => connectElsewhere(request, surroundings, attempt) },
    );
    const version = carried.ledger?.version ?? null;
    return { version, replaced: names.replaced, auditRows: carried.auditRows, notes };
  } catch (error) {
    await removeFresh(site, names.fresh);
    throw error;
  }
}

/** What would be refused after hours is refused now: the same statements, rolled back. */
async function tryFacts(elsewhere: Connection, fresh: string, facts: StoredFacts): Promise<void> {
  await elsewhere.query('BEGIN');
  try {
    await giveOwnFacts(elsewhere, fresh, facts);
  } finally {
    if (!elsewhere.isLost) await elsewhere.query('ROLLBACK');
  }
}

async function fill(
  { request, surroundings, attempt, server, current }: Site,
  ledger: Ledger,
  facts: StoredFacts,
  { fresh, replaced }: RestoreNames,
): Promise<{ readonly carried: Carried; readonly notes: readonly string[] }> {
  const { manifest, archive, digest } = request;
  const tools = surroundings.tools(fresh, attempt, server);
  surroundings.log(`restoring ${manifest.tables.length} tables into a new database`);
  const { leftOut } = await restoreArchive(tools, archive);
  surroundings.log('comparing it with the manifest');
  const into = await surroundings.connect(fresh, attempt);
  try {
    const { countedOnly } = await compareWithManifest(tools, archive, manifest, {
      restored: into,
      serverVersionNumber: server.versionNumber,
    });
    const { role } = await readServer(into);
    const carried = await carryLedger({
      ...{ attempt, from: current, fromLedger: ledger, into, role },
      detail: { backup: digest, madeAt: manifest.completedAt, replaced },
    });
    assertLedger(facts, carried);
    // Who is no superuser is warned of every table of the catalogue that is the server's: nobody can do anything about that.
    await into.query('SET client_min_messages TO error');
    await into.execute('VACUUM (ANALYZE)');
    const onlyRows = countedOnly.length === 0 ? [] : [countedOnlyNote(countedOnly)];
    const notMade = leftOut.length === 0 ? [] : [`subscriptions of the backup were not made: ${leftOut.join(', ')}`];
    return { carried, notes: [...carried.notes, ...onlyRows, ...notMade] };
  } finally {
    await into.close();
  }
}

function countedOnlyNote(tables: readonly string[]): string {
  return `this server prints values otherwise than the one that was backed up: of ${tables.join(', ')} only the rows were counted`;
}

function assertLedger({ ledgerVersion }: StoredFacts, { ledger }: Carried): void {
  const found = ledger?.version ?? null;
  if (found === ledgerVersion) return;
  const reason = `the restored ledger is at ${found ?? 'nothing'}, the manifest says ${ledgerVersion ?? 'nothing'}`;
  throw failure('RestoreFailed', { reason });
}

/** The error that led here is what counts; what cannot be removed now, the next restore removes. */
async function removeFresh({ request, surroundings, attempt, elsewhere }: Site, fresh: string): Promise<void> {
  try {
    const connection = elsewhere.isLost ? await connectElsewhere(request, surroundings, attempt) : elsewhere;
    try {
      await dropFresh(connection, fresh);
    } finally {
      if (connection !== elsewhere) await connection.close();
    }
  } catch {
    surroundings.log(`the database ${fresh} could not be removed; the next restore does it`);
  }
}

async function connectElsewhere(
  { database }: RestoreRequest,
  { connect }: RestoreSurroundings,
  attempt: Attempt | undefined,
): Promise<Connection> {
  let last: unknown;
  for (const other of OTHERS) {
    if (other === database) continue;
    try {
      const connection = await connect(other, attempt);
      await readServer(connection);
      return connection;
    } catch (error) {
      last = error;
    }
  }
  throw last;
}
