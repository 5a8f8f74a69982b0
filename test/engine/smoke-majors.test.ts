// The oldest and the newest supported server, in every run of the engine's tests; `npm run test:majors` has them all. Where
// they cannot be fetched these tests are skipped with the reason, but under CI=true.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { startPostgres, type TestPostgres } from '../postgres.ts';
import { Site } from './site.ts';

const FILES = {
  '001_users.up.sql': `CREATE TABLE users(id int PRIMARY KEY, name text DEFAULT lower('X'), CHECK (id > 0));
    CREATE VIEW names AS SELECT name FROM users`,
  '001_users.down.sql': 'DROP VIEW names; DROP TABLE users',
  '002_index.up.sql': 'CREATE INDEX CONCURRENTLY users_name ON users(name)',
  '002_index.down.sql': 'DROP INDEX CONCURRENTLY users_name',
};

async function started(major: string): Promise<TestPostgres | string> {
  try {
    const server = await startPostgres({ major });
    after(() => server.stop());
    return server;
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    return `PostgreSQL ${major} is not at hand and cannot be fetched: ${error instanceof Error ? error.message.split('\n')[0] : error}`;
  }
}

const majors = (process.env.SMOKE_MAJORS ?? '11 18').split(' ');
// All before the first test: what is registered later would come after the end of the file's own hooks.
const servers = await Promise.all(majors.map(started));

for (const [index, major] of majors.entries()) {
  const server = servers[index] ?? '';
  describe(`On PostgreSQL ${major}`, { skip: typeof server === 'string' && server }, () => {
    it('a schema goes up, is settled, fails whole, and goes down', async () => {
      if (typeof server === 'string') return;
      const site = await Site.create(server, FILES);
      const up = await site.migrate();
      assert.equal(up.exitCode, 0, up.error?.message ?? 'no error');
      assert.deepEqual(site.applied, ['001_users', '002_index']);
      assert.deepEqual((await site.settle()).ledger?.appliedByRun, ['001_users', '002_index']);
      site.write('003_bad.up.sql', 'CREATE TABLE bad(id int); SELECT 1 / 0');
      assert.equal((await site.migrate({ runId: 2 })).error?.sqlstate, '22012');
      assert.equal((await site.settle({ runId: 2 })).ledger?.schemaSinceEpoch, 'Same');
      site.remove('003_bad.up.sql');
      const { plan } = await site.plan({ target: '001_users' });
      assert.ok(plan !== undefined);
      const down = await site.migrate({ planned: plan, direction: 'Down', runId: 3 });
      assert.equal(down.exitCode, 0, down.error?.message ?? 'no error');
      assert.deepEqual(site.applied, ['001_users']);
    });
  });
}
