import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type JobResult, parseJobResult } from '../../src/api/job-contract.ts';
import { Site, serverForTests } from './site.ts';

const server = await serverForTests();

const TWO = {
  '001_users.up.sql': 'CREATE TABLE users(id int PRIMARY KEY)',
  '001_users.down.sql': 'DROP TABLE users',
  '002_groups.up.sql': 'CREATE TABLE groups(id int PRIMARY KEY)',
};

describe('A plan', () => {
  it('of a first install names everything as pending', async () => {
    const site = await Site.create(server, TWO);
    const { plan, exitCode, notes } = await site.plan();
    assert.equal(exitCode, 0);
    assert.equal(plan?.version, null);
    assert.equal(plan?.target, '002_groups');
    assert.equal(plan?.direction, 'Up');
    assert.deepEqual(plan?.pendingFirst, ['001_users', '002_groups']);
    assert.equal(plan?.transaction, 'PerRun');
    assert.deepEqual(notes, ['cannot be downgraded, for want of a down script: 002_groups']);
  });

  it('writes nothing to the database', async () => {
    const site = await Site.create(server, TWO);
    const before = site.sql('SELECT pg_current_wal_lsn()');
    await site.plan();
    assert.equal(site.sql("SELECT to_regnamespace('migrate') IS NULL"), 't');
    assert.equal(site.sql('SELECT pg_current_wal_lsn()'), before);
  });

  it('of what is applied already has nothing to do, and reports the attempt that the epoch has seen', async () => {
    const site = await Site.create(server, TWO);
    await site.migrate();
    const { plan } = await site.plan();
    assert.equal(plan?.direction, 'None');
    assert.equal(plan?.pendingCount, 0);
    assert.equal(plan?.epochAttempt, 2);
    assert.equal(plan?.version, '002_groups');
  });

  it('goes down when the target is below, and never with latest', async () => {
    const site = await Site.create(server, { ...TWO, '002_groups.down.sql': 'DROP TABLE groups' });
    await site.migrate();
    assert.equal((await site.plan({ target: '001_users' })).plan?.direction, 'Down');
    site.remove('002_groups.up.sql');
    site.remove('002_groups.down.sql');
    const latest = await site.plan();
    assert.equal(latest.plan?.direction, 'None');
    assert.equal(latest.plan?.target, '002_groups');
    assert.match(latest.notes.join(), /not among the files: 002_groups/);
    assert.equal((await site.plan({ target: '001_users' })).plan?.direction, 'Down');
  });

  it('with an unknown target brings near names to mind', async () => {
    const site = await Site.create(server, TWO);
    const { error, exitCode } = await site.plan({ target: '002_group' });
    assert.equal(exitCode, 2);
    assert.equal(error?.code, 'UnknownTarget');
    assert.match(error?.message ?? '', /002_groups/);
  });

  it('finds an applied file that was changed, and takes a changed down for a note', async () => {
    const site = await Site.create(server, TWO);
    await site.migrate();
    site.write('001_users.down.sql', 'DROP TABLE users CASCADE');
    assert.match((await site.plan()).notes.join(), /down script changed.*001_users/);
    site.write('001_users.up.sql', `${TWO['001_users.up.sql']} `);
    const { error, exitCode } = await site.plan();
    assert.equal(exitCode, 21);
    assert.equal(error?.code, 'FileChanged');
    assert.equal(error?.migration, '001_users');
  });

  it('refuses a new file that sorts before an applied one, with the name that mends it', async () => {
    const site = await Site.create(server, { '001_a.up.sql': '', '003_c.up.sql': '' });
    await site.migrate();
    site.write('002_b.up.sql', '');
    site.write('003_d.down.sql', '');
    site.remove('003_d.down.sql');
    const { error } = await site.plan();
    assert.equal(error?.code, 'OutOfOrder');
    assert.match(error?.message ?? '', /002_b is new but sorts before 003_c.*004_b/);
  });

  it('notes an up without statements, and no more', async () => {
    const site = await Site.create(server, { '001_a.up.sql': '-- later\n', '001_a.down.sql': 'SELECT 1;' });
    const { notes } = await site.plan();
    assert.deepEqual(
      notes.map(note => note.slice(0, 30)),
      ['001_a.up.sql has no statements'],
    );
  });

  it('takes a renamed file for what it is, and never for a new one to be run again', async () => {
    const site = await Site.create(server, { '001_a.up.sql': '', '002_b.up.sql': 'SELECT 1;', '003_c.up.sql': '' });
    await site.migrate();
    site.remove('002_b.up.sql');
    for (const name of ['002_bonus', '004_bonus']) {
      site.write(`${name}.up.sql`, 'SELECT 1;');
      const { error, exitCode } = await site.plan();
      assert.deepEqual([exitCode, error?.code, error?.migration], [2, 'AppliedRenamed', name]);
      assert.match(error?.message ?? '', /name back \(002_b\.up\.sql\)/);
      site.remove(`${name}.up.sql`);
    }
  });

  it('refuses tables without a ledger', async () => {
    const site = await Site.create(server, TWO);
    site.sql('CREATE TABLE old(id int)');
    const { error, exitCode } = await site.plan();
    assert.equal(exitCode, 2);
    assert.equal(error?.code, 'BaselineNeeded');
    assert.match(error?.message ?? '', /1 table \(public\.old\)/);
  });

  it('reports every syntax error before anything runs', async () => {
    const site = await Site.create(server, { '001_a.up.sql': 'SELEC 1', '002_b.up.sql': 'SELECT 1;\nCREAT TABLE x()' });
    const { error, exitCode } = await site.plan();
    assert.equal(exitCode, 2);
    assert.equal(error?.code, 'SyntaxError');
    assert.match(error?.message ?? '', /001_a\.up\.sql.*line 1.*002_b\.up\.sql.*line 2/s);
  });

  it('says what right is missing and how it is granted', async () => {
    const site = await Site.create(server, TWO);
    const { error, exitCode } = await site.plan({ environment: { databaseUrl: server.url('app', site.name) } });
    assert.equal(exitCode, 22);
    assert.equal(error?.code, 'RightMissing');
    assert.match(error?.message ?? '', /GRANT CREATE ON DATABASE .* TO "app"/);
  });

  it('refuses a database that belongs to another owner, and names it', async () => {
    const site = await Site.create(server, TWO);
    await site.migrate();
    const { error, exitCode } = await site.plan({ owner: 'ffffffffffffffff', resource: 'staging/truledgr' });
    assert.equal(exitCode, 22);
    assert.equal(error?.code, 'OwnedByAnother');
    assert.match(error?.message ?? '', /shop\/truledgr \(id 0123456789abcdef\).*staging\/truledgr/);
  });

  it('tells PerMigration and why when a statement must stand alone', async () => {
    const site = await Site.create(server, { ...TWO, '003_i.up.sql': 'CREATE INDEX CONCURRENTLY i ON users(id)' });
    const { plan, notes } = await site.plan();
    assert.equal(plan?.transaction, 'PerMigration');
    assert.match(notes.join(), /003_i\.up\.sql statement 1 must stand alone/);
  });

  it('is PerMigration by itself under Rolling, and PerRun when that is asked for', async () => {
    const site = await Site.create(server, TWO);
    assert.equal((await site.plan({ strategy: 'Rolling' })).plan?.transaction, 'PerMigration');
    const execution = { transaction: 'PerRun', lockTimeoutMilliseconds: 100, lockRetrySeconds: 1 } as const;
    assert.equal((await site.plan({ strategy: 'Rolling', execution })).plan?.transaction, 'PerRun');
  });

  it('proves that the backup volume can be written, and leaves nothing on it', { skip: !server.hasDump }, async () => {
    const site = await Site.create(server, TWO);
    assert.equal((await site.plan({ backups: 'Mounted' })).exitCode, 0);
    assert.deepEqual(readdirSync(site.backups), []);
    const missing = join(mkdtempSync(join(tmpdir(), 'migrate-')), 'nowhere');
    const { error, exitCode } = await site.plan({ backups: 'Mounted', environment: { backupsDirectory: missing } });
    assert.equal(exitCode, 2);
    assert.equal(error?.code, 'BackupVolumeNotWritable');
    chmodSync(site.backups, 0o755);
  });

  it('tries again later when the database is not there or refuses the login', async () => {
    const site = await Site.create(server, TWO);
    const wrong = (url: string) => site.plan({ environment: { databaseUrl: url } });
    const nobody = await wrong('postgresql://owner:x@127.0.0.1:1/x');
    assert.deepEqual([nobody.exitCode, nobody.error?.code], [10, 'DatabaseUnreachable']);
    const refused = await wrong(`postgresql://owner:bad@127.0.0.1:${server.port}/${site.name}`);
    assert.deepEqual([refused.exitCode, refused.error?.code], [10, 'CredentialsRefused']);
    const missing = await wrong(server.url('owner', 'no_such_database'));
    assert.deepEqual([missing.exitCode, missing.error?.code], [10, 'DatabaseMissing']);
    const garbled = await wrong('mysql://x');
    assert.deepEqual([garbled.exitCode, garbled.error?.code], [2, 'BadConnectionUrl']);
  });

  it('tries the hosts of the URL in turn, and says when none of them encrypts', async () => {
    const site = await Site.create(server, TWO);
    const hosts = site.url.replace(`@127.0.0.1:${server.port}/`, `@127.0.0.1:1,127.0.0.1:${server.port}/`);
    assert.equal((await site.plan({ environment: { databaseUrl: hosts } })).exitCode, 0);
    const tls = await site.plan({ environment: { databaseUrl: `${site.url}?sslmode=require` } });
    assert.deepEqual([tls.exitCode, tls.error?.code], [10, 'DatabaseUnreachable']);
    assert.match(tls.error?.message ?? '', /SSL/);
  });

  it('waits for a server that takes no writes', async () => {
    const site = await Site.create(server, TWO);
    site.sql(`ALTER DATABASE "${site.name}" SET default_transaction_read_only = on`);
    const { error, exitCode } = await site.plan();
    assert.deepEqual([exitCode, error?.code], [10, 'ServerReadOnly']);
  });

  it('waits for a role of the application that neither exists nor is made by a pending migration', async () => {
    const site = await Site.create(server, TWO);
    const { error, exitCode } = await site.plan({ appRoles: ['ap', 'app'] });
    assert.deepEqual([exitCode, error?.code], [10, 'RoleMissing']);
    assert.match(error?.message ?? '', /no role "ap" .*Did you mean app\?/);
    site.write('003_roles.up.sql', `DO $$BEGIN EXECUTE 'CREATE ROLE "odd-one.$"'; END$$; CREATE ROLE apart`);
    const making = async (role: string) => (await site.plan({ appRoles: [role] })).exitCode;
    assert.deepEqual([await making('odd-one.$'), await making('apart'), await making('apar')], [0, 0, 10]);
  });

  it('has the same digest for no ledger and for an empty one', async () => {
    const site = await Site.create(server, TWO);
    const before = await site.planned();
    await site.settle();
    const after = await site.planned();
    assert.equal(after.ledgerDigest, before.ledgerDigest);
  });
});

describe('A name that no status can hold', () => {
  const LONG = `20240102120000_${'add_a_column_'.repeat(9)}`;
  const UP = '-- migrate:up\nCREATE TABLE b(id int);\n-- migrate:down\nDROP TABLE b;\n';
  const FIRST = { '20240101120000_a.sql': '-- migrate:up\nCREATE TABLE a(id int);\n' };
  const told = <R extends JobResult>(result: R) => {
    assert.ok(parseJobResult(JSON.stringify(result)), 'the operator can read the answer');
    return result;
  };

  /** What an earlier release let through, or the command line of one. */
  async function applied(above: Readonly<Record<string, string>> = {}): Promise<Site> {
    const site = await Site.create(server, { ...FIRST, '20240102120000_b.sql': UP, ...above });
    await site.migrate();
    site.remove('20240102120000_b.sql');
    site.write(`${LONG}.sql`, UP);
    site.sql(`UPDATE migrate.ledger SET version = '${LONG}' WHERE version = '20240102120000_b'`);
    return site;
  }

  it('is refused by the plan, before anything is stopped, in an answer that can be read', async () => {
    const site = await Site.create(server, { ...FIRST, [`${LONG}.sql`]: UP });
    const { error, exitCode, plan } = told(await site.plan());
    assert.deepEqual([exitCode, error?.code, plan], [2, 'VersionTooLong', undefined]);
    assert.match(error?.message ?? '', /has 132 characters.* at most 120\. Give it a shorter name/);
    const database = await Site.create(server, { ...FIRST, [`${LONG}.sql`]: UP });
    database.sql('CREATE TABLE a(id int)');
    const adopted = told(await database.plan({ baseline: { version: '20240101120000_a' } }));
    assert.equal(adopted.error?.code, 'VersionTooLong');
  });

  it('at which a database is already is said so by every Job, which then does nothing', async () => {
    const site = await applied();
    for (const target of ['latest', '20240101120000_a']) {
      const { error, exitCode } = told(await site.plan({ target }));
      assert.deepEqual([exitCode, error?.code], [2, 'VersionTooLong']);
      assert.match(error?.message ?? '', /The ledger has .*132 characters.*the command line: upgrade to a later/);
    }
    assert.equal(told(await site.settle()).error?.code, 'VersionTooLong');
  });

  it('which is applied below a shorter one is in nobody’s way, but for a way down past it', async () => {
    const last = '20240103120000_c';
    const site = await applied({ [`${last}.sql`]: UP.replaceAll(' b', ' c') });
    assert.equal(told(await site.plan()).plan?.version, last);
    assert.equal(told(await site.settle()).ledger?.version, last);
    assert.equal(told(await site.plan({ target: '20240101120000_a' })).error?.code, 'VersionTooLong');
  });
});
