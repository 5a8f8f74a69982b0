import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { readStoredSnapshot } from '../../src/engine/ledger/stored-snapshot.ts';
import { verifyAudit } from '../../src/engine/ledger/verify-audit.ts';
import { REVISION } from '../../src/schema/revisions.ts';
import { OWNER, Site, serverForTests } from './site.ts';

const server = await serverForTests();

const OLD = [1, 2] as const;
const FILES = {
  '001_users.up.sql': 'CREATE TABLE users(id integer PRIMARY KEY)',
  '002_groups.up.sql': 'CREATE TABLE groups(id integer PRIMARY KEY)',
  '002_groups.down.sql': 'DROP TABLE groups',
  '003_half.up.sql': 'VACUUM users; CREATE TABLE half(id int)',
};

async function oldSite(format: (typeof OLD)[number]): Promise<Site> {
  const site = await Site.create(server, FILES);
  const ledger = readFileSync(new URL(`fixtures/ledger-format-${format}.sql`, import.meta.url), 'utf8');
  site.sql(`SET ROLE owner; ${ledger}`);
  site.attempt = 2;
  site.runId = 2;
  return site;
}

/** Everything by which two ledgers could differ but rows: columns in their order, constraints, indexes, functions. */
function shapeOf(site: Site): string {
  return site.sql(`
    SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
      WHERE table_schema = 'migrate' ORDER BY 1, 2;
    SELECT conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'migrate'::regnamespace ORDER BY 1, 2;
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'migrate' ORDER BY 1;
    SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'migrate'::regnamespace ORDER BY 1;
    SELECT obj_description('migrate.epoch'::regclass)`);
}

for (const format of OLD)
  describe(`A ledger of format ${format}`, () => {
    it('is planned on without a change to it', async () => {
      const site = await oldSite(format);
      const before = shapeOf(site);
      const { plan } = await site.plan();
      assert.deepEqual([plan?.version, plan?.pendingFirst, plan?.epochAttempt], ['002_groups', ['003_half'], 2]);
      assert.equal(shapeOf(site), before);
    });

    it('becomes what a new ledger is, with every row as it was, and is gone on with', async () => {
      const [site, fresh] = [await oldSite(format), await Site.create(server, FILES)];
      const before = site.sql(
        'SELECT version, number, down_script, finished_at, lsn FROM migrate.ledger ORDER BY number',
      );
      const result = await site.migrate();
      assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
      await fresh.migrate();
      assert.equal(shapeOf(site), shapeOf(fresh));
      assert.deepEqual(site.applied, ['001_users', '002_groups', '003_half']);
      const now = site.sql(
        'SELECT version, number, down_script, finished_at, lsn FROM migrate.ledger WHERE number < 3 ORDER BY number',
      );
      assert.equal(now, before);
      assert.equal(site.sql('SELECT format FROM migrate.epoch'), '3');
      assert.equal(
        site.sql("SELECT detail FROM migrate.audit WHERE event = 'upgraded'"),
        `{"to": 3, "from": ${format}}`,
      );
      const owner = await site.session('owner');
      try {
        assert.deepEqual((await verifyAudit(owner, 'migrate')).problems, []);
        assert.equal((await readStoredSnapshot(owner, 'migrate'))?.version, '003_half');
      } finally {
        await owner.close();
      }
    });

    it('is upgraded by settle too', async () => {
      const site = await oldSite(format);
      const { exitCode, ledger } = await site.settle();
      assert.deepEqual([exitCode, ledger?.version, ledger?.progressRows], [0, '002_groups', 1]);
      assert.equal(site.sql('SELECT format FROM migrate.epoch'), '3');
    });

    it('is not touched by a stale attempt, nor by another owner', async () => {
      const site = await oldSite(format);
      const before = shapeOf(site);
      const planned = await site.planned();
      assert.equal((await site.migrate({ planned, attempt: 2 })).exitCode, 24);
      assert.equal((await site.migrate({ planned, owner: 'ffffffffffffffff' })).exitCode, 22);
      assert.equal(shapeOf(site), before);
    });

    it('is left whole when its upgrade fails in the middle', async () => {
      const site = await oldSite(format);
      site.sql('CREATE TABLE migrate.repeatable(id int)');
      const before = shapeOf(site);
      const planned = await site.planned();
      assert.notEqual((await site.migrate({ planned })).exitCode, 0);
      assert.equal(shapeOf(site), before);
      site.sql('DROP TABLE migrate.repeatable');
      assert.equal((await site.migrate({ planned })).exitCode, 0);
    });
  });

describe('A ledger of a newer format', () => {
  it('is not touched: plan, migrate and settle end with exit code 2', async () => {
    const site = await Site.create(server, FILES);
    await site.migrate({ to: '001_users' });
    const planned = await site.planned();
    site.sql('UPDATE migrate.epoch SET format = 4');
    const rows = () => site.sql('SELECT epoch::text FROM migrate.epoch; SELECT count(*) FROM migrate.audit');
    const before = rows();
    const answers = [await site.plan(), await site.migrate({ planned, runId: 2 }), await site.settle()];
    assert.deepEqual(
      answers.map(answer => [answer.exitCode, answer.error?.code]),
      answers.map(() => [2, 'LedgerFormatUnknown']),
    );
    assert.equal(rows(), before);
  });
});

describe('The stored snapshot', () => {
  it('is that of the last attempt, and says of which state of the ledger', async () => {
    const site = await Site.create(server, FILES);
    const first = await site.migrate({ to: '001_users' });
    const owner = await site.session('owner');
    try {
      const stored = await readStoredSnapshot(owner, 'migrate');
      assert.deepEqual([stored?.version, stored?.ledgerDigest], ['001_users', first.ledger?.ledgerDigest]);
      assert.equal(
        stored?.entries.some(entry => entry.name === 'public.users'),
        true,
      );
      site.runId = 2;
      await site.migrate();
      assert.equal((await readStoredSnapshot(owner, 'migrate'))?.version, '003_half');
      assert.equal((await readStoredSnapshot(owner, 'migrate'))?.revision, REVISION);
      site.sql("UPDATE migrate.snapshot SET encoding = 'gzip+json'");
      assert.equal((await readStoredSnapshot(owner, 'migrate'))?.revision, 1);
      site.sql("UPDATE migrate.snapshot SET encoding = 'gzip+json/99'");
      await assert.rejects(readStoredSnapshot(owner, 'migrate'), /format gzip\+json\/99 \(snapshot\)/);
      site.sql("UPDATE migrate.snapshot SET encoding = 'gzip+json', content = '\\x00'");
      await assert.rejects(readStoredSnapshot(owner, 'migrate'), /not what was stored/);
    } finally {
      await owner.close();
    }
  });

  it('is stored by the next attempt where a crash came before it', async () => {
    const site = await Site.create(server, FILES);
    await site.migrate();
    site.sql('DELETE FROM migrate.snapshot');
    const planned = await site.planned();
    assert.equal((await site.migrate({ planned, runId: 2, owner: OWNER })).exitCode, 0);
    assert.equal(site.sql('SELECT version FROM migrate.snapshot'), '003_half');
  });

  it('is that of what was reached where a later migration fails', async () => {
    const site = await Site.create(server, { ...FILES, '004_bad.up.sql': 'SELECT 1 / 0' });
    assert.equal((await site.migrate()).exitCode, 20);
    assert.equal(site.sql('SELECT version FROM migrate.snapshot'), '003_half');
  });
});
