import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { startPostgres } from '../postgres.ts';
import { lackOfPgBouncer, startPgBouncer } from './pgbouncer.ts';
import { AT_GATE, closedGate, Site, serverForTests } from './site.ts';

const server = await serverForTests(['wal_level=replica', 'max_wal_senders=4']);
const lack = await lackOfPgBouncer();

const GATED = { '001_a.up.sql': `CREATE TABLE a(id int); ${AT_GATE}`, '002_b.up.sql': 'CREATE TABLE b(id int)' };
const patient = { environment: { fenceWaitMs: 20_000 } };

describe('PgBouncer', { skip: lack ?? false }, () => {
  for (const mode of ['session', 'transaction'] as const) {
    it(`in ${mode} mode is recognised and refused`, async () => {
      const site = await Site.create(server, { '001_a.up.sql': 'CREATE TABLE a(id int)' });
      const planned = await site.planned();
      const pooler = await startPgBouncer(server, mode);
      try {
        const environment = { databaseUrl: site.url.replace(`:${server.port}/`, `:${pooler.port}/`) };
        for (const { exitCode, error } of [
          await site.plan({ environment }),
          await site.migrate({ planned, environment }),
          await site.settle({ environment }),
        ]) {
          assert.deepEqual([exitCode, error?.code], [22, 'PoolerDetected'], error?.message ?? 'no error');
        }
      } finally {
        await pooler.stop();
      }
      assert.equal(site.sql("SELECT to_regnamespace('migrate') IS NULL"), 't');
    });
  }
});

describe('A server', () => {
  it('that fails over to its replica has the run settled and finished there', {
    skip: !existsSync(join(server.binaries, 'pg_basebackup')) && 'this build has no pg_basebackup',
  }, async () => {
    const site = await Site.create(server, { '000_first.up.sql': 'CREATE TABLE first(id int)' });
    await site.migrate();
    const replica = await startPostgres({ replicaOf: server });
    after(() => replica.stop());
    const url = replica.url('owner', site.name);
    const standby = await site.plan({ environment: { databaseUrl: url } });
    assert.deepEqual([standby.exitCode, standby.error?.code], [10, 'ServerReadOnly']);
    for (const [file, text] of Object.entries(GATED)) site.write(file, text);
    site.runId = 2;
    const planned = await site.planned();
    const gate = await closedGate(site);
    const running = site.migrate({ planned, environment: { databaseUrl: bothOf(site.url, replica.port) } });
    await gate.reached();
    await server.kill();
    replica.psql('SELECT pg_promote()');
    const lost = await running;
    await gate.open();
    assert.ok([10, 24].includes(lost.exitCode), `exit code ${lost.exitCode}: ${lost.error?.message}`);
    const there = { environment: { databaseUrl: url, fenceWaitMs: 20_000 } };
    const settled = await site.settle(there);
    assert.equal(settled.exitCode, 0, settled.error?.message ?? 'no error');
    assert.deepEqual([settled.ledger?.version, settled.ledger?.unchanged], ['000_first', true]);
    const finished = await site.migrate({ planned, ...there });
    assert.equal(finished.exitCode, 0, finished.error?.message ?? 'no error');
    assert.equal(finished.ledger?.version, '002_b');
    assert.equal(replica.psql("SELECT count(*) FROM migrate.audit WHERE event = 'applied'", site.name), '3');
    await server.restart();
  });

  it('that dies in the middle of a migration is gone on with when it is back', async () => {
    const site = await Site.create(server, GATED);
    const planned = await site.planned();
    const gate = await closedGate(site);
    const running = site.migrate({ planned });
    await gate.reached();
    await server.kill();
    const lost = await running;
    await gate.open();
    assert.deepEqual([lost.exitCode, lost.wrote], [10, true], lost.error?.message ?? 'no error');
    await server.restart();
    const settled = await site.settle(patient);
    assert.deepEqual([settled.exitCode, settled.ledger?.unchanged], [0, true], settled.error?.message ?? 'no error');
    assert.equal((await site.migrate({ planned, ...patient })).exitCode, 0);
    assert.deepEqual(site.audited, ['001_a', '002_b']);
  });
});

// The last one: what is left of its tablespace when the disk is taken away would hinder a recovery.
describe('A disk that is full', {
  skip: process.getuid?.() !== 0 && 'a file system can be mounted by root only',
}, () => {
  it('fails the migration, and nothing of it is left', async () => {
    const disk = join(server.directory, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
    after(() => execFileSync('umount', ['-l', disk]));
    execFileSync('chown', ['postgres:postgres', disk]);
    server.psql(`CREATE TABLESPACE tiny LOCATION '${disk}'`);
    server.psql('GRANT CREATE ON TABLESPACE tiny TO owner');
    const site = await Site.create(server, {
      '001_a.up.sql': 'CREATE TABLE a(id int)',
      '002_big.up.sql': 'CREATE TABLE big TABLESPACE tiny AS SELECT i FROM generate_series(1, 500000) i',
    });
    const { exitCode, error, wrote } = await site.migrate();
    assert.deepEqual([exitCode, error?.sqlstate, error?.migration, wrote], [20, '53100', '002_big', true]);
    assert.deepEqual([site.hasTable('a'), site.hasTable('big'), site.applied], [false, false, []]);
    assert.equal((await site.settle()).ledger?.unchanged, true);
  });
});

/** The URL with a second host, of which the one is taken that accepts writes. */
function bothOf(url: string, port: number): string {
  const parsed = /^(.*@)([^/]+)(\/.*)$/.exec(url);
  return `${parsed?.[1]}${parsed?.[2]},127.0.0.1:${port}${parsed?.[3]}?target_session_attrs=read-write`;
}
