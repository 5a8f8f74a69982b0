// What commands do on PostgreSQL as a role that lacks a right, or where there is nothing yet to have a right to: one message
// that names the role and what helps, and no noise about what a role may not do and nobody has asked for.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { serverForTests } from '../engine/site.ts';
import { Project } from './project.ts';

const server = await serverForTests();
server.psql('ALTER ROLE owner CREATEDB');
const FILES = {
  '001_users.up.sql': 'CREATE TABLE users (id int PRIMARY KEY);',
  '001_users.down.sql': 'DROP TABLE users;',
};

async function place(name: string) {
  const url = await server.createDatabase(name);
  const project = new Project(FILES, { DATABASE_URL: url, MIGRATE_POSTGRES_BINARIES: server.binaries });
  const asApp = (...args: readonly string[]) => project.start(args, { DATABASE_URL: server.url('app', name) }).ended;
  return { project, asApp, sql: (text: string) => server.psql(text, name) };
}

describe('Rights on PostgreSQL', { concurrency: 2 }, () => {
  it('history --verify finds nothing to verify without a ledger, and damage where only its audit is gone', async () => {
    const { project, sql } = await place('rights_none');
    const none = await project.migrate('history', '--verify');
    assert.deepEqual([none.code, none.said], [0, '']);
    assert.match(none.out, /0 rows/);
    assert.equal((await project.migrate('upgrade')).code, 0);
    project.write('migrate.yaml', 'ledgerSchema: migrat\n');
    const elsewhere = await project.migrate('history', '--verify');
    assert.equal(elsewhere.code, 0, elsewhere.said);
    assert.match(elsewhere.said, /no ledger in schema "migrat", but this database has one in schema "migrate"/);
    project.remove('migrate.yaml');
    sql('DROP TABLE migrate.audit');
    const gone = await project.migrate('history', '--verify');
    assert.equal(gone.code, 22, gone.said);
    assert.match(gone.said, /relation "migrate\.audit" does not exist/);
    assert.doesNotMatch(gone.said, /mistake of ours/);
  });

  it('history --verify names the role that may not read the ledger, or only not its audit', async () => {
    const { project, asApp, sql } = await place('rights_weak');
    assert.equal((await project.migrate('upgrade')).code, 0);
    const refusal =
      /The role "app" lacks a right: to read the ledger in schema migrate \(permission denied for (\w+) \w+\)\. Migrate with the role that made the ledger, or make this role its owner\./;
    for (const denied of ['schema', 'table']) {
      const run = await asApp('history', '--verify');
      assert.equal(run.code, 22, run.said);
      assert.equal(refusal.exec(run.said)?.[1], denied, run.said);
      sql('GRANT USAGE ON SCHEMA migrate TO app; GRANT SELECT ON migrate.epoch, migrate.ledger TO app');
    }
  });

  it('wait names its role and the grants that it lacks, which are enough', async () => {
    const { project, asApp, sql } = await place('rights_wait');
    assert.equal((await project.migrate('upgrade')).code, 0);
    const refused = await asApp('wait', '--for', '001_users', '--timeout', '0');
    assert.equal(refused.code, 10, refused.said);
    const grants =
      /error: .*The role "app" lacks a right: to call current_version\(\).*(GRANT USAGE .*; GRANT EXECUTE .* TO "app")\.\n$/;
    sql(`SET ROLE owner; ${grants.exec(refused.said)?.[1] ?? assert.fail(refused.said)}`);
    const run = await asApp('wait', '--for', '001_users', '--timeout', '0');
    assert.equal(run.code, 0, run.said);
  });

  it('an upgrade with nothing to run lets a role that was named since ask for the version', async () => {
    const { project, asApp, sql } = await place('rights_named');
    assert.equal((await project.migrate('upgrade')).code, 0);
    project.write('migrate.yaml', 'appRoles: [app, nobody_yet]\n');
    const waits = async () => (await asApp('wait', '--for', '001_users', '--timeout', '0')).code;
    const dry = await project.migrate('upgrade', '--dry-run');
    assert.match(dry.said, /note: lets app ask for the version\n/);
    assert.equal(await waits(), 10, 'a dry run grants nothing');
    sql('GRANT USAGE ON SCHEMA migrate TO app; GRANT SELECT ON ALL TABLES IN SCHEMA migrate TO app');
    const weak = await asApp('upgrade');
    assert.equal(weak.code, 0, weak.said);
    assert.match(
      weak.said,
      /note: app may not ask .*, and this role may not let them\. As owner: GRANT USAGE .* "app"\n/,
    );
    assert.doesNotMatch(weak.said, /WARNING|now/);
    assert.match((await project.migrate('downgrade', '001_users', '--dry-run')).said, /^[^\n]*\n$/);
    const runs = await Promise.all(Array.from({ length: 4 }, () => project.migrate('upgrade')));
    for (const { code, said } of runs) assert.equal(code, 0, said);
    assert.ok(runs.some(({ said }) => said.includes('note: app may ask for the version now\n')));
    assert.equal(await waits(), 0);
    assert.doesNotMatch((await project.migrate('upgrade')).said, /ask for the version/);
  });

  it('a restore by who is no superuser says nothing of the catalogue that only one may vacuum', async () => {
    const { project, sql } = await place('rights_restored');
    assert.equal((await project.migrate('upgrade')).code, 0);
    sql('INSERT INTO users SELECT generate_series(1, 100)');
    assert.equal((await project.migrate('backup', 'bk')).code, 0);
    const restored = await project.migrate('restore', 'bk', '--yes');
    assert.equal(restored.code, 0, restored.said);
    assert.doesNotMatch(restored.said, /WARNING|superuser/);
    const made = "SELECT reltuples, relallvisible > 0 FROM pg_class WHERE relname = 'users'";
    assert.equal(sql(made), '100|t', "the planner's statistics are made");
  });
});
