import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sha256 } from '../../src/api/digest.ts';
import { readStoredSnapshot } from '../../src/engine/ledger/stored-snapshot.ts';
import { verifyAudit } from '../../src/engine/ledger/verify-audit.ts';
import { EXECUTION, oldTransaction, Site, serverForTests, until } from './site.ts';

const server = await serverForTests();
const perMigration = { ...EXECUTION, transaction: 'PerMigration' } as const;

const THREE = {
  '001_users.up.sql': 'CREATE TABLE users(id int PRIMARY KEY, name text)',
  '001_users.down.sql': 'DROP TABLE users',
  '002_groups.up.sql': 'CREATE TABLE groups(id int PRIMARY KEY)',
  '002_groups.down.sql': 'DROP TABLE groups',
  '003_roles.up.sql': 'CREATE TABLE roles(id int PRIMARY KEY)',
  '003_roles.down.sql': 'DROP TABLE roles',
};

async function migrated(files: Readonly<Record<string, string>> = THREE): Promise<Site> {
  const site = await Site.create(server, files);
  const result = await site.migrate();
  assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
  site.runId = 2;
  return site;
}

const down = (site: Site, to: string, changes: Parameters<Site['migrate']>[0] = {}) =>
  site.migrate({ to, direction: 'Down', ...changes });

const reverted = (site: Site) =>
  site.sql("SELECT string_agg(version, ' ' ORDER BY id) FROM migrate.audit WHERE event = 'reverted'");

describe('A downgrade', () => {
  it('is planned highest first, with its scripts, and changes nothing', async () => {
    const site = await migrated();
    const { plan, exitCode } = await site.plan({ target: '001_users' });
    assert.equal(exitCode, 0);
    assert.deepEqual([plan?.direction, plan?.target, plan?.transaction], ['Down', '001_users', 'PerRun']);
    assert.deepEqual(
      plan?.downgrade?.reverts.map(one => [one.version, one.origin]),
      [
        ['003_roles', 'Source'],
        ['002_groups', 'Source'],
      ],
    );
    assert.deepEqual([plan?.downgrade?.lossCount, plan?.pendingCount], [0, 0]);
    assert.equal(site.hasTable('groups'), true);
  });

  it('takes back each version with its row, in one transaction, and the audit has both', async () => {
    const site = await migrated();
    const result = await down(site, '001_users');
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.deepEqual(
      [result.ledger?.version, result.ledger?.revertedNow, result.ledger?.appliedNow, result.wrote],
      ['001_users', 2, 0, true],
    );
    assert.deepEqual([site.hasTable('users'), site.hasTable('groups'), site.hasTable('roles')], [true, false, false]);
    assert.deepEqual(site.applied, ['001_users']);
    assert.equal(reverted(site), '003_roles 002_groups');
    const owner = await site.session('owner');
    try {
      assert.deepEqual((await verifyAudit(owner, 'migrate', result.ledger?.auditHead ?? undefined)).problems, []);
      assert.equal((await readStoredSnapshot(owner, 'migrate'))?.version, '001_users');
    } finally {
      await owner.close();
    }
    const again = await site.migrate({ runId: 3 });
    assert.deepEqual([again.exitCode, again.ledger?.version], [0, '003_roles']);
  });

  it('goes down to nothing, and leaves the schema as it was before the first', async () => {
    const site = await migrated();
    const result = await down(site, 'empty');
    assert.deepEqual([result.exitCode, result.ledger?.version, result.ledger?.revertedNow], [0, null, 3]);
    assert.equal(site.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"), '0');
    assert.equal(site.sql('SELECT migrate.current_version() IS NULL'), 't');
  });

  it('that fails at the second of two leads exactly back to the start', async () => {
    const site = await migrated({ ...THREE, '002_groups.down.sql': 'DROP TABLE groups; SELECT 1 / 0' });
    const result = await down(site, '001_users');
    assert.deepEqual([result.exitCode, result.error?.migration, result.error?.statement], [20, '002_groups', 2]);
    assert.deepEqual(site.applied, ['001_users', '002_groups', '003_roles']);
    assert.equal(site.hasTable('roles'), true);
    const { ledger } = await site.settle();
    assert.deepEqual([ledger?.unchanged, ledger?.version, ledger?.revertedByRun], [true, '003_roles', []]);
  });

  it('in a transaction a version keeps what it has done, settle names it, and the next attempt goes on', async () => {
    const site = await migrated({ ...THREE, '002_groups.down.sql': 'DROP TABLE groups; SELECT 1 / 0' });
    const planned = await site.planned('001_users');
    const failed = await down(site, '001_users', { planned, execution: perMigration });
    assert.deepEqual([failed.exitCode, failed.ledger?.version, failed.ledger?.revertedNow], [20, '002_groups', 1]);
    const { ledger } = await site.settle();
    assert.deepEqual([ledger?.version, ledger?.unchanged, ledger?.revertedByRun], ['002_groups', false, ['003_roles']]);
    site.write('002_groups.down.sql', THREE['002_groups.down.sql']);
    const { sourceDigest } = await site.planned('001_users');
    const next = await down(site, '001_users', { planned, sourceDigest, execution: perMigration });
    assert.equal(next.exitCode, 0, next.error?.message ?? 'no error');
    assert.equal(reverted(site), '003_roles 002_groups');
  });

  it('runs a down that was changed after it was applied, and says so', async () => {
    const site = await migrated();
    site.write('003_roles.down.sql', 'DROP TABLE roles; CREATE TABLE trace(id int)');
    const { notes } = await site.plan({ target: '002_groups' });
    assert.match(notes.join(), /down script changed since it was applied: 003_roles/);
    assert.equal((await down(site, '002_groups')).exitCode, 0);
    assert.equal(site.hasTable('trace'), true);
  });

  it('takes the down from the ledger when the source has that version no more, and shows its text', async () => {
    const site = await migrated();
    for (const file of ['003_roles.up.sql', '003_roles.down.sql']) site.remove(file);
    const { plan } = await site.plan({ target: '002_groups' });
    assert.equal(plan?.downgrade?.reverts[0]?.origin, 'Ledger');
    assert.match(
      site.log.join('\n'),
      /down of 003_roles comes from the ledger \(SHA-256 [0-9a-f]{64}\):\nDROP TABLE roles/,
    );
    const result = await down(site, '002_groups');
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.deepEqual([site.applied, site.hasTable('roles')], [['001_users', '002_groups'], false]);
  });

  const CALLS = `CREATE TABLE log (n int); CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'`;
  const COMMITTING: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    [
      'Diesel',
      {
        '1_a/up.sql': 'CREATE TABLE a ();',
        '2_p/up.sql': CALLS,
        '2_p/down.sql': 'CALL p();\nDROP PROCEDURE p; DROP TABLE log;',
        '2_p/metadata.toml': 'run_in_transaction = false\n',
      },
    ],
    [
      'Flyway',
      {
        'V1__a.sql': 'CREATE TABLE a ();',
        'V2__p.sql': CALLS,
        // A byte order mark, which the ledger does not keep.
        'U2__p.sql': '\uFEFFCALL p();\nDROP PROCEDURE p; DROP TABLE log;',
        'U2__p.sql.conf': 'executeInTransaction=false\n',
      },
    ],
  ];
  for (const [layout, files] of COMMITTING) {
    it(`from the ledger runs outside a transaction where a file beside it said so (${layout})`, async () => {
      const [first = '', version = ''] = layout === 'Diesel' ? ['1_a', '2_p'] : ['V1__a', 'V2__p'];
      const site = await migrated(files);
      for (const file of Object.keys(files).filter(name => /^.?2_/.test(name))) site.remove(file);
      const { plan } = await site.plan({ target: first });
      const stored = site.sql(`SELECT down_checksum FROM migrate.ledger WHERE version = '${version}'`);
      const text = files[layout === 'Diesel' ? '2_p/down.sql' : 'U2__p.sql'] ?? '';
      assert.deepEqual(plan?.downgrade?.reverts, [{ version, origin: 'Ledger', checksum: sha256(text) }]);
      assert.equal(stored, sha256(text), 'the checksum is that of the file, as it was before');
      const confirmedLoss = plan?.downgrade?.digest;
      const result = await site.migrate({ to: first, direction: 'Down', confirmedLoss });
      assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
      assert.deepEqual([site.applied, site.hasTable('log')], [[first], false]);
    });
  }

  it('from the ledger, stored by an earlier release without the line, is still the one that was stored', async () => {
    const [, files] = COMMITTING[0] ?? ['', {}];
    const site = await migrated({ ...files, '2_p/down.sql': 'DROP PROCEDURE p; DROP TABLE log;' });
    for (const file of Object.keys(files).filter(name => name.startsWith('2_'))) site.remove(file);
    site.sql("UPDATE migrate.ledger SET down_script = 'DROP PROCEDURE p; DROP TABLE log;' WHERE number = 2");
    assert.equal((await site.plan({ target: '1_a' })).exitCode, 0);
    site.sql(
      "UPDATE migrate.ledger SET down_script = '-- migrate: no-transaction' || chr(10) || 'SELECT 1' WHERE number = 2",
    );
    assert.equal((await site.plan({ target: '1_a' })).error?.code, 'LedgerDamaged');
  });

  it('shows no password of a script that comes from the ledger', async () => {
    const site = await migrated({
      ...THREE,
      '003_roles.down.sql': "DROP TABLE roles; -- ALTER ROLE a PASSWORD 'x'\nALTER ROLE nobody PASSWORD E'hun\\'ter2'",
    });
    for (const file of ['003_roles.up.sql', '003_roles.down.sql']) site.remove(file);
    await site.plan({ target: '002_groups' });
    assert.match(site.log.join('\n'), /ALTER ROLE nobody PASSWORD \*\*\*/);
    assert.doesNotMatch(site.log.join('\n'), /ter2/);
  });

  it('does not run a script of the ledger that is not the one that was stored', async () => {
    const site = await migrated();
    for (const file of ['003_roles.up.sql', '003_roles.down.sql']) site.remove(file);
    site.sql("UPDATE migrate.ledger SET down_script = 'DROP TABLE users' WHERE number = 3");
    const { error, exitCode } = await site.plan({ target: '002_groups' });
    assert.deepEqual([exitCode, error?.code], [22, 'LedgerDamaged']);
  });

  it('is refused where a version has no down, which is named', async () => {
    const { '002_groups.down.sql': _, ...files } = THREE;
    const site = await migrated(files);
    const { error, exitCode } = await site.plan({ target: '001_users' });
    assert.deepEqual([exitCode, error?.code], [2, 'IrreversibleMigration']);
    assert.match(error?.message ?? '', /002_groups/);
    assert.equal((await site.plan({ target: '002_groups' })).exitCode, 0);
  });

  it('is not run by an attempt that was planned to go up', async () => {
    const site = await migrated();
    const planned = await site.planned('001_users');
    const result = await site.migrate({ planned });
    assert.deepEqual([result.exitCode, result.error?.code, result.wrote], [24, 'PlanOutdated', false]);
  });
});

describe('A later attempt of a downgrade', () => {
  const FAILING = { ...THREE, '002_groups.down.sql': 'DROP TABLE groups; SELECT 1 / 0' };

  /** The first of two downs is done; the second, which drops `groups`, has failed. */
  async function halfWay(rows: string, confirmedLoss?: (digest: string) => string) {
    const site = await migrated(FAILING);
    site.sql(rows);
    const planned = await site.planned('001_users');
    const confirmed = confirmedLoss?.(planned.downgrade?.digest ?? '');
    const given = confirmed === undefined ? {} : { confirmedLoss: confirmed };
    const again = () => down(site, '001_users', { planned, ...given, execution: perMigration });
    const failed = await again();
    assert.deepEqual([failed.error?.migration, site.applied.at(-1)], ['002_groups', '002_groups']);
    return { site, planned, again };
  }

  const refusal = ({ error, wrote }: Awaited<ReturnType<typeof down>>) => [error?.code, wrote];

  it('may lose what was confirmed, although the ledger and the numbers have gone on', async () => {
    const { site, again } = await halfWay('INSERT INTO groups VALUES (1); INSERT INTO roles VALUES (1)', same => same);
    site.sql('INSERT INTO groups VALUES (2)');
    const { error } = await again();
    assert.deepEqual([error?.code, error?.migration], ['MigrationFailed', '002_groups']);
  });

  it('may lose no more than that: not a table that was empty when the run began', async () => {
    const { site, again } = await halfWay('INSERT INTO roles VALUES (1)', same => same);
    site.sql('INSERT INTO groups VALUES (1)');
    assert.deepEqual(refusal(await again()), ['DowngradeWouldLoseData', false]);
  });

  it('may lose nothing where nobody was asked, whatever confirmation it is given', async () => {
    const { site, again } = await halfWay('SELECT 1', () => 'b'.repeat(64));
    site.sql('INSERT INTO groups VALUES (1)');
    assert.deepEqual(refusal(await again()), ['DowngradeWouldLoseData', false]);
  });

  it('may not lose by another script than the one that was confirmed', async () => {
    const { site, planned, again } = await halfWay('INSERT INTO groups VALUES (1)', same => same);
    site.write('002_groups.down.sql', 'TRUNCATE groups; DROP TABLE groups');
    const { sourceDigest } = await site.planned('001_users');
    assert.deepEqual(refusal(await again()), ['PlanOutdated', false]);
    const other = await down(site, '001_users', {
      planned,
      sourceDigest,
      confirmedLoss: planned.downgrade?.digest ?? '',
    });
    assert.deepEqual(refusal(other), ['DowngradeWouldLoseData', false]);
  });

  it('may lose by a statement that was confirmed uncounted what can be counted by now', async () => {
    const site = await migrated({
      ...THREE,
      '002_groups.down.sql': 'DROP TABLE people; SELECT 1 / 0',
      '003_roles.down.sql': 'DROP TABLE roles; ALTER TABLE users RENAME TO people',
    });
    site.sql("INSERT INTO users VALUES (1, 'a')");
    const planned = await site.planned('001_users');
    assert.deepEqual(
      planned.downgrade?.losses.map(one => one.kind),
      ['Statement'],
    );
    const asked = { planned, confirmedLoss: planned.downgrade?.digest ?? '', execution: perMigration };
    for (const _ of ['first', 'second']) {
      const { error } = await down(site, '001_users', asked);
      assert.deepEqual([error?.code, error?.migration], ['MigrationFailed', '002_groups']);
    }
  });
});

describe('A downgrade in pieces', () => {
  const INDEXED = {
    ...THREE,
    '004_index.up.sql': 'CREATE INDEX users_name ON users(name); CREATE TABLE early(id int)',
    '004_index.down.sql':
      'DROP TABLE early; CREATE TABLE trace(id int); DROP INDEX CONCURRENTLY users_name; DROP TABLE trace',
  };

  it('killed in the statement that stands alone is half done, and only going on mends it', async () => {
    const site = await migrated(INDEXED);
    const planned = await site.planned('003_roles');
    const report = await oldTransaction(site);
    const killed = down(site, '003_roles', { planned });
    await until(
      'the index is being dropped',
      () =>
        Number(site.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DROP INDEX%' AND state = 'active'")) >
        0,
    );
    site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DROP INDEX%'");
    assert.equal((await killed).error?.code, 'ConnectionLost');
    await report.close();
    assert.equal(
      site.sql("SELECT string_agg(segment || state || direction, ' ' ORDER BY segment) FROM migrate.progress"),
      '0donedown 1starteddown',
    );
    const { ledger } = await site.settle();
    assert.deepEqual([ledger?.version, ledger?.progressRows, ledger?.unchanged], ['004_index', 2, false]);

    site.runId = 3;
    const up = await site.plan();
    assert.deepEqual([up.exitCode, up.error?.code], [2, 'HalfDoneDowngrade']);
    site.runId = 2;
    const resumed = await down(site, '003_roles', { planned });
    assert.equal(resumed.exitCode, 0, resumed.error?.message ?? 'no error');
    assert.deepEqual([site.applied.at(-1), site.hasTable('trace')], ['003_roles', false]);
    assert.equal(site.sql('SELECT count(*) FROM migrate.progress'), '0');
  });

  it('is not begun while an up is half done', async () => {
    const site = await migrated({ ...THREE, '004_half.up.sql': 'SELECT 1' });
    site.write('005_half.up.sql', 'VACUUM users; SELECT 1 / 0');
    await site.migrate();
    const { error, exitCode } = await site.plan({ target: '003_roles' });
    assert.deepEqual([exitCode, error?.code], [2, 'IrreversibleMigration']);
    site.write('004_half.down.sql', 'SELECT 1');
    const half = await site.plan({ target: '003_roles' });
    assert.deepEqual([half.exitCode, half.error?.code, half.error?.migration], [2, 'HalfDoneUpgrade', '005_half']);
  });
});

describe('What a downgrade would lose', () => {
  const files = {
    '001_base.up.sql': `CREATE TYPE mood AS ENUM ('sad');
      CREATE TABLE users(id int PRIMARY KEY, name varchar(50), feels mood, note text DEFAULT 'none', score int DEFAULT 1 + 1);
      CREATE TABLE parted(id int) PARTITION BY LIST (id); CREATE TABLE part_1 PARTITION OF parted FOR VALUES IN (1);
      CREATE SCHEMA shop; CREATE TABLE shop.orders(id int); CREATE TABLE empty_one(id int)`,
  };
  const DATA = `INSERT INTO users VALUES (1, 'a long name', 'sad', 'none'), (2, 'b', NULL, 'more'), (3, NULL, NULL, NULL);
    INSERT INTO parted VALUES (1); INSERT INTO shop.orders VALUES (1), (2)`;

  const cases: Readonly<Record<string, readonly [string, readonly string[]]>> = {
    'rows of a table': ['DROP TABLE users', ['Table public.users 3']],
    'nothing, where the table is empty': ['DROP TABLE empty_one', []],
    'rows of partitions': ['DROP TABLE parted', ['Table public.part_1 1']],
    'every row beside a default, where the ups do not add the column': [
      'ALTER TABLE users DROP COLUMN note',
      ['Column public.users.note 3'],
    ],
    'values where the default is computed': ['ALTER TABLE users DROP COLUMN score', ['Column public.users.score 3']],
    'columns of a type': ['DROP TYPE mood CASCADE', ['Column public.users.feels 1']],
    'tables of a schema': ['DROP SCHEMA shop CASCADE', ['Table shop.orders 2']],
    'values that the new type cuts': [
      'ALTER TABLE users ALTER name TYPE varchar(5)',
      ['Narrowing public.users.name 1'],
    ],
    'nothing, where the new type holds all': ['ALTER TABLE users ALTER name TYPE text USING name::text', []],
    'values that a cast to the new type cuts': [
      'ALTER TABLE users ALTER name TYPE varchar(5) USING name::varchar(5)',
      ['Narrowing public.users.name 1'],
    ],
    'all values, where a cast of another column decides': [
      'ALTER TABLE users ALTER name TYPE text USING id::text',
      ['Narrowing public.users.name 3'],
    ],
    'all values, where a USING decides': [
      'ALTER TABLE users ALTER name TYPE int USING length(name)',
      ['Narrowing public.users.name 3'],
    ],
    'what nobody can count': [
      'DELETE FROM users WHERE id = 1',
      ['Statement 002_it.down.sql, statement 1 (line 1) null'],
    ],
    'what a DO block does': ['DO $$BEGIN END$$', ['Statement 002_it.down.sql, statement 1 (line 1) null']],
    'what somebody’s function does': [
      'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1$$; SELECT f(); SELECT lower(name) FROM users',
      ['Statement 002_it.down.sql, statement 2 (line 1) null'],
    ],
    'a table under its new name': [
      'ALTER TABLE users RENAME TO people; DROP TABLE IF EXISTS people',
      ['Statement 002_it.down.sql, statement 2 (line 1) null'],
    ],
    'nothing, of what the down makes itself': ['CREATE TABLE temporary(id int); DROP TABLE temporary', []],
    'nothing, of a function that is only named': [
      'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1$$; CREATE TABLE x(id int DEFAULT f()); CREATE POLICY p ON x USING (f() = 1)',
      [],
    ],
    'nothing, of what is not there': ['DROP TABLE IF EXISTS nowhere; DROP VIEW IF EXISTS no_view', []],
    'what its search_path finds': ['SET search_path = shop; DROP TABLE orders', ['Table shop.orders 2']],
    'a table once, not its columns too': [
      'ALTER TABLE users DROP COLUMN note; DROP TABLE users',
      ['Table public.users 3'],
    ],
  };

  it('is counted object by object', async () => {
    const site = await migrated(files);
    site.sql(`SET ROLE owner; ${DATA}`);
    site.write('002_it.up.sql', 'SELECT 1');
    await site.migrate();
    for (const [what, [sql, expected]] of Object.entries(cases)) {
      site.write('002_it.down.sql', sql);
      const { plan, error } = await site.plan({ target: '001_base' });
      const losses = plan?.downgrade?.losses.map(({ kind, name, rows }) => `${kind} ${name} ${rows}`);
      assert.deepEqual(losses, expected, `${what}: ${error?.message ?? ''}`);
    }
  });

  it('stops the downgrade before anything is written, until exactly this plan is confirmed', async () => {
    const site = await migrated();
    site.sql('INSERT INTO groups VALUES (1), (2)');
    const planned = await site.planned('001_users');
    assert.deepEqual(planned.downgrade?.losses, [{ kind: 'Table', name: 'public.groups', rows: 2 }]);
    const refused = await down(site, '001_users', { planned });
    assert.deepEqual([refused.exitCode, refused.error?.code, refused.wrote], [2, 'DowngradeWouldLoseData', false]);
    assert.match(refused.error?.message ?? '', /public\.groups \(2 rows\)/);
    const wrong = await down(site, '001_users', { planned, confirmedLoss: 'b'.repeat(64) });
    assert.equal(wrong.error?.code, 'DowngradeWouldLoseData');
    site.sql('INSERT INTO groups VALUES (3)');
    const confirmedLoss = planned.downgrade?.digest;
    assert.ok(confirmedLoss);
    const confirmed = await down(site, '001_users', { planned, confirmedLoss });
    assert.equal(confirmed.exitCode, 0, confirmed.error?.message ?? 'no error');
  });

  it('is confirmed once: applied again, the same versions hold other data, and the plan is another', async () => {
    const site = await migrated();
    site.sql('INSERT INTO groups VALUES (1)');
    const planned = await site.planned('001_users');
    const confirmedLoss = planned.downgrade?.digest;
    assert.ok(confirmedLoss);
    assert.equal((await site.planned('001_users')).downgrade?.digest, confirmedLoss);
    const first = await down(site, '001_users', { planned, confirmedLoss });
    assert.equal(first.exitCode, 0, first.error?.message ?? 'no error');
    site.runId += 1;
    const again = await site.migrate();
    assert.equal(again.exitCode, 0, again.error?.message ?? 'no error');
    site.runId += 1;
    site.sql('INSERT INTO groups SELECT generate_series(1, 1000)');
    const anew = await site.planned('001_users');
    assert.deepEqual(anew.downgrade?.losses, [{ kind: 'Table', name: 'public.groups', rows: 1000 }]);
    const refused = await down(site, '001_users', { planned: anew, confirmedLoss });
    assert.deepEqual([refused.error?.code, refused.wrote], ['DowngradeWouldLoseData', false]);
  });

  it('is counted again under the fence: a confirmation does not hold for another table', async () => {
    const site = await migrated();
    site.sql('INSERT INTO groups VALUES (1)');
    const planned = await site.planned('001_users');
    site.sql('INSERT INTO roles VALUES (1)');
    const confirmedLoss = planned.downgrade?.digest;
    assert.ok(confirmedLoss);
    const result = await down(site, '001_users', { planned, confirmedLoss });
    assert.deepEqual([result.error?.code, result.wrote], ['DowngradeWouldLoseData', false]);
  });

  it('is looked at once more with writers locked out: a row that is written after the count stops it', async () => {
    const site = await migrated();
    const planned = await site.planned('001_users');
    const application = await site.session('owner', 'an app that still runs');
    await application.query('BEGIN');
    await application.query('INSERT INTO groups VALUES (1)');
    const patient = { ...EXECUTION, lockTimeoutMilliseconds: 20_000, lockRetrySeconds: 30 };
    const running = down(site, '001_users', { planned, execution: patient });
    await until(
      'the downgrade waits for the application',
      () => site.sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'groups'::regclass") === '1',
    );
    await application.query('COMMIT');
    const result = await running;
    await application.close();
    assert.deepEqual([result.exitCode, result.error?.code], [24, 'PlanOutdated']);
    assert.match(result.error?.message ?? '', /would lose of public\.groups was nothing and is now some rows/);
    assert.deepEqual([site.sql('SELECT count(*) FROM groups'), site.applied.length], ['1', 3]);
  });
});
