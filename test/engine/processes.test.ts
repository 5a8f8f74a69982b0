import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startMigrate } from './runner-process.ts';
import { AT_GATE, closedGate, Site, serverForTests } from './site.ts';
import { slowAtCommit } from './slow-commit.ts';

const server = await serverForTests();

/** Its COMMIT takes as long as the gate is closed. */
const SLOW_COMMIT = slowAtCommit('pg_advisory_xact_lock(42)');

const patient = { environment: { fenceWaitMs: 20_000 } };

describe('A runner that is killed', () => {
  it('in the middle of a statement leaves nothing, and is settled as unchanged', async () => {
    const site = await Site.create(server, { '001_slow.up.sql': `CREATE TABLE slow(id int); ${AT_GATE}` });
    const gate = await closedGate(site);
    try {
      const runner = startMigrate(site, await site.planned());
      await gate.reached();
      runner.child.kill('SIGKILL');
      assert.deepEqual(await runner.ended, { code: null, result: undefined });
      const settled = await site.settle(patient);
      assert.equal(settled.exitCode, 0, settled.error?.message ?? 'no error');
      assert.deepEqual([settled.ledger?.version, settled.ledger?.unchanged], [null, true]);
      assert.deepEqual([site.sessions, site.hasTable('slow')], [[], false]);
    } finally {
      await gate.open();
    }
    assert.equal((await site.migrate(patient)).exitCode, 0);
    assert.deepEqual(site.audited, ['001_slow']);
  });

  it('while its COMMIT is at work is settled only when that can change nothing any more', async () => {
    const site = await Site.create(server, SLOW_COMMIT);
    const gate = await closedGate(site);
    const runner = startMigrate(site, await site.planned());
    await gate.reached();
    assert.equal(site.sql("SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock'"), 'COMMIT');
    runner.child.kill('SIGKILL');
    await runner.ended;
    const settled = await site.settle(patient);
    await gate.open();
    assert.equal(settled.exitCode, 0, settled.error?.message ?? 'no error');
    assert.deepEqual([site.sessions, settled.ledger?.version, settled.ledger?.unchanged], [[], null, true]);
    assert.deepEqual([site.applied, site.hasTable('a')], [[], false]);
  });
});

describe('A runner that is frozen', () => {
  it('overtaken and woken commits nothing, and says so', async () => {
    const files = {
      '001_a.up.sql': `CREATE TABLE a(id int); ${AT_GATE}`,
      '002_b.up.sql': 'CREATE TABLE b(id int)',
    };
    const site = await Site.create(server, files);
    const planned = await site.planned();
    const gate = await closedGate(site);
    const frozen = startMigrate(site, planned, { transaction: 'PerMigration' });
    try {
      await gate.reached();
      frozen.child.kill('SIGSTOP');
      await gate.open();
      const overtaking = await site.migrate({ planned, ...patient });
      assert.equal(overtaking.exitCode, 0, overtaking.error?.message ?? 'no error');
      assert.deepEqual(site.audited, ['001_a', '002_b']);
    } finally {
      await gate.open();
      frozen.child.kill('SIGCONT');
    }
    const { code, result } = await frozen.ended;
    assert.deepEqual([code, result?.error?.code], [24, 'StaleAttempt']);
    assert.deepEqual(site.audited, ['001_a', '002_b']);
    assert.equal(site.sql('SELECT DISTINCT attempt FROM migrate.ledger'), String(site.attempt));
    assert.deepEqual(site.sessions, []);
  });
});

describe('A Pod that comes late, with a lower attempt', () => {
  it('ends with 24 and writes nothing', async () => {
    const site = await Site.create(server, { '001_a.up.sql': 'CREATE TABLE a(id int)' });
    const planned = await site.planned();
    await site.settle({ attempt: 9 });
    const { code, result } = await startMigrate(site, planned, { attempt: 8 }).ended;
    assert.deepEqual([code, result?.error?.code, result?.wrote], [24, 'StaleAttempt', false]);
    assert.deepEqual(site.applied, []);
  });
});
