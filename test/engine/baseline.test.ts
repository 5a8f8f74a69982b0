import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openConnection } from '../../src/database/postgres.ts';
import { parseConnectionUrl } from '../../src/database/url.ts';
import { type Attempt, applicationName } from '../../src/engine/attempt.ts';
import { type BaselineRequest, baselineDatabase } from '../../src/engine/baseline.ts';
import { verifyAudit } from '../../src/engine/ledger/verify-audit.ts';
import { readSource } from '../../src/engine/source/files.ts';
import { OWNER, Site, serverForTests } from './site.ts';

const server = await serverForTests();

const THREE = {
  '001_users.up.sql': 'CREATE TABLE users(id int PRIMARY KEY)',
  '001_users.down.sql': 'DROP TABLE users',
  '002_groups.up.sql': 'CREATE TABLE groups(id int PRIMARY KEY)',
  '003_roles.up.sql': 'CREATE TABLE roles(id int PRIMARY KEY)',
};

/** A database that somebody made by hand, at 002. */
async function oldDatabase(): Promise<Site> {
  const site = await Site.create(server, THREE);
  site.sql(`SET ROLE owner; ${THREE['001_users.up.sql']}; ${THREE['002_groups.up.sql']}`);
  return site;
}

async function baseline(site: Site, changes: Partial<BaselineRequest> = {}, attemptChanges: Partial<Attempt> = {}) {
  site.attempt += 1;
  const attempt: Attempt = {
    owner: OWNER,
    resource: 'shop/truledgr',
    number: site.attempt,
    run: { uid: 'a-uid', id: site.runId },
    job: 'by hand',
    ledgerSchema: 'migrate',
    ...attemptChanges,
  };
  const connect = () =>
    openConnection(parseConnectionUrl(site.url), { applicationName: applicationName(attempt.owner, attempt.number) });
  const source = await readSource(site.migrations);
  return baselineDatabase(
    { attempt, source, version: '002_groups', imported: undefined, appRoles: ['app'], ...changes },
    { connect, log: line => site.log.push(line), signal: undefined, fenceWaitMs: 3_000 },
  );
}

describe('A baseline', () => {
  it('writes every version up to it without running it, and the next migration goes on from there', async () => {
    const site = await oldDatabase();
    const outcome = await baseline(site);
    assert.deepEqual([outcome.ledger.version, outcome.versions], ['002_groups', ['001_users', '002_groups']]);
    assert.equal(site.sql("SELECT string_agg(origin, ' ') FROM migrate.ledger"), 'baseline baseline');
    site.runId = 2;
    const result = await site.migrate();
    assert.deepEqual([result.exitCode, result.ledger?.appliedNow, site.hasTable('roles')], [0, 1, true]);
    assert.equal(
      site.sql("SELECT string_agg(origin, ' ' ORDER BY number) FROM migrate.ledger"),
      'baseline baseline applied',
    );
    const owner = await site.session('owner');
    try {
      const { problems } = await verifyAudit(owner, 'migrate', outcome.auditHead ?? undefined);
      assert.deepEqual(problems, []);
    } finally {
      await owner.close();
    }
  });

  it('stores the snapshot that later drift is told from, and answers the application', async () => {
    const site = await oldDatabase();
    await baseline(site);
    assert.equal(site.sql('SELECT version FROM migrate.snapshot'), '002_groups');
    const app = await site.session('app');
    try {
      assert.deepEqual(await app.query('SELECT migrate.current_version() AS version'), [{ version: '002_groups' }]);
    } finally {
      await app.close();
    }
  });

  it('keeps what another tool knows of when and by whom', async () => {
    const site = await oldDatabase();
    const history = [
      { version: '001_users', appliedAt: '2020-02-03T04:05:06.000Z', appliedBy: 'ann' },
      { version: '002_groups', appliedAt: null, appliedBy: null },
    ];
    await baseline(site, { imported: { from: 'goose', history, repeatables: [] } });
    const rows = site.sql(
      'SELECT origin, imported_from, applied_by, extract(year FROM finished_at) = 2020 FROM migrate.ledger ORDER BY number',
    );
    assert.equal(rows, 'imported|goose|ann|t\nimported|goose|owner|f');
  });

  it('on top of what the ledger has notes the rest, for the schema and the version that were proven', async () => {
    const site = await oldDatabase();
    const { ledger } = await baseline(site, { version: '001_users' });
    const owner = await site.session('owner');
    const snapshotDigest = site.sql('SELECT digest FROM migrate.snapshot');
    const onTopOf = { version: '001_users', snapshotDigest };
    try {
      for (const [what, changes] of Object.entries({
        'another version': { onTopOf: { ...onTopOf, version: '002_groups' } },
        'another schema': { onTopOf: { ...onTopOf, snapshotDigest: ledger.digest } },
      })) {
        await assert.rejects(baseline(site, changes), { code: 'PlanOutdated' }, what);
      }
      const outcome = await baseline(site, { onTopOf });
      assert.deepEqual([outcome.ledger.version, outcome.versions], ['002_groups', ['002_groups']]);
      assert.equal((await verifyAudit(owner, 'migrate')).problems.length, 0);
      assert.equal(site.sql('SELECT version FROM migrate.snapshot'), '002_groups');
    } finally {
      await owner.close();
    }
  });

  it('takes over repeatable migrations that another tool ran with this text, and they are not run again', async () => {
    const site = await Site.create(server, {
      'V1__users.sql': 'CREATE TABLE users(id int)',
      'R__a.sql': 'CREATE OR REPLACE VIEW a AS SELECT id FROM users',
      'R__b.sql': 'CREATE OR REPLACE VIEW b AS SELECT id FROM users',
    });
    site.sql('SET ROLE owner; CREATE TABLE users(id int)');
    const [repeatable] = (await readSource(site.migrations)).repeatables;
    assert.ok(repeatable);
    const told = { repeatable, from: 'Flyway', appliedAt: '2020-02-03T04:05:06.000Z', appliedBy: null };
    await baseline(site, { version: 'V1__users', imported: { from: 'Flyway', history: [], repeatables: [told] } });
    const row =
      'SELECT name, origin, imported_from, applied_by, layout, extract(year FROM finished_at) FROM migrate.repeatable';
    assert.equal(site.sql(row), 'R__a|imported|Flyway|owner|Flyway|2020');
    assert.deepEqual((await site.planned()).pendingFirst, ['R__b']);
    const owner = await site.session('owner');
    assert.deepEqual((await verifyAudit(owner, 'migrate')).problems, []);
    await owner.close();
  });

  it('is refused where the ledger has rows, and changes nothing', async () => {
    const site = await Site.create(server, THREE);
    await site.migrate({ to: '001_users' });
    const before = site.sql('SELECT epoch::text FROM migrate.epoch; SELECT count(*) FROM migrate.audit');
    await assert.rejects(baseline(site), { code: 'LedgerNotEmpty', exitCode: 2 });
    assert.equal(site.sql('SELECT epoch::text FROM migrate.epoch; SELECT count(*) FROM migrate.audit'), before);
  });

  it('is refused to a stale attempt, and to another owner', async () => {
    const site = await oldDatabase();
    await site.settle({ attempt: 9 });
    await assert.rejects(baseline(site, {}, { number: 9 }), { code: 'StaleAttempt' });
    await assert.rejects(baseline(site, {}, { number: 10, owner: 'ffffffffffffffff' }), { code: 'OwnedByAnother' });
    assert.equal((await baseline(site, {}, { number: 10 })).ledger.version, '002_groups');
  });

  it('names a version that no file has', async () => {
    const site = await oldDatabase();
    await assert.rejects(baseline(site, { version: '002_group' }), /Did you mean 002_groups/);
    assert.equal(site.sql("SELECT to_regnamespace('migrate') IS NULL"), 't');
  });
});
