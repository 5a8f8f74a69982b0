import assert from 'node:assert/strict';
import { connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { LOCK_KEY } from '../../src/engine/fence/migration-lock.ts';
import { OWNER, Site, serverForTests, until } from './site.ts';

const server = await serverForTests();

const THREE = {
  '001_users.up.sql': 'CREATE TABLE users(id int PRIMARY KEY)',
  '002_groups.up.sql': 'CREATE TABLE groups(id int PRIMARY KEY)',
  '003_more.up.sql': 'ALTER TABLE users ADD COLUMN email text',
};

describe('Fifty attempts at once', () => {
  it('apply each version once, and those that lose say why', async () => {
    const site = await Site.create(server, THREE);
    const planned = await site.planned();
    const execution = { transaction: 'PerMigration', lockTimeoutMilliseconds: 400, lockRetrySeconds: 2 } as const;
    const racers = Array.from({ length: 50 }, () =>
      site.migrate({ planned, execution, environment: { fenceWaitMs: 20_000 } }),
    );
    const results = await Promise.all(racers);
    assert.deepEqual(site.applied, ['001_users', '002_groups', '003_more']);
    assert.deepEqual(site.audited, site.applied);
    assert.equal(results.at(-1)?.exitCode, 0, results.at(-1)?.error?.message ?? 'no error');
    const codes = new Set(results.map(result => result.exitCode));
    for (const code of codes) assert.ok([0, 10, 12, 24].includes(code), `exit code ${code}`);
    assert.deepEqual(site.sessions, []);
  });

  it('of different owners leave the database to one of them', async () => {
    const site = await Site.create(server, THREE);
    const planned = await site.planned();
    const owners = ['a', 'b', 'c', 'd'].map(letter => letter.repeat(16));
    const results = await Promise.all(
      owners.map(owner => site.migrate({ planned, owner, environment: { fenceWaitMs: 20_000 } })),
    );
    assert.deepEqual(results.map(result => result.exitCode).sort(), [0, 22, 22, 22]);
    assert.deepEqual(site.audited, ['001_users', '002_groups', '003_more']);
  });
});

describe('A stale attempt', () => {
  it('is refused by the epoch and writes nothing', async () => {
    const site = await Site.create(server, THREE);
    const planned = await site.planned();
    await site.migrate({ planned, to: '001_users', attempt: 9 });
    for (const attempt of [8, 9]) {
      const result = await site.migrate({ planned, attempt });
      assert.deepEqual([result.exitCode, result.error?.code, result.wrote], [24, 'StaleAttempt', false]);
    }
    assert.deepEqual(site.applied, ['001_users']);
  });

  it('that settles is refused too', async () => {
    const site = await Site.create(server, THREE);
    await site.migrate({ attempt: 9 });
    const result = await site.settle({ attempt: 3 });
    assert.deepEqual([result.exitCode, result.error?.code], [24, 'StaleAttempt']);
  });

  it('that wakes up cannot commit', async () => {
    const site = await Site.create(server, { '001_slow.up.sql': 'CREATE TABLE slow(id int); SELECT pg_sleep(20)' });
    const planned = await site.planned();
    const slow = site.migrate({ planned });
    await until('the slow attempt is at work', () => site.sql(SLEEPING) !== '0');
    site.write('001_slow.up.sql', 'CREATE TABLE slow(id int)');
    const settled = await site.settle();
    assert.equal(settled.ledger?.version, null);
    assert.equal(settled.ledger?.unchanged, true);
    const { exitCode, wrote } = await slow;
    assert.ok([10, 24].includes(exitCode), `exit code ${exitCode}`);
    assert.equal(wrote, true);
    assert.equal(site.hasTable('slow'), false);
  });
});

const SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep' AND state = 'active'";

describe('Earlier sessions of the same owner', () => {
  it('are ended and waited for, and those of others are left alone', async () => {
    const site = await Site.create(server, THREE);
    const earlier = await site.session('owner', `migrate/${OWNER}/1`);
    const other = await site.session('owner', `migrate/${'f'.repeat(16)}/1`);
    const application = await site.session('app');
    try {
      site.attempt = 5;
      assert.equal((await site.migrate()).exitCode, 0);
      await assert.rejects(earlier.query('SELECT 1'));
      await other.query('SELECT 1');
      await application.query('SELECT 1');
    } finally {
      await Promise.all([earlier.close(), other.close(), application.close()]);
    }
  });

  it('of another database are left alone: a person is one owner in all of his', async () => {
    const [busy, other] = [await Site.create(server), await Site.create(server, THREE)];
    const session = await busy.session('owner', `migrate/${OWNER}/1`);
    try {
      other.attempt = 5;
      assert.equal((await other.migrate()).exitCode, 0);
      await session.query('SELECT 1');
    } finally {
      await session.close();
    }
  });

  it('that we may not end are named with the grant that is needed', async () => {
    const site = await Site.create(server, THREE);
    const earlier = await site.session('app', `migrate/${OWNER}/1`);
    try {
      site.attempt = 5;
      const { error, exitCode, wrote } = await site.migrate();
      assert.deepEqual([exitCode, error?.code, wrote], [22, 'RightMissing', false]);
      assert.match(error?.message ?? '', /pid \d+, role "app".*GRANT "app" TO "owner"/);
    } finally {
      await earlier.close();
    }
  });
});

describe('The migration lock', () => {
  it('that another holds is waited for, and its holder named', async () => {
    const site = await Site.create(server, THREE);
    const holder = await site.session('postgres', 'somebody');
    try {
      await holder.query(`SELECT pg_advisory_lock(${LOCK_KEY})`);
      const { error, exitCode, wrote } = await site.migrate({ environment: { fenceWaitMs: 1_500 } });
      assert.deepEqual([exitCode, error?.code, wrote], [12, 'FenceHeld', false]);
      assert.match(error?.message ?? '', new RegExp(`pid ${holder.pid} \\(somebody, role postgres`));
      const waits = site.log.filter(line => line.startsWith('waiting for '));
      assert.match(
        waits.join(),
        new RegExp(
          `^waiting for the migration lock, up to 1.5 s; it is held by pid ${holder.pid} [^,]*, role [^,]*, [^,]*$`,
        ),
      );
      assert.equal((await site.settle({ environment: { fenceWaitMs: 200 } })).exitCode, 12);
    } finally {
      await holder.close();
    }
    assert.equal((await site.migrate()).exitCode, 0);
  });

  it('is one for the database, whatever the schema of the ledger', async () => {
    const site = await Site.create(server, { '001_slow.up.sql': 'SELECT pg_sleep(2)' });
    const planned = await site.planned();
    const slow = site.migrate({ planned });
    await until('the first is at work', () => site.sql(SLEEPING) !== '0');
    const owner = 'b'.repeat(16);
    const other = await site.migrate({ planned, owner, ledgerSchema: 'other', environment: { fenceWaitMs: 300 } });
    assert.equal(other.exitCode, 12);
    assert.equal((await slow).exitCode, 0);
  });
});

describe('Sessions of the application', () => {
  const sessionCheck = { appRoles: ['app'], drainSeconds: 1 };

  it('that remain are named before anything is written', async () => {
    const site = await Site.create(server, THREE);
    const application = await site.session('app', 'truledgr-api');
    try {
      const { error, exitCode, wrote } = await site.migrate({ sessionCheck });
      assert.deepEqual([exitCode, error?.code, wrote], [13, 'SessionsRemain', false]);
      assert.match(error?.message ?? '', new RegExp(`pid ${application.pid} \\(role app, truledgr-api`));
      assert.equal(site.sql("SELECT to_regnamespace('migrate') IS NULL"), 't');
      const backup = await site.backup({ sessionCheck });
      assert.equal(backup.exitCode, 13);
    } finally {
      await application.close();
    }
  });

  it('that leave in time hold nothing up, and our own do not count', async () => {
    const site = await Site.create(server, THREE);
    const application = await site.session('app');
    const ours = await site.session('app', `migrate/${OWNER}/999`);
    setTimeout(() => void application.close(), 300);
    const result = await site.migrate({ sessionCheck: { appRoles: ['app'], drainSeconds: 10 } });
    await ours.close();
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
  });

  it("are those of the URL's own role when no role is named", async () => {
    const site = await Site.create(server, THREE);
    const application = await site.session('owner', 'an app that is its own owner');
    const check = { appRoles: [], drainSeconds: 0 };
    try {
      assert.equal((await site.migrate({ sessionCheck: check })).exitCode, 13);
    } finally {
      await application.close();
    }
    await until('it has gone', () => site.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'owner'") === '0');
    assert.equal((await site.migrate({ sessionCheck: check })).exitCode, 0);
  });

  it('in another database do not count', async () => {
    const site = await Site.create(server, THREE);
    const elsewhere = await Site.create(server);
    const application = await elsewhere.session('app');
    try {
      assert.equal((await site.migrate({ sessionCheck })).exitCode, 0);
    } finally {
      await application.close();
    }
  });
});

describe('A pooler', () => {
  it('is recognised by a backend pid that is not the one SQL answers', async () => {
    const site = await Site.create(server, THREE);
    const pooler = await fakePooler(server.port);
    try {
      const url = site.url.replace(`:${server.port}/`, `:${pooler.port}/`);
      for (const run of [
        site.plan({ environment: { databaseUrl: url } }),
        site.settle({ environment: { databaseUrl: url } }),
      ]) {
        const { error, exitCode } = await run;
        assert.deepEqual([exitCode, error?.code], [22, 'PoolerDetected']);
        assert.match(error?.message ?? '', /name PostgreSQL itself/);
      }
    } finally {
      await pooler.stop();
    }
  });
});

/** Passes everything through but tells another backend pid at startup, as a pooler does. */
async function fakePooler(port: number): Promise<{ port: number; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const proxy: Server = createServer(client => {
    const upstream = connectSocket(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => client.write(withOtherPid(chunk)));
  });
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise(resolve => proxy.close(resolve));
    },
  };
}

/** BackendKeyData: 'K', length 12, pid, secret. */
function withOtherPid(chunk: Buffer): Buffer {
  const at = chunk.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]));
  if (at < 0) return chunk;
  const changed = Buffer.from(chunk);
  changed.writeInt32BE(changed.readInt32BE(at + 5) + 1, at + 5);
  return changed;
}
