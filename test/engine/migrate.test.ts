import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verifyAudit } from '../../src/engine/ledger/verify-audit.ts';
import { EXECUTION, Site, serverForTests } from './site.ts';

const server = await serverForTests();
const perMigration = { ...EXECUTION, transaction: 'PerMigration' } as const;

const THREE = {
  '001_users.up.sql': 'CREATE TABLE users(id int PRIMARY KEY, name text);\nINSERT INTO users VALUES (1, $$a$$)',
  '001_users.down.sql': 'DROP TABLE users',
  '002_groups.up.sql': 'CREATE TABLE groups(id int PRIMARY KEY)',
  '003_more.up.sql': 'ALTER TABLE users ADD COLUMN email text',
};
const BAD_SECOND = { ...THREE, '002_groups.up.sql': 'CREATE TABLE groups(id int);\n\nSELECT\n  1 / 0' };

describe('A first install', () => {
  it('applies every file once and writes it to the ledger', async () => {
    const site = await Site.create(server, THREE);
    const result = await site.migrate();
    assert.equal(result.exitCode, 0);
    assert.equal(result.wrote, true);
    assert.equal(result.ledger?.version, '003_more');
    assert.equal(result.ledger?.appliedNow, 3);
    assert.deepEqual(site.applied, ['001_users', '002_groups', '003_more']);
    assert.deepEqual(site.audited, site.applied);
    assert.equal(site.sql('SELECT name FROM users'), 'a');
    assert.equal(site.sql("SELECT down_script FROM migrate.ledger WHERE version = '001_users'"), 'DROP TABLE users');
    assert.equal(
      site.sql('SELECT count(*) FROM migrate.ledger WHERE lsn IS NOT NULL AND started_at <= finished_at'),
      '3',
    );
  });

  it('leaves no session behind', async () => {
    const site = await Site.create(server, THREE);
    await site.migrate();
    assert.deepEqual(site.sessions, []);
  });

  it('lets the application ask for the version and nothing else', async () => {
    const site = await Site.create(server, THREE);
    site.sql('ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT ALL ON TABLES TO app');
    site.sql('ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT ALL ON SCHEMAS TO app');
    await site.migrate();
    const app = await site.session('app');
    try {
      await assert.rejects(app.query('CREATE TABLE migrate.mine(id int)'), /permission denied/);
      assert.deepEqual(await app.query('SELECT migrate.current_version() AS version'), [{ version: '003_more' }]);
      for (const table of ['ledger', 'epoch', 'audit', 'progress']) {
        await assert.rejects(app.query(`SELECT FROM migrate.${table}`), /permission denied/, table);
      }
    } finally {
      await app.close();
    }
  });

  it('notes an application role that does not exist, and grants it once a migration has made it', async () => {
    const site = await Site.create(server, THREE);
    server.psql('ALTER ROLE owner CREATEROLE');
    const missing = await site.migrate({ appRoles: ['later', 'app'] });
    assert.match(missing.notes.join(), /do not exist: later/);
    site.write('004_role.up.sql', 'CREATE ROLE later');
    const made = await site.migrate({ appRoles: ['later', 'app'], runId: 2 });
    assert.equal(made.exitCode, 0);
    assert.deepEqual(made.notes, []);
    assert.equal(site.sql("SELECT has_function_privilege('later', 'migrate.current_version()', 'EXECUTE')"), 't');
    server.psql('DROP OWNED BY later; DROP ROLE later', site.name);
  });

  it('has an audit whose chain of hashes shows a change', async () => {
    const site = await Site.create(server, THREE);
    await site.migrate();
    const owner = await site.session('owner');
    try {
      assert.deepEqual((await verifyAudit(owner, 'migrate')).problems, []);
      await assert.rejects(owner.query('DELETE FROM migrate.audit'), /append-only/);
      site.sql("ALTER TABLE migrate.audit DISABLE TRIGGER ALL; UPDATE migrate.audit SET version = 'x' WHERE id = 2");
      assert.equal((await verifyAudit(owner, 'migrate')).problems[0]?.id, 2);
    } finally {
      await owner.close();
    }
  });
});

describe('A second run', () => {
  it('does nothing and changes no ledger row', async () => {
    const site = await Site.create(server, THREE);
    const first = await site.migrate();
    const before = site.sql('SELECT ledger::text FROM migrate.ledger');
    site.runId = 2;
    const second = await site.migrate();
    assert.equal(second.exitCode, 0);
    assert.equal(second.ledger?.appliedNow, 0);
    assert.equal(second.ledger?.ledgerDigest, first.ledger?.ledgerDigest);
    assert.equal(site.sql('SELECT ledger::text FROM migrate.ledger'), before);
    assert.deepEqual(site.audited, site.applied);
  });

  it('goes on to a higher target, and stops at it', async () => {
    const site = await Site.create(server, THREE);
    await site.migrate({ to: '001_users' });
    assert.deepEqual(site.applied, ['001_users']);
    await site.migrate({ to: '002_groups', runId: 2 });
    assert.deepEqual(site.applied, ['001_users', '002_groups']);
  });
});

describe('A migration that fails', () => {
  it('under PerRun leads exactly back to the start', async () => {
    const site = await Site.create(server, BAD_SECOND);
    const result = await site.migrate();
    assert.equal(result.exitCode, 20);
    assert.equal(result.error?.code, 'MigrationFailed');
    assert.deepEqual(
      [result.error?.migration, result.error?.statement, result.error?.line, result.error?.sqlstate],
      ['002_groups', 2, 3, '22012'],
    );
    assert.equal(
      result.error.message,
      '002_groups.up.sql, statement 2 (line 3) failed: division by zero (SQLSTATE 22012).',
    );
    assert.equal(result.ledger?.version, null);
    assert.equal(result.ledger?.appliedNow, 0);
    assert.deepEqual(site.applied, []);
    assert.equal(site.hasTable('users'), false);
  });

  it('under PerMigration keeps what was before it', async () => {
    const site = await Site.create(server, BAD_SECOND);
    const result = await site.migrate({ execution: perMigration });
    assert.equal(result.exitCode, 20);
    assert.equal(result.ledger?.version, '001_users');
    assert.equal(result.ledger?.appliedNow, 1);
    assert.deepEqual(site.applied, ['001_users']);
    assert.equal(site.hasTable('groups'), false);
    assert.deepEqual(site.audited, ['001_users']);
  });

  it('is gone on with when it was mended', async () => {
    const site = await Site.create(server, BAD_SECOND);
    await site.migrate({ execution: perMigration });
    site.write('002_groups.up.sql', THREE['002_groups.up.sql']);
    const result = await site.migrate({ execution: perMigration, runId: 2 });
    assert.equal(result.exitCode, 0);
    assert.deepEqual(site.audited, ['001_users', '002_groups', '003_more']);
  });

  it('is told with the line of the error inside a long statement', async () => {
    const site = await Site.create(server, {
      '001_a.up.sql': '-- é\n\nSELECT 1;\nSELECT\n  1,\n  nothing\nFROM pg_class',
    });
    const { error } = await site.migrate();
    assert.deepEqual([error?.statement, error?.line, error?.sqlstate], [2, 6, '42703']);
    assert.match(error?.message ?? '', /^001_a\.up\.sql, statement 2 \(line 6\) failed: /);
  });

  it('at COMMIT, by a deferred constraint, is told with its file', async () => {
    const sql = `CREATE TABLE a(id int PRIMARY KEY);
      CREATE TABLE b(a int REFERENCES a DEFERRABLE INITIALLY DEFERRED);
      INSERT INTO b VALUES (1)`;
    const site = await Site.create(server, { '001_a.up.sql': sql });
    const { error, exitCode } = await site.migrate();
    assert.equal(exitCode, 20);
    assert.deepEqual([error?.migration, error?.sqlstate], ['001_a', '23503']);
    assert.equal(site.hasTable('a'), false);
  });

  it('never shows a value of a row', async () => {
    const site = await Site.create(server, {
      '001_a.up.sql': "CREATE TABLE a(t text); INSERT INTO a VALUES ('S3CRET-value')",
      '002_b.up.sql': 'ALTER TABLE a ALTER COLUMN t TYPE int USING t::int',
    });
    const result = await site.migrate();
    assert.equal(result.error?.sqlstate, '22P02');
    assert.doesNotMatch(JSON.stringify(result), /S3CRET/);
    assert.doesNotMatch(site.log.join('\n'), /S3CRET/);
  });
});

describe('A file', () => {
  it('begins in a fresh session state, whatever the file before it has set', async () => {
    const site = await Site.create(server, {
      '001_dump.up.sql': `SELECT pg_catalog.set_config('search_path', '', false);
        SET statement_timeout = 1; SET statement_timeout = 0; SET work_mem = '1MB'; SET synchronous_commit = off;
        CREATE TABLE public.a(id int)`,
      '002_plain.up.sql': `CREATE TABLE b AS SELECT current_setting('search_path') AS path,
        current_setting('synchronous_commit') AS sync, current_setting('work_mem') AS mem`,
    });
    assert.equal((await site.migrate()).exitCode, 0);
    assert.equal(site.sql('SELECT path, sync, mem FROM public.b'), '"$user", public|on|4MB');
  });

  it('runs as the role it asks for, and the ledger is written as ours', async () => {
    const site = await Site.create(server);
    server.psql('DROP ROLE IF EXISTS builder; CREATE ROLE builder; GRANT builder TO owner');
    site.sql('GRANT CREATE ON SCHEMA public TO builder, owner');
    site.write('001_a.up.sql', '-- migrate: role=builder\nCREATE TABLE a(id int)');
    site.write('002_b.up.sql', 'CREATE TABLE b(id int)');
    assert.equal((await site.migrate()).exitCode, 0);
    assert.equal(
      site.sql("SELECT tableowner FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"),
      'builder\nowner',
    );
    assert.equal(site.sql('SELECT DISTINCT applied_by FROM migrate.ledger'), 'owner');
    server.psql('DROP OWNED BY builder', site.name);
    server.psql('DROP ROLE builder');
  });

  it('that asks for a role we may not become says how it is granted', async () => {
    const site = await Site.create(server, { '001_a.up.sql': '-- migrate: role=postgres\nSELECT 1' });
    const { error, exitCode } = await site.migrate();
    assert.equal(exitCode, 22);
    assert.match(error?.message ?? '', /GRANT "postgres" TO "owner"/);
  });

  it('of comments only is a migration too', async () => {
    const site = await Site.create(server, { '001_a.up.sql': '-- nothing to do\n' });
    assert.equal((await site.migrate()).exitCode, 0);
    assert.deepEqual(site.applied, ['001_a']);
  });

  it('that selects a million rows costs no memory', async () => {
    const site = await Site.create(server, {
      '001_a.up.sql': "SELECT repeat('x', 200) FROM generate_series(1, 1000000)",
    });
    const before = process.memoryUsage.rss();
    assert.equal((await site.migrate()).exitCode, 0);
    assert.ok(process.memoryUsage.rss() - before < 150_000_000);
  });

  it('that ends the transaction by a way the grammar does not show is found out before COMMIT', async () => {
    const site = await Site.create(server, {
      '001_f.up.sql': `CREATE FUNCTION sneak() RETURNS void LANGUAGE plpgsql AS
        $$BEGIN EXECUTE 'SELECT pg_advisory' || '_unlock_all()'; END$$`,
    });
    await site.migrate();
    site.write('002_sneak.up.sql', 'CREATE TABLE s(id int); SELECT sneak()');
    const { error, exitCode } = await site.migrate({ runId: 2 });
    assert.equal(exitCode, 20);
    assert.equal(error?.code, 'TransactionBroken');
    assert.match(error?.message ?? '', /002_sneak/);
    assert.equal(site.hasTable('s'), false);
  });

  it('that commits by itself is refused by the server and told the marker', async () => {
    const site = await Site.create(server, { '001_a.up.sql': 'DO $$ BEGIN COMMIT; END $$' });
    const { error } = await site.migrate();
    assert.equal(error?.sqlstate, '2D000');
    assert.match(error?.message ?? '', /migrate: no-transaction/);
  });
});

describe('A plan that is outdated', () => {
  it('by other files is refused before anything is written', async () => {
    const site = await Site.create(server, THREE);
    const planned = await site.planned();
    site.write('004_new.up.sql', 'SELECT 1');
    const result = await site.migrate({ planned });
    assert.deepEqual([result.exitCode, result.error?.code, result.wrote], [24, 'PlanOutdated', false]);
  });

  it('by another state of the ledger is refused before anything is written', async () => {
    const site = await Site.create(server, THREE);
    const planned = await site.planned();
    await site.migrate({ to: '001_users' });
    const result = await site.migrate({ planned, runId: 2 });
    assert.deepEqual([result.exitCode, result.error?.code, result.wrote], [24, 'PlanOutdated', false]);
    assert.deepEqual(site.applied, ['001_users']);
  });

  it('is not so for a later attempt of the same run, which goes on after what the earlier one has done', async () => {
    const site = await Site.create(server, BAD_SECOND);
    const planned = await site.planned();
    await site.migrate({ planned, execution: perMigration });
    const again = await site.migrate({ planned, execution: perMigration });
    assert.equal(again.exitCode, 20);
    assert.equal(again.error?.migration, '002_groups');
    assert.deepEqual(site.audited, ['001_users']);
  });
});
