import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readStoredSnapshot } from '../../src/engine/ledger/stored-snapshot.ts';
import { verifyAudit } from '../../src/engine/ledger/verify-audit.ts';
import { AT_GATE, closedGate, EXECUTION, OWNER, Site, serverForTests } from './site.ts';

const server = await serverForTests();
const perMigration = { ...EXECUTION, transaction: 'PerMigration' } as const;

const NAMES = 'CREATE OR REPLACE VIEW names AS SELECT name FROM users';
const FILES = {
  'V1__users.sql': 'CREATE TABLE users(id int PRIMARY KEY, name text)',
  'U1__users.sql': 'DROP TABLE users',
  'V1.1__email.sql': 'ALTER TABLE users ADD email text',
  'U1.1__email.sql': 'ALTER TABLE users DROP email',
  'R__names.sql': NAMES,
  'R__a_count.sql': 'CREATE OR REPLACE VIEW a_count AS SELECT count(*) FROM users',
};

async function migrated(files: Readonly<Record<string, string>> = FILES): Promise<Site> {
  const site = await Site.create(server, files);
  const result = await site.migrate();
  assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
  site.runId = 2;
  return site;
}

/** What the audit saw run, versions and repeatables, in order. */
const ran = (site: Site) =>
  site
    .sql(
      "SELECT event || ' ' || version FROM migrate.audit WHERE event IN ('applied', 'repeated', 'reverted') ORDER BY id",
    )
    .split('\n');

const isThere = (site: Site, name: string) => site.sql(`SELECT to_regclass('public.${name}') IS NOT NULL`) === 't';

async function withOwner<T>(site: Site, use: (owner: Awaited<ReturnType<Site['session']>>) => Promise<T>): Promise<T> {
  const owner = await site.session('owner');
  try {
    return await use(owner);
  } finally {
    await owner.close();
  }
}

describe('Repeatable migrations', () => {
  it('run after every pending version, in the order of their descriptions, and are no version', async () => {
    const site = await Site.create(server, FILES);
    const { plan } = await site.plan();
    assert.deepEqual(plan?.pendingFirst, ['V1__users', 'V1.1__email', 'R__a_count', 'R__names']);
    assert.deepEqual([plan?.direction, plan?.target, plan?.pendingCount], ['Up', 'V1.1__email', 4]);
    const result = await site.migrate();
    assert.deepEqual([result.exitCode, result.ledger?.version, result.ledger?.appliedNow], [0, 'V1.1__email', 4]);
    assert.equal(result.ledger?.ledgerDigest, plan?.goalDigest);
    assert.deepEqual(ran(site), [
      'applied V1__users',
      'applied V1.1__email',
      'repeated R__a_count',
      'repeated R__names',
    ]);
    assert.equal(site.sql('SELECT migrate.current_version()'), 'V1.1__email');
    assert.deepEqual(site.applied, ['V1__users', 'V1.1__email']);
    const row =
      'SELECT name, owner, attempt, run, job, origin, layout, applied_by, lsn IS NULL FROM migrate.repeatable';
    assert.equal(
      site.sql(`${row} WHERE name = 'R__names'`),
      `R__names|${OWNER}|3|a-uid/1|job-3|applied|Flyway|owner|f`,
    );
    const again = await site.plan();
    assert.deepEqual([again.plan?.direction, again.plan?.pendingCount, again.plan?.goalDigest], ['None', 0, undefined]);
  });

  it('run again when their text changes, at the same version, and the audit has each time', async () => {
    const site = await migrated();
    site.write('R__names.sql', `${NAMES} ORDER BY name`);
    const { plan, exitCode } = await site.plan();
    assert.deepEqual([exitCode, plan?.direction, plan?.pendingFirst], [0, 'Up', ['R__names']]);
    assert.deepEqual([plan?.version, plan?.target], ['V1.1__email', 'V1.1__email']);
    assert.notEqual(plan?.goalDigest, plan?.ledgerDigest);
    const result = await site.migrate();
    assert.deepEqual([result.exitCode, result.ledger?.appliedNow], [0, 1]);
    assert.equal(result.ledger?.ledgerDigest, plan?.goalDigest);
    assert.deepEqual(ran(site).slice(-2), ['repeated R__names', 'repeated R__names']);
    const settled = await site.settle();
    assert.deepEqual([settled.ledger?.appliedByRun, settled.ledger?.unchanged], [['R__names'], false]);
    await withOwner(site, async owner => {
      assert.deepEqual((await verifyAudit(owner, 'migrate')).problems, []);
      const stored = await readStoredSnapshot(owner, 'migrate');
      assert.equal(stored?.ledgerDigest, result.ledger?.ledgerDigest);
      assert.match(stored?.entries.find(entry => entry.name === 'public.names')?.definition ?? '', /ORDER BY/);
    });
  });

  it('run whatever the target, which is said where it is not the highest', async () => {
    const site = await Site.create(server, FILES);
    const { notes, plan } = await site.plan({ target: 'V1__users' });
    assert.deepEqual(plan?.pendingFirst, ['V1__users', 'R__a_count', 'R__names']);
    assert.match(notes.join('\n'), /to be run although files above the target are not: R__a_count, R__names/);
    assert.equal((await site.migrate({ to: 'V1__users' })).exitCode, 0);
    assert.equal((await site.plan({ target: 'V1__users' })).plan?.direction, 'None');
  });

  it('that left the files are left as they are, with a note', async () => {
    const site = await migrated();
    site.remove('R__names.sql');
    const { plan, notes } = await site.plan();
    assert.equal(plan?.direction, 'None');
    assert.match(notes.join('\n'), /no longer among the files: what they made stays: R__names/);
    assert.equal(isThere(site, 'names'), true);
  });

  it('run after the adoption of a database, in the same run', async () => {
    const site = await Site.create(server, FILES);
    site.sql(`SET ROLE owner; ${FILES['V1__users.sql']}`);
    const baseline = { version: 'V1__users' };
    const { plan } = await site.plan({ baseline });
    assert.deepEqual(plan?.pendingFirst, ['V1.1__email', 'R__a_count', 'R__names']);
    if (plan === undefined) return;
    const result = await site.migrate({ planned: plan, baseline });
    assert.deepEqual([result.exitCode, result.ledger?.ledgerDigest], [0, plan.goalDigest]);
  });

  it('must be one transaction', async () => {
    const site = await Site.create(server, { ...FILES, 'R__names.sql': `${NAMES};\nVACUUM users` });
    const { exitCode, error } = await site.plan();
    assert.deepEqual([exitCode, error?.code, error?.migration], [2, 'StatementRefused', 'R__names']);
    assert.match(error?.message ?? '', /R__names\.sql has a statement that must stand alone in line 2\. .*versioned/);
    site.write('R__names.sql', NAMES);
    site.write('R__names.sql.conf', 'executeInTransaction=false');
    assert.match((await site.plan()).error?.message ?? '', /R__names\.sql has the mark no-transaction/);
  });

  it('need a version beside them', async () => {
    const site = await Site.create(server, { 'R__names.sql': NAMES });
    const { exitCode, error } = await site.plan();
    assert.deepEqual([exitCode, error?.code], [2, 'BadMarker']);
    assert.match(error?.message ?? '', /R__names\.sql cannot be run: there is no versioned one beside it/);
  });
});

describe('A repeatable migration that fails', () => {
  it('takes everything back where all is one transaction, and leaves no row', async () => {
    const site = await Site.create(server, { ...FILES, 'R__names.sql': 'SELECT 1 / 0' });
    const result = await site.migrate();
    assert.deepEqual([result.exitCode, result.error?.migration], [20, 'R__names']);
    assert.deepEqual([site.applied, site.hasTable('users')], [[], false]);
    assert.equal(site.sql('SELECT count(*) FROM migrate.repeatable'), '0');
  });

  it('leaves the versions before it applied where each has its own, and is not taken for done by the version', async () => {
    const site = await Site.create(server, { ...FILES, 'R__names.sql': 'SELECT 1 / 0' });
    const planned = await site.planned();
    const failed = await site.migrate({ planned, execution: perMigration });
    assert.deepEqual([failed.exitCode, failed.ledger?.version], [20, 'V1.1__email']);
    assert.equal(site.sql('SELECT name FROM migrate.repeatable'), 'R__a_count');
    const { ledger } = await site.settle();
    assert.equal(ledger?.version, planned.target);
    assert.notEqual(ledger?.ledgerDigest, planned.goalDigest);
    assert.deepEqual(ledger?.appliedByRun, ['V1__users', 'V1.1__email', 'R__a_count']);
    site.write('R__names.sql', NAMES);
    site.runId = 2;
    assert.deepEqual((await site.planned()).pendingFirst, ['R__names']);
    assert.equal((await site.migrate()).exitCode, 0);
  });

  it('by a crash in the middle is run again whole by the next attempt', async () => {
    const site = await migrated();
    site.write('R__names.sql', `DROP VIEW names; ${AT_GATE}; CREATE VIEW names AS SELECT id FROM users`);
    const planned = await site.planned();
    const gate = await closedGate(site);
    const attempt = site.migrate({ planned });
    await gate.reached();
    site.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%advisory_xact_lock(42)%' AND pid <> pg_backend_pid()",
    );
    const lost = await attempt;
    await gate.open();
    assert.deepEqual([lost.exitCode, lost.error?.code], [10, 'ConnectionLost']);
    assert.equal(lost.ledger?.ledgerDigest, planned.ledgerDigest);
    const next = await site.migrate({ planned });
    assert.deepEqual([next.exitCode, next.ledger?.ledgerDigest], [0, planned.goalDigest]);
    assert.deepEqual(ran(site).slice(-2), ['repeated R__names', 'repeated R__names']);
  });
});

describe('A downgrade', () => {
  const down = (site: Site, to: string, changes: Parameters<Site['migrate']>[0] = {}) =>
    site.migrate({ to, direction: 'Down', ...changes });

  it('leaves repeatable migrations as they are, and says so', async () => {
    const site = await migrated();
    const { notes, plan } = await site.plan({ target: 'V1__users' });
    assert.match(notes.join('\n'), /without a way down: what they made stays: R__a_count, R__names/);
    assert.deepEqual([plan?.direction, plan?.pendingCount, plan?.goalDigest], ['Down', 0, undefined]);
    assert.equal((await down(site, 'V1__users')).exitCode, 0);
    assert.deepEqual([isThere(site, 'names'), site.applied], [true, ['V1__users']]);
    assert.equal(ran(site).at(-1), 'reverted V1.1__email');
  });

  it('runs those again whose text is another now, after its scripts and with them', async () => {
    const site = await migrated({
      ...FILES,
      'R__names.sql': 'DROP VIEW IF EXISTS names; CREATE VIEW names AS SELECT email FROM users',
    });
    site.write('U1.1__email.sql', 'DROP VIEW names; ALTER TABLE users DROP email');
    site.write('R__names.sql', `DROP VIEW IF EXISTS names; ${NAMES}`);
    const { notes, plan } = await site.plan({ target: 'V1__users' });
    assert.match(notes.join('\n'), /to be run after the way down, for their text is another: R__names/);
    assert.deepEqual(
      [plan?.downgrade?.revertCount, plan?.pendingFirst, plan?.transaction],
      [1, ['R__names'], 'PerRun'],
    );
    const result = await down(site, 'V1__users');
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.deepEqual([result.ledger?.revertedNow, result.ledger?.appliedNow], [1, 1]);
    assert.equal(result.ledger?.ledgerDigest, plan?.goalDigest);
    assert.deepEqual(ran(site).slice(-2), ['reverted V1.1__email', 'repeated R__names']);
    assert.equal(site.sql("SELECT column_name FROM information_schema.columns WHERE table_name = 'names'"), 'name');
  });

  it('asks, too, about what a repeatable migration of another text would lose', async () => {
    const site = await migrated();
    site.sql("INSERT INTO users VALUES (1, 'a')");
    site.write('R__names.sql', `${NAMES}; DELETE FROM users`);
    const planned = await site.planned('V1__users');
    assert.deepEqual(
      planned.downgrade?.losses.map(({ name }) => name),
      ['R__names.sql, statement 2 (line 1)'],
    );
    const refused = await down(site, 'V1__users', { planned });
    assert.deepEqual([refused.error?.code, refused.wrote], ['DowngradeWouldLoseData', false]);
    const confirmed = await down(site, 'V1__users', { planned, confirmedLoss: planned.downgrade?.digest ?? '' });
    assert.equal(confirmed.exitCode, 0, confirmed.error?.message ?? 'no error');
  });

  it('whose last act failed is brought to its end by the next attempt of the same run', async () => {
    const site = await migrated();
    site.write('R__names.sql', `${NAMES}; SELECT FROM outside`);
    const planned = await site.planned('V1__users');
    const failed = await down(site, 'V1__users', { planned, execution: perMigration });
    assert.deepEqual([failed.exitCode, failed.ledger?.version], [20, 'V1__users']);
    site.sql('SET ROLE owner; CREATE TABLE outside()');
    const next = await down(site, 'V1__users', { planned, execution: perMigration });
    assert.equal(next.exitCode, 0, next.error?.message ?? 'no error');
    assert.equal(next.ledger?.ledgerDigest, planned.goalDigest);
  });

  it('that would drop what a repeatable migration stands on says what, and what to do', async () => {
    const site = await migrated();
    const { exitCode, error } = await down(site, 'V1__users', {
      planned: await (async () => {
        site.write('R__names.sql', 'CREATE OR REPLACE VIEW names AS SELECT name, email FROM users');
        await site.migrate();
        site.runId = 3;
        return site.planned('V1__users');
      })(),
    });
    assert.deepEqual([exitCode, error?.code, error?.sqlstate], [20, 'MigrationFailed', '2BP01']);
    assert.match(
      error?.message ?? '',
      /view names depends on column email of table users .*drop that first in the down script; what a repeatable/,
    );
  });

  it('to the empty database runs none', async () => {
    const site = await migrated({
      ...FILES,
      'U1__users.sql': 'DROP TABLE users CASCADE',
    });
    site.write('R__names.sql', `${NAMES} ORDER BY 1`);
    const { plan, notes } = await site.plan({ target: 'empty' });
    assert.deepEqual([plan?.direction, plan?.pendingCount], ['Down', 0]);
    assert.match(notes.join('\n'), /what they made stays: R__a_count, R__names/);
    assert.equal((await site.plan({ target: 'V1.1__email' })).plan?.pendingCount, 1);
  });
});

describe('The audit', () => {
  it('shows a record of a repeatable migration that was edited, removed or put in', async () => {
    const site = await migrated();
    site.sql(`UPDATE migrate.repeatable SET checksum = 'x' WHERE name = 'R__names'; DELETE FROM migrate.repeatable WHERE name = 'R__a_count';
      INSERT INTO migrate.repeatable SELECT 'R__more', checksum, applied_by, owner, attempt, run, job, started_at, finished_at, lsn, NULL, NULL, NULL,
        origin, NULL, layout FROM migrate.repeatable`);
    const { problems } = await withOwner(site, owner => verifyAudit(owner, 'migrate'));
    assert.deepEqual(problems.map(one => one.message).sort(), [
      'the ledger has a row of R__more, which the audit never saw applied',
      'the ledger has no row of R__a_count, which the audit saw applied',
      "the ledger's row of R__names is not what the audit saw",
    ]);
  });
});
