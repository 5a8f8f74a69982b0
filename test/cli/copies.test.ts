import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { serverForTests } from '../engine/site.ts';
import { Project } from './project.ts';

const server = await serverForTests();
let databases = 0;

/** As a superuser: who may do everything must be kept from it. */
async function place(files: (name: string) => Readonly<Record<string, string>>) {
  databases += 1;
  const name = `copies_${databases}`;
  await server.createDatabase(name);
  const environment = { DATABASE_URL: server.url('postgres', name), MIGRATE_POSTGRES_BINARIES: server.binaries };
  const sql = (text: string) => server.psql(text, name);
  return { project: new Project(files(name), environment), name, sql };
}

const roleOf = (role: string) =>
  server.psql(
    `SELECT rolname, rolpassword IS NOT NULL, ARRAY(SELECT roleid::regrole::text FROM pg_auth_members WHERE member = a.oid) FROM pg_authid a WHERE rolname = '${role}'`,
  );
const settingsOf = (name: string) =>
  server.psql(
    `SELECT setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase WHERE datname = '${name}'`,
  );

const TABLE = { '001_t.up.sql': 'CREATE TABLE t (id int PRIMARY KEY);', '001_t.down.sql': 'DROP TABLE t;' };
const reporting = (name: string) => ({
  ...TABLE,
  '002_role.up.sql': `CREATE ROLE "${name}_reporting" LOGIN;\nALTER DATABASE "${name}" SET work_mem = '64MB';\nALTER TABLE t ADD note text;`,
  '002_role.down.sql': `ALTER TABLE t DROP note; DROP ROLE "${name}_reporting"; ALTER DATABASE "${name}" RESET work_mem;`,
});

describe('A copy', { concurrency: 2 }, () => {
  after(() => {
    assert.equal(server.psql("SELECT count(*) FROM pg_database WHERE datname LIKE 'migrate\\_scratch%'"), '0');
  });

  it('leaves roles and the settings of the real database as they are, and says what it has not tried', async () => {
    const { project, name } = await place(reporting);
    assert.equal((await project.migrate('upgrade')).code, 0);
    server.psql(`ALTER ROLE "${name}_reporting" PASSWORD 'x'; GRANT pg_monitor TO "${name}_reporting"`);
    const before = [roleOf(`${name}_reporting`), settingsOf(name)];
    const run = await project.migrate('test-copy');
    assert.equal(run.code, 0, run.said);
    assert.deepEqual([roleOf(`${name}_reporting`), settingsOf(name)], before);
    assert.match(run.said, /not run here, because it reaches beyond the database: 002_role, line 1 \(DROP ROLE\)/);
    assert.match(run.said, /002_role, line 2 \(ALTER DATABASE … SET\)/);
    assert.match(run.out, /There and back is the same schema\.\nNot tried: 4 statements/);
    const fromFiles = await project.migrate('check', '--from-files');
    assert.equal(fromFiles.code, 0, fromFiles.said);
    assert.deepEqual([roleOf(`${name}_reporting`), settingsOf(name)], before);
  });

  it('leaves no role of a pending migration behind, which the real upgrade then makes', async () => {
    const { project, name } = await place(reporting);
    assert.equal((await project.migrate('upgrade', '001_t')).code, 0);
    const tried = await project.data('test-copy');
    assert.deepEqual((tried as { leftOut: readonly { what: string }[] }).leftOut.map(one => one.what).sort(), [
      'ALTER DATABASE … SET',
      'ALTER DATABASE … SET',
      'CREATE ROLE',
      'DROP ROLE',
    ]);
    assert.equal(roleOf(`${name}_reporting`), '');
    const upgraded = await project.migrate('upgrade');
    assert.equal(upgraded.code, 0, upgraded.said);
  });

  it('on a server that is thrown away runs all but what names the real database', async () => {
    const { project, name } = await place(name => ({
      ...reporting(name),
      '003_grant.up.sql': `CREATE TABLE u (); GRANT SELECT ON u TO "${name}_reporting"; ALTER SYSTEM RESET work_mem;`,
      '003_grant.down.sql': 'DROP TABLE u;',
    }));
    assert.equal((await project.migrate('upgrade', '001_t')).code, 0);
    const needed = await project.migrate('test-copy');
    assert.deepEqual([needed.code, /role "copies_\d+_reporting" does not exist/.test(needed.said)], [20, true]);
    assert.match(needed.said, /what is missing may be what was not run here\. .*--disposable-server\.\n/);
    const run = await project.migrate('test-copy', '--disposable-server');
    assert.equal(run.code, 0, run.said);
    assert.match(roleOf(`${name}_reporting`), /^copies_\d+_reporting/);
    assert.equal(settingsOf(name), '');
  });

  it('orders texts as the database does', async () => {
    const { project, name } = await place(() => ({
      '001_locale.up.sql': `DO $$ BEGIN ASSERT (SELECT datlocprovider::text || '-' || daticulocale FROM pg_database
          WHERE datname = current_database()) = 'i-de-AT'; END $$`,
      '001_locale.down.sql': 'SELECT 1',
    }));
    server.psql(`DROP DATABASE "${name}"`);
    server.psql(`CREATE DATABASE "${name}" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-AT' OWNER owner`);
    const run = await project.migrate('test-copy');
    assert.equal(run.code, 0, run.said);
  });

  it('takes no subscription along, and makes none', async () => {
    const { project, name, sql } = await place(name => ({
      ...TABLE,
      '002_sub.up.sql': `CREATE SUBSCRIPTION "${name}_two" CONNECTION 'host=localhost dbname=nowhere' PUBLICATION p WITH (connect = false);`,
      '002_sub.down.sql': `DROP SUBSCRIPTION "${name}_two";`,
    }));
    assert.equal((await project.migrate('upgrade', '001_t')).code, 0);
    sql(
      `CREATE SUBSCRIPTION "${name}_one" CONNECTION 'host=localhost dbname=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE); COMMENT ON SUBSCRIPTION "${name}_one" IS 'kept'; CREATE PUBLICATION own FOR TABLE t`,
    );
    const run = await project.migrate('test-copy');
    assert.equal(run.code, 0, run.said);
    assert.match(run.said, /002_sub, line 1 \(CREATE SUBSCRIPTION\)/);
    assert.equal(server.psql(`SELECT subname FROM pg_subscription WHERE subname LIKE '${name}%'`), `${name}_one`);
    const fromFiles = await project.migrate('check', '--from-files', '--to', '002_sub');
    assert.match(fromFiles.out, /^publication own was added\n$/);
    sql(`DROP SUBSCRIPTION "${name}_one"`);
  });
});

describe('A restore', () => {
  it('makes no second subscription, and takes only the backup whose digest was named', async () => {
    const { project, name, sql } = await place(() => ({}));
    sql(
      `CREATE TABLE t (id int); CREATE PUBLICATION own FOR TABLE t; CREATE SUBSCRIPTION "${name}_one" CONNECTION 'host=localhost dbname=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE); COMMENT ON SUBSCRIPTION "${name}_one" IS 'kept'`,
    );
    const { digest } = (await project.data('backup', 'bk')) as { digest: string };
    const restore = (wanted: string) =>
      project.migrate('restore', 'bk', '--yes', '--lose-replication', '--digest', wanted);
    const other = await restore('f'.repeat(64));
    assert.deepEqual([other.code, other.said.includes(`sha256:${digest}`)], [2, true], other.said);
    const restored = await restore(`sha256:${digest}`);
    assert.equal(restored.code, 0, restored.said);
    assert.match(restored.said, new RegExp(`subscriptions of the backup were not made: ${name}_one`));
    assert.equal(sql('SELECT pubname FROM pg_publication'), 'own');
    const databases = `SELECT datname FROM pg_subscription JOIN pg_database d ON d.oid = subdbid WHERE subname = '${name}_one'`;
    const replaced = server.psql(databases);
    assert.match(replaced, new RegExp(`^${name}_replaced_\\w+$`));
    server.psql(`ALTER DATABASE "${replaced}" ALLOW_CONNECTIONS true`);
    server.psql(`DROP SUBSCRIPTION "${name}_one"`, replaced);
  });
});
