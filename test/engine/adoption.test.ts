import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verifyAudit } from '../../src/engine/ledger/verify-audit.ts';
import { Site, serverForTests } from './site.ts';

const server = await serverForTests();

const FILES = {
  '001_users.up.sql': 'CREATE TABLE users(id int PRIMARY KEY)',
  '001_users.down.sql': 'DROP TABLE users',
  '002_groups.up.sql': 'CREATE TABLE groups(id int PRIMARY KEY)',
  '003_roles.up.sql': 'CREATE TABLE roles(id int PRIMARY KEY)',
};
const BASELINE = { baseline: { version: '002_groups' } };

/** A database that somebody made by hand, at 002. */
async function oldDatabase(more: Readonly<Record<string, string>> = {}): Promise<Site> {
  const site = await Site.create(server, { ...FILES, ...more });
  site.sql(`SET ROLE owner; ${FILES['001_users.up.sql']}; ${FILES['002_groups.up.sql']}`);
  return site;
}

/** What the operator does with a plan that says that the database is to be adopted. */
async function planned(site: Site) {
  const { plan, error } = await site.plan(BASELINE);
  assert.ok(plan, error?.message ?? 'no plan');
  return { planned: plan, ...(plan.baseline === undefined ? {} : BASELINE) };
}

describe('A run with a baseline', () => {
  it('is planned as if the versions up to it were applied, and writes nothing', async () => {
    const site = await oldDatabase();
    const { planned: plan } = await planned(site);
    assert.deepEqual(
      [plan.version, plan.target, plan.pendingFirst, plan.baseline],
      [
        '002_groups',
        '003_roles',
        ['003_roles'],
        { version: '002_groups', count: 2, tables: { count: 2, first: ['public.groups', 'public.users'] } },
      ],
    );
    assert.equal(site.sql("SELECT to_regclass('migrate.ledger')"), '');
  });

  it('does not adopt where a database was migrated before: it is another one, and nothing is written', async () => {
    const site = await oldDatabase();
    const known = { ...BASELINE, knownVersion: '002_groups' };
    for (const asked of [known, { knownVersion: '002_groups' }]) {
      const { exitCode, error } = await site.plan(asked);
      assert.deepEqual([exitCode, error?.code], [2, 'RecordMissing']);
      assert.match(
        error?.message ?? '',
        /002_groups before, but .* 2 tables \(public.groups, public.users\) and no record/,
      );
    }
    assert.equal(site.sql("SELECT to_regclass('migrate.ledger')"), '');
    site.sql('DROP TABLE users, groups');
    assert.equal((await site.plan(known)).plan?.pendingCount, 3);
    site.sql(`SET ROLE owner; ${FILES['001_users.up.sql']}; ${FILES['002_groups.up.sql']}`);
    assert.equal((await site.migrate(await planned(site))).exitCode, 0);
    assert.equal((await site.plan(known)).plan?.direction, 'None');
  });

  it('adopts the database and applies what is above the baseline', async () => {
    const site = await oldDatabase();
    const result = await site.migrate(await planned(site));
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.deepEqual([result.ledger?.version, result.ledger?.appliedNow], ['003_roles', 1]);
    const rows = site.sql("SELECT string_agg(version || ' ' || origin, ', ' ORDER BY number) FROM migrate.ledger");
    assert.equal(rows, '001_users baseline, 002_groups baseline, 003_roles applied');
    const { ledger } = await site.settle();
    assert.deepEqual([ledger?.appliedByRun, ledger?.unchanged], [['003_roles'], false]);
    const owner = await site.session('owner');
    try {
      assert.deepEqual((await verifyAudit(owner, 'migrate', ledger?.auditHead ?? undefined)).problems, []);
    } finally {
      await owner.close();
    }
  });

  it('at the target records it and runs nothing', async () => {
    const site = await oldDatabase();
    site.remove('003_roles.up.sql');
    const wanted = await planned(site);
    assert.deepEqual([wanted.planned.direction, wanted.planned.pendingCount], ['None', 0]);
    const result = await site.migrate(wanted);
    assert.deepEqual([result.exitCode, result.ledger?.version, result.ledger?.appliedNow], [0, '002_groups', 0]);
    assert.equal(site.sql('SELECT version FROM migrate.snapshot'), '002_groups');
  });

  it('that fails after the adoption is unchanged at the baseline, and its next attempt goes on from there', async () => {
    const site = await oldDatabase({ '003_roles.up.sql': 'SELECT 1 / (SELECT count(*) FROM users)' });
    const wanted = await planned(site);
    const failed = await site.migrate(wanted);
    assert.equal(failed.exitCode, 20);
    const { ledger } = await site.settle();
    assert.deepEqual([ledger?.version, ledger?.unchanged, ledger?.appliedByRun], ['002_groups', true, []]);
    site.sql('INSERT INTO users VALUES (1)');
    const again = await site.migrate(wanted);
    assert.deepEqual([again.exitCode, again.ledger?.version], [0, '003_roles']);
  });

  it('that never began leaves no record', async () => {
    const site = await oldDatabase();
    await planned(site);
    const { ledger } = await site.settle();
    assert.deepEqual([ledger?.version, ledger?.appliedCount, ledger?.unchanged], [null, 0, true]);
  });

  it('applies everything to an empty database, whatever the baseline', async () => {
    const site = await Site.create(server, FILES);
    const { planned: plan } = await planned(site);
    assert.deepEqual([plan.version, plan.pendingCount, plan.baseline], [null, 3, undefined]);
  });

  it('does nothing more once a version is recorded', async () => {
    const site = await oldDatabase();
    await site.migrate(await planned(site));
    const { plan } = await site.plan({ baseline: { version: '001_users' } });
    assert.deepEqual([plan?.version, plan?.direction, plan?.baseline], ['003_roles', 'None', undefined]);
  });

  it('above its target adopts the database and goes down in the same attempt', async () => {
    const site = await oldDatabase({ '002_groups.down.sql': 'DROP TABLE groups' });
    const { plan } = await site.plan({ ...BASELINE, target: '001_users' });
    assert.deepEqual([plan?.direction, plan?.downgrade?.revertCount, plan?.downgrade?.lossCount], ['Down', 1, 0]);
    assert.ok(plan);
    const result = await site.migrate({ planned: plan, ...BASELINE, direction: 'Down' });
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.deepEqual(
      [result.ledger?.version, result.ledger?.revertedNow, site.hasTable('groups')],
      ['001_users', 1, false],
    );
  });

  it('and a mistyped schema of the ledger adopts nothing a second time', async () => {
    const site = await oldDatabase();
    assert.equal((await site.migrate(await planned(site))).exitCode, 0);
    for (const asked of [{}, BASELINE]) {
      const { exitCode, error } = await site.plan({ ...asked, ledgerSchema: 'migrat' });
      assert.deepEqual([exitCode, error?.code], [2, 'LedgerElsewhere']);
      assert.match(error?.message ?? '', /one in schema "migrate".*spec\.database\.ledgerSchema/);
    }
  });

  it('whose tables were dropped since the plan is outdated', async () => {
    const site = await oldDatabase();
    const wanted = await planned(site);
    site.sql('DROP TABLE users; DROP TABLE groups');
    const result = await site.migrate(wanted);
    assert.deepEqual([result.exitCode, result.error?.code, result.wrote], [24, 'PlanOutdated', false]);
  });

  it('that is not among the files is refused with the near names', async () => {
    const site = await oldDatabase();
    const { exitCode, error } = await site.plan({ baseline: { version: '002_group' } });
    assert.deepEqual([exitCode, error?.code], [2, 'UnknownBaseline']);
    assert.match(error?.message ?? '', /Did you mean 002_groups/);
  });
});
