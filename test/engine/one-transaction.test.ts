import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Site, serverForTests } from './site.ts';

const server = await serverForTests();

describe('One transaction for all', () => {
  it('is given up, with a note, for an enum value that an earlier file adds', { skip: server.major < 12 }, async () => {
    const site = await Site.create(server, { '001_e.up.sql': "CREATE TYPE mood AS ENUM ('sad')" });
    await site.migrate();
    site.write('002_add.up.sql', "ALTER TYPE mood ADD VALUE 'happy'");
    site.write('003_use.up.sql', "CREATE TABLE m(m mood DEFAULT 'happy')");
    const result = await site.migrate({ runId: 2 });
    assert.equal(result.exitCode, 0);
    assert.match(result.notes.join(), /003_use\.up\.sql uses an enum value/);
    assert.deepEqual(site.audited, ['001_e', '002_add', '003_use']);
  });

  it('is given up for checks that an earlier file left deferred', async () => {
    const site = await Site.create(server, {
      '001_t.up.sql': `CREATE TABLE a(id int PRIMARY KEY);
        CREATE TABLE b(a int REFERENCES a DEFERRABLE INITIALLY DEFERRED)`,
    });
    await site.migrate();
    site.write('002_rows.up.sql', 'INSERT INTO b VALUES (1); INSERT INTO a VALUES (1)');
    site.write('003_alter.up.sql', 'ALTER TABLE b ADD COLUMN c int');
    const result = await site.migrate({ runId: 2 });
    assert.equal(result.exitCode, 0);
    assert.match(result.notes.join(), /003_alter\.up\.sql alters a table/);
  });

  it('is kept when a file fails by its own doing', { skip: server.major < 12 }, async () => {
    const site = await Site.create(server, {
      '001_a.up.sql': 'CREATE TABLE a(id int)',
      '002_e.up.sql': "CREATE TYPE mood AS ENUM ('sad')",
    });
    await site.migrate();
    site.write('003_a.up.sql', 'CREATE TABLE c(id int)');
    site.write('004_e.up.sql', "ALTER TYPE mood ADD VALUE 'x'; CREATE TABLE d(m mood DEFAULT 'x')");
    const result = await site.migrate({ runId: 2 });
    assert.equal(result.error?.sqlstate, '55P04');
    assert.match(result.error?.message ?? '', /file of its own/);
    assert.equal(site.hasTable('c'), false);
  });
});

describe('Statements of one file', () => {
  it('of which one fails: it is told by its number, and what stands behind it does not run', async () => {
    const site = await Site.create(server, { '001_s.up.sql': 'CREATE SEQUENCE s' });
    await site.migrate();
    const fine = Array.from({ length: 20 }, (_, index) => `CREATE TABLE a${index}(id int);`);
    const behind = Array.from({ length: 40 }, () => "SELECT nextval('s');");
    site.write('002_many.up.sql', [...fine, 'SELECT 1 / 0;', ...behind].join('\n'));
    const { error } = await site.migrate({ runId: 2 });
    assert.deepEqual([error?.migration, error?.statement, error?.line], ['002_many', 21, 21]);
    assert.equal(error?.sqlstate, '22012');
    assert.equal(site.sql('SELECT is_called FROM s'), 'f');
    assert.equal(site.hasTable('a0'), false);
  });
});
