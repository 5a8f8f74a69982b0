import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import { applicationName } from '../../src/engine/attempt.ts';
import { ConnectionLost, LostAlone } from '../../src/engine/connection.ts';
import { recoverCommit } from '../../src/engine/fence/recovery.ts';
import { Monitor } from '../../src/engine/monitor.ts';
import { readServer } from '../../src/engine/server.ts';
import { EXECUTION, OWNER, Site, serverForTests } from './site.ts';
import { slowAtCommit } from './slow-commit.ts';

const server = await serverForTests();

/** `Silence`: the client is cut off, and the server does not learn of it. */
type Cut = 'Forward' | 'DropReply' | 'DropRequest' | 'Silence';

/** A proxy before the server that cuts a connection at a message of a migration: before it is forwarded, or after. */
async function cuttingProxy(cut: (nth: number) => Cut, isMessage: (chunk: Buffer) => boolean): Promise<number> {
  const sockets = new Set<Socket>();
  let seen = 0;
  const proxy = createServer(client => {
    const upstream = connect(server.port, '127.0.0.1');
    let isMuted = false;
    let isSilent = false;
    sockets.add(client).add(upstream);
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.on('data', (chunk: Buffer) => {
      if (!isMessage(chunk)) return void upstream.write(chunk);
      seen += 1;
      const what = cut(seen);
      if (what === 'DropRequest') upstream.destroy();
      else upstream.write(chunk);
      if (what !== 'Forward') {
        isMuted = true;
        isSilent = what === 'Silence';
        setTimeout(() => client.destroy(), 200);
      }
    });
    upstream.on('data', (chunk: Buffer) => {
      if (!isMuted) client.write(chunk);
    });
    upstream.on('close', () => (isMuted ? undefined : client.destroy()));
    client.on('close', () => (isSilent ? undefined : upstream.destroy()));
  });
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
  after(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A simple query of just COMMIT; other transactions of ours end in longer messages or come first. */
function isCommit(chunk: Buffer): boolean {
  return chunk.toString('latin1') === 'Q\0\0\0\x0bCOMMIT\0';
}

const TWO = { '001_a.up.sql': 'CREATE TABLE a(id int)', '002_b.up.sql': 'CREATE TABLE b(id int)' };
const perMigration = { transaction: 'PerMigration', lockTimeoutMilliseconds: 400, lockRetrySeconds: 2 } as const;

async function siteBehind(cut: (commit: number) => Cut, files: Readonly<Record<string, string>> = TWO) {
  const site = await Site.create(server, files);
  const planned = await site.planned();
  return { site, planned, environment: await behind(site, cut, isCommit) };
}

async function behind(site: Site, cut: (nth: number) => Cut, isMessage: (chunk: Buffer) => boolean) {
  const port = await cuttingProxy(cut, isMessage);
  return { databaseUrl: site.url.replace(`:${server.port}/`, `:${port}/`) };
}

// The first COMMIT is the epoch's, the second that of the first migration.
describe('A lost reply to COMMIT', () => {
  it('of the last transaction is found in the ledger: the run is a success', async () => {
    const { site, planned, environment } = await siteBehind(commit => (commit === 2 ? 'DropReply' : 'Forward'));
    const result = await site.migrate({ planned, environment });
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.deepEqual([result.ledger?.version, result.ledger?.appliedNow, result.wrote], ['002_b', 2, true]);
    assert.deepEqual(site.audited, ['001_a', '002_b']);
    assert.deepEqual(site.sessions, []);
  });

  it('of an earlier transaction ends the attempt, which runs nothing more; the next goes on', async () => {
    const { site, planned, environment } = await siteBehind(commit => (commit === 2 ? 'DropReply' : 'Forward'));
    const result = await site.migrate({ planned, environment, execution: perMigration });
    assert.deepEqual([result.exitCode, result.error?.code, result.wrote], [10, 'ConnectionLost', true]);
    assert.equal(result.ledger?.version, '001_a');
    assert.deepEqual(site.applied, ['001_a']);
    const next = await site.migrate({ planned, execution: perMigration });
    assert.equal(next.exitCode, 0, next.error?.message ?? 'no error');
    assert.deepEqual(site.audited, ['001_a', '002_b']);
  });

  it('of the last version is not the end where a repeatable migration is still to run', async () => {
    const files = { 'V1__a.sql': 'CREATE TABLE a(id int)', 'R__b.sql': 'CREATE OR REPLACE VIEW b AS SELECT id FROM a' };
    const { site, planned, environment } = await siteBehind(commit => (commit === 2 ? 'DropReply' : 'Forward'), files);
    const result = await site.migrate({ planned, environment, execution: perMigration });
    assert.deepEqual([result.exitCode, result.ledger?.version], [10, planned.target]);
    const next = await site.migrate({ planned, execution: perMigration });
    assert.deepEqual([next.exitCode, next.ledger?.ledgerDigest], [0, planned.goalDigest]);
  });

  it('that never arrived is found in the ledger too: nothing was done', async () => {
    const { site, planned, environment } = await siteBehind(commit => (commit === 2 ? 'DropRequest' : 'Forward'));
    const result = await site.migrate({ planned, environment });
    assert.deepEqual([result.exitCode, result.error?.code, result.wrote], [10, 'ConnectionLost', true]);
    assert.deepEqual([result.ledger?.version, site.applied], [null, []]);
    const settled = await site.settle();
    assert.deepEqual([settled.ledger?.unchanged, settled.ledger?.epochRunId], [true, 1]);
    assert.equal((await site.migrate({ planned })).exitCode, 0);
    assert.deepEqual(site.audited, ['001_a', '002_b']);
  });

  it('of the epoch is told honestly as perhaps written', async () => {
    const { site, planned, environment } = await siteBehind(commit => (commit === 1 ? 'DropReply' : 'Forward'));
    const result = await site.migrate({ planned, environment });
    assert.deepEqual([result.exitCode, result.wrote], [10, true]);
    assert.equal((await site.migrate({ planned })).exitCode, 0);
    assert.deepEqual(site.audited, ['001_a', '002_b']);
  });

  it('that still works on it is waited for, not ended: what it then commits is a success', async () => {
    const { site, planned, environment } = await siteBehind(
      commit => (commit === 2 ? 'Silence' : 'Forward'),
      slowAtCommit('pg_sleep(3)'),
    );
    const result = await site.migrate({ planned, environment: { ...environment, fenceWaitMs: 20_000 } });
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.deepEqual([result.ledger?.version, site.sql('SELECT count(*) FROM a')], ['002_b', '1']);
  });
});

/** What a migration sends and then waits for, in its order (transactions.ts, apply.ts). */
const MESSAGES = {
  'BEGIN and the epoch': chunk => chunk.includes('FOR SHARE') && chunk.includes('pg_try_advisory_xact_lock'),
  'everything of the file': chunk =>
    chunk.includes('CREATE TABLE a(id int)') && chunk.includes('INSERT INTO "migrate".audit'),
  COMMIT: isCommit,
} satisfies Record<string, (chunk: Buffer) => boolean>;

describe('A connection cut at each message of a migration', () => {
  it('leaves the migration with its rows, or nothing; the next attempt goes on', async () => {
    const site = await Site.create(server, TWO);
    const planned = await site.planned();
    const first =
      (what: Cut, from = 1) =>
      (nth: number) =>
        nth === from ? what : 'Forward';
    for (const [message, isMessage] of Object.entries(MESSAGES)) {
      for (const cut of ['DropRequest', 'DropReply'] as const) {
        const environment = await behind(site, first(cut, message === 'COMMIT' ? 2 : 1), isMessage);
        const { exitCode, error } = await site.migrate({ planned, environment, execution: perMigration });
        const what = `${message}, ${cut}`;
        assert.deepEqual([exitCode, error?.code], [10, 'ConnectionLost'], what);
        const isDone = message === 'COMMIT' && cut === 'DropReply';
        assert.deepEqual([site.applied, site.audited], isDone ? [['001_a'], ['001_a']] : [[], []], what);
        assert.deepEqual([site.hasTable('a'), site.hasTable('b')], [isDone, false], what);
      }
    }
    assert.equal((await site.migrate({ planned, execution: perMigration })).exitCode, 0);
    assert.deepEqual([site.audited, site.hasTable('b')], [['001_a', '002_b'], true]);
  });
});

describe('A connection lost in a failover', () => {
  const cases = {
    'in a transaction is for a new plan': [new ConnectionLost('gone'), 'PlanOutdated', 24],
    'outside any transaction is for a person': [new LostAlone('gone'), 'OutcomeUnknown', 30],
  } as const;
  for (const [what, [lost, code, exitCode]] of Object.entries(cases)) {
    it(what, async () => {
      const site = await Site.create(server, TWO);
      await site.migrate();
      const connect = () => site.session('owner', applicationName(OWNER, 9));
      const connection = await connect();
      const now = await readServer(connection);
      await connection.close();
      const attempt = {
        ...{ owner: OWNER, resource: 'shop/truledgr', number: 9, job: 'job', ledgerSchema: 'migrate' },
        run: { uid: 'a-uid', id: 1 },
      };
      const surroundings = { connect, log: () => undefined, signal: undefined, fenceWaitMs: 1_000 };
      const monitor = new Monitor(connect, connection.pid, undefined);
      const before = { ...now, timeline: '00000099' };
      const work = {
        ...surroundings,
        connection,
        server: before,
        attempt,
        monitor,
        execution: EXECUTION,
        note: () => undefined,
        trial: undefined,
      };
      const recovered = await recoverCommit(work, lost, { to: '002_b', direction: 'Up', source: { repeatables: [] } });
      assert.deepEqual(
        [recovered.error?.code, recovered.error?.exitCode, recovered.ledger],
        [code, exitCode, undefined],
      );
    });
  }
});
