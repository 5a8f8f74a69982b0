import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OWNER, Site, serverForTests } from './site.ts';

const server = await serverForTests();
const FILES = { '001_users.up.sql': 'CREATE TABLE users(id int PRIMARY KEY)' };

describe('A late attempt', () => {
  it('ends no session of a later one', async () => {
    const site = await Site.create(server, FILES);
    const planned = await site.planned();
    await site.settle({ attempt: 8 });
    const later = await site.session('owner', `migrate/${OWNER}/9`);
    try {
      assert.equal((await site.migrate({ planned, attempt: 7 })).exitCode, 24);
      await later.query('SELECT 1');
    } finally {
      await later.close();
    }
  });
});

describe('A login', () => {
  it('that sets another role at login is undone before the fence', async () => {
    const site = await Site.create(server, FILES);
    server.psql('CREATE ROLE schema_owner; GRANT schema_owner TO owner');
    site.sql(`GRANT CREATE ON DATABASE ${site.name} TO schema_owner; GRANT CREATE ON SCHEMA public TO schema_owner`);
    site.sql(`ALTER ROLE owner IN DATABASE ${site.name} SET role TO schema_owner`);
    const earlier = await site.session('owner', `migrate/${OWNER}/1`);
    try {
      site.attempt = 5;
      const result = await site.migrate();
      assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
      await assert.rejects(earlier.query('SELECT 1'));
      assert.equal(site.sql("SELECT tableowner FROM pg_tables WHERE schemaname = 'migrate' LIMIT 1"), 'owner');
      assert.equal(site.sql("SELECT tableowner FROM pg_tables WHERE tablename = 'users'"), 'schema_owner');
    } finally {
      await earlier.close();
    }
  });

  it('that was rotated goes on where it is a member of the old one, and is told the remedy where it is not', async () => {
    const site = await Site.create(server, FILES);
    await site.migrate();
    server.psql("CREATE ROLE rotated LOGIN PASSWORD 'rotated'");
    const databaseUrl = site.url.replace(/\/\/[^@]*@/, '//rotated:rotated@');
    const stranger = await site.settle({ environment: { databaseUrl } });
    assert.deepEqual([stranger.exitCode, stranger.error?.code], [22, 'RightMissing']);
    assert.match(stranger.error?.message ?? '', /role that made the ledger/);
    server.psql('GRANT owner TO rotated');
    site.write('002_groups.up.sql', 'CREATE TABLE groups(id int)');
    const earlier = await site.session('owner', `migrate/${OWNER}/1`);
    const result = await site.migrate({ runId: 2, environment: { databaseUrl } });
    await earlier.close();
    assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
    assert.equal(site.sql("SELECT applied_by FROM migrate.ledger WHERE version = '002_groups'"), 'rotated');
  });
});
