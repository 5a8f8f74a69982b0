import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AT_GATE, closedGate, EXECUTION, Site, serverForTests, until } from './site.ts';

const server = await serverForTests();
const perMigration = { ...EXECUTION, transaction: 'PerMigration' } as const;

/** The number is raised behind the attempt's back, as by one that could not see its session. */
const RAISE = 'UPDATE migrate.epoch SET attempt = 99';

describe('The epoch', () => {
  it('is held to the end of a transaction, and read at the beginning of the next', async () => {
    // Who waits for a row does not hold back who only shares it: the first transactions after the gate may be quicker than
    // the one who raises, but not thirty of them.
    const later = Array.from({ length: 30 }, (_, index) => [`${100 + index}_later.up.sql`, 'SELECT pg_sleep(0.01)']);
    const site = await Site.create(server, {
      '001_a.up.sql': `CREATE TABLE a(id int); ${AT_GATE}`,
      ...Object.fromEntries(later),
      '200_b.up.sql': 'CREATE TABLE b(id int)',
    });
    const gate = await closedGate(site);
    const running = site.migrate({ execution: perMigration });
    await gate.reached();
    const other = await site.session('postgres', 'one who raises');
    let isRaised = false;
    const raising = other.query(RAISE).then(() => {
      isRaised = true;
    });
    const waiting = `SELECT count(*) FROM pg_stat_activity WHERE pid = ${other.pid} AND wait_event_type = 'Lock'`;
    await until('it waits', () => isRaised || site.sql(waiting) === '1');
    assert.equal(isRaised, false, 'the epoch was raised over an open transaction');
    await gate.open();
    await raising;
    await other.close();
    const { exitCode, error } = await running;
    assert.deepEqual([exitCode, error?.code], [24, 'StaleAttempt']);
    assert.deepEqual([site.applied[0], site.hasTable('b')], ['001_a', false]);
  });

  it('is read before a statement that stands alone is begun', async () => {
    // Raised by the file's own transaction, the one that the share held to its end does not keep out: whoever waits for
    // the row from outside may get it only after the next statement has begun.
    const site = await Site.create(server, {
      '001_a.up.sql': 'CREATE TABLE a(id int)',
      '002_b.up.sql': `${RAISE}; CREATE INDEX CONCURRENTLY a_id ON a(id)`,
    });
    const { exitCode, error } = await site.migrate({ execution: perMigration });
    assert.deepEqual([exitCode, error?.code], [24, 'StaleAttempt']);
    assert.equal(site.sql("SELECT to_regclass('a_id') IS NULL"), 't');
    assert.equal(site.sql("SELECT count(*) FROM migrate.progress WHERE state = 'started'"), '0');
  });

  it('goes back with a restored older ledger: a number from before is not believed twice', async () => {
    const site = await Site.create(server, { '001_a.up.sql': 'CREATE TABLE a(id int)' });
    site.attempt = 40;
    await site.migrate();
    // As a restore would: rows of the ledger and the epoch of an earlier day.
    site.sql('UPDATE migrate.epoch SET attempt = 3; DROP TABLE a; DELETE FROM migrate.ledger');
    const late = await site.migrate({ runId: 2 });
    assert.equal(late.exitCode, 0, late.error?.message ?? 'no error');
    assert.ok(Number(site.sql('SELECT attempt FROM migrate.epoch')) > 40, 'the epoch is above both again');
    const settled = await site.settle({ attempt: 20 });
    assert.equal(settled.exitCode, 24);
  });
});
