import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applicationName } from '../../src/engine/attempt.ts';
import { baselineDatabase } from '../../src/engine/baseline.ts';
import { type Connection, QueryError } from '../../src/engine/connection.ts';
import { readServer } from '../../src/engine/server.ts';
import { readSource } from '../../src/engine/source/files.ts';
import { catalogued } from '../../src/engine/unforeseen.ts';
import { AT_GATE, closedGate, OWNER, Site, serverForTests } from './site.ts';

const server = await serverForTests();

const VIEWED = {
  '001_users.up.sql': `CREATE TABLE users(id int PRIMARY KEY, name text DEFAULT lower('X'), CHECK (id > 0));
    CREATE VIEW names AS SELECT name FROM users; CREATE INDEX users_lower ON users(lower(name))`,
  '001_users.down.sql': 'DROP VIEW names; DROP TABLE users',
};
const SECOND = ['002_groups.up.sql', 'CREATE TABLE groups(id int)'] as const;

/** Somebody's transaction that holds the strongest lock on a table of which definitions are printed. */
async function locked(site: Site): Promise<Connection> {
  const session = await site.session('owner', 'a forgotten console');
  await session.query('BEGIN');
  await session.query('LOCK TABLE users, names IN ACCESS EXCLUSIVE MODE');
  return session;
}

/** Ends the holder when this takes longer than any limit of these tests: a hang must be a failure. */
async function whileHeld<T>(holder: Connection, run: () => Promise<T>): Promise<T> {
  const late = setTimeout(() => void holder.close(), 60_000);
  try {
    return await run();
  } finally {
    clearTimeout(late);
    await holder.close();
  }
}

const named = (holder: Connection) => new RegExp(`held by pid ${holder.pid} \\(role owner, a forgotten console`);

describe('A table that somebody has locked ACCESS EXCLUSIVE', () => {
  it('holds `migrate` up no longer than it was told, and its holder is logged and named', async () => {
    const site = await Site.create(server, VIEWED);
    await site.migrate();
    site.write(...SECOND);
    site.runId = 2;
    const planned = await site.planned();
    const holder = await locked(site);
    const result = await whileHeld(holder, () => site.migrate({ planned }));
    assert.deepEqual([result.exitCode, result.error?.code, result.wrote], [11, 'LockTimeout', false]);
    assert.match(result.error?.message ?? '', /^Reading the schema: a lock was not to be had within 2 s/);
    assert.match(result.error?.message ?? '', named(holder));
    assert.match(site.log.join('\n'), named(holder));
    assert.equal((await site.migrate({ planned })).exitCode, 0);
  });

  it('does not hang `settle`', async () => {
    const site = await Site.create(server, VIEWED);
    await site.migrate();
    const holder = await locked(site);
    const result = await whileHeld(holder, () => site.settle({ environment: { fenceWaitMs: 1_500 } }));
    assert.deepEqual([result.exitCode, result.error?.code], [11, 'LockTimeout']);
    assert.match(result.error?.message ?? '', named(holder));
    assert.match(result.error?.message ?? '', /End that session\.$/, 'no setting lengthens it');
    const again = await site.settle();
    assert.deepEqual(again.ledger?.appliedByRun, ['001_users']);
  });

  it('does not hang the plan of a downgrade', async () => {
    const site = await Site.create(server, VIEWED);
    await site.migrate();
    const holder = await locked(site);
    const result = await whileHeld(holder, () => site.plan({ target: 'empty' }));
    assert.ok([0, 11].includes(result.exitCode), `exit code ${result.exitCode}`);
    if (result.exitCode === 11) assert.match(result.error?.message ?? '', named(holder));
  });

  it('does not hang a baseline', async () => {
    const site = await Site.create(server, VIEWED);
    site.sql(`SET ROLE owner; ${VIEWED['001_users.up.sql']}`);
    const holder = await locked(site);
    const attempt = {
      ...{ owner: OWNER, resource: 'shop/truledgr', number: 1, job: 'job', ledgerSchema: 'migrate' },
      run: { uid: 'a-uid', id: 1 },
    };
    const surroundings = {
      connect: () => site.session('owner', applicationName(OWNER, 1)),
      log: () => undefined,
      signal: undefined,
      fenceWaitMs: 1_000,
    };
    const source = await readSource(site.migrations);
    const request = { attempt, source, version: '001_users', imported: undefined, appRoles: [] };
    await whileHeld(holder, () =>
      assert.rejects(baselineDatabase(request, surroundings), error => named(holder).test(String(error))),
    );
  });

  it('before the snapshot is stored costs the snapshot, not the migration', async () => {
    const site = await Site.create(server, VIEWED);
    await site.migrate();
    site.write('002_slow.up.sql', `CREATE TABLE groups(id int); ${AT_GATE}`);
    const planned = await site.planned();
    const gate = await closedGate(site);
    const running = site.migrate({ planned, runId: 2 });
    await gate.reached();
    const holder = await locked(site);
    await gate.open();
    const result = await whileHeld(holder, () => running);
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.match(result.notes.join('\n'), /snapshot of the schema could not be stored.*a forgotten console/);
    assert.deepEqual(site.applied, ['001_users', '002_slow']);
  });

  it('that is the ledger itself ends a statement of our own after half a minute', async () => {
    const site = await Site.create(server);
    const connection = await site.session('owner');
    try {
      await readServer(connection);
      assert.deepEqual(await connection.query('SHOW lock_timeout'), [{ lock_timeout: '30s' }]);
    } finally {
      await connection.close();
    }
    const error = catalogued(new QueryError({ message: 'canceling statement', sqlstate: '55P03' }), undefined);
    assert.deepEqual([error?.code, error?.exitCode], ['LockTimeout', 11]);
  });
});
