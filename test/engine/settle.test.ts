import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EXECUTION, Site, serverForTests } from './site.ts';

const server = await serverForTests();
const perMigration = { ...EXECUTION, transaction: 'PerMigration' } as const;

const TWO = {
  '001_users.up.sql': 'CREATE TABLE users(id int PRIMARY KEY)',
  '002_groups.up.sql': 'CREATE TABLE groups(id int PRIMARY KEY)',
};

describe('Settle', () => {
  it('after a run that never began says that nothing has changed', async () => {
    const site = await Site.create(server, TWO);
    const { ledger, exitCode } = await site.settle();
    assert.equal(exitCode, 0);
    assert.deepEqual(
      [ledger?.version, ledger?.epochRunId, ledger?.unchanged, ledger?.schemaSinceEpoch, ledger?.progressRows],
      [null, null, true, 'Unknown', 0],
    );
  });

  it('fences a run that never began: a late attempt of it is stale', async () => {
    const site = await Site.create(server, TWO);
    const planned = await site.planned();
    await site.settle({ attempt: 7 });
    const late = await site.migrate({ planned, attempt: 6 });
    assert.deepEqual([late.exitCode, late.wrote], [24, false]);
    const next = await site.migrate({ planned, attempt: 8 });
    assert.equal(next.exitCode, 0, next.error?.message ?? 'no error');
  });

  it('after a success names what the run applied', async () => {
    const site = await Site.create(server, TWO);
    await site.migrate();
    const { ledger } = await site.settle();
    assert.deepEqual(ledger?.appliedByRun, ['001_users', '002_groups']);
    assert.deepEqual(
      [ledger?.version, ledger?.epochRunId, ledger?.unchanged, ledger?.schemaSinceEpoch],
      ['002_groups', 1, false, 'Changed'],
    );
  });

  it('after a success of an earlier run sees that the next one has not begun', async () => {
    const site = await Site.create(server, TWO);
    await site.migrate();
    const { ledger } = await site.settle({ runId: 2 });
    assert.deepEqual([ledger?.epochRunId, ledger?.unchanged, ledger?.appliedByRun], [null, true, []]);
  });

  it('tells a run from one of the same number of an earlier resource of that name', async () => {
    const site = await Site.create(server, TWO);
    await site.migrate();
    const { ledger } = await site.settle({ resourceUid: 'another-uid' });
    assert.deepEqual([ledger?.epochRunId, ledger?.unchanged, ledger?.appliedByRun], [null, true, []]);
  });

  it('after a failure that was rolled back whole says that nothing has changed', async () => {
    const site = await Site.create(server, { ...TWO, '003_bad.up.sql': 'CREATE TABLE x(id int); SELECT 1 / 0' });
    await site.migrate();
    const { ledger } = await site.settle();
    assert.deepEqual(
      [ledger?.version, ledger?.epochRunId, ledger?.unchanged, ledger?.schemaSinceEpoch],
      [null, 1, true, 'Same'],
    );
  });

  it('after a failure between two migrations says how far it came', async () => {
    const site = await Site.create(server, { ...TWO, '003_bad.up.sql': 'SELECT 1 / 0' });
    await site.migrate({ execution: perMigration });
    const { ledger } = await site.settle();
    assert.deepEqual([ledger?.version, ledger?.unchanged], ['002_groups', false]);
    assert.deepEqual(ledger?.appliedByRun, ['001_users', '002_groups']);
  });

  it('after a file that is half done counts its rows', async () => {
    const site = await Site.create(server, { ...TWO, '003_half.up.sql': 'VACUUM users; SELECT 1 / 0' });
    await site.migrate();
    const { ledger } = await site.settle();
    assert.deepEqual([ledger?.version, ledger?.progressRows, ledger?.unchanged], ['002_groups', 1, false]);
  });

  it('sees a schema that was changed by hand although the ledger is as before', async () => {
    const site = await Site.create(server, { ...TWO, '003_bad.up.sql': 'SELECT 1 / 0' });
    await site.migrate();
    site.sql('CREATE TABLE by_hand(id int)');
    const { ledger } = await site.settle();
    assert.deepEqual([ledger?.version, ledger?.schemaSinceEpoch, ledger?.unchanged], [null, 'Changed', false]);
  });

  it('does not take rows for a change of the schema', async () => {
    const site = await Site.create(server, TWO);
    await site.migrate();
    site.write('003_bad.up.sql', 'SELECT 1 / 0');
    await site.migrate({ runId: 2 });
    site.sql('INSERT INTO users SELECT generate_series(1, 1000); ANALYZE users');
    site.sql('VACUUM users');
    const { ledger } = await site.settle({ runId: 2 });
    assert.deepEqual([ledger?.schemaSinceEpoch, ledger?.unchanged], ['Same', true]);
  });

  it('answers the same when it is asked again', async () => {
    const site = await Site.create(server, TWO);
    await site.migrate();
    const one = await site.settle();
    const two = await site.settle();
    const changing = { epochAttempt: 0, auditHead: null };
    assert.deepEqual({ ...one.ledger, ...changing }, { ...two.ledger, ...changing });
    assert.equal(two.ledger?.auditHead?.id, (one.ledger?.auditHead?.id ?? 0) + 1);
  });

  it('where no ledger can be made says that nothing was ever begun', async () => {
    const site = await Site.create(server, TWO);
    const { ledger, exitCode, notes } = await site.settle({
      environment: { databaseUrl: server.url('app', site.name) },
    });
    assert.equal(exitCode, 0);
    assert.deepEqual([ledger?.version, ledger?.unchanged], [null, true]);
    assert.match(notes.join(), /no ledger was made/);
  });
});
