// Downs that lose something which their statements, read one by one against the database as it is, do not show: names that
// change hands on the way, what is attached only to be dropped with it, what counts without rows.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EXECUTION, Site, serverForTests, until } from './site.ts';

const server = await serverForTests();

const BASE = `CREATE TABLE users(id int PRIMARY KEY, name text, grade numeric); CREATE TABLE empty_one(id int, name text);
  CREATE SCHEMA attic; CREATE TABLE parted(id int) PARTITION BY LIST (id); CREATE SEQUENCE invoice; CREATE SEQUENCE unused;
  CREATE TABLE counted(id serial); CREATE INDEX by_name ON users(name)`;
const DATA =
  "INSERT INTO users VALUES (1, 'a', 1), (2, 'b', 2); SELECT nextval('invoice'); SELECT nextval('counted_id_seq')";

async function migrated(down: string): Promise<Site> {
  const site = await Site.create(server, { '001_base.up.sql': BASE });
  const result = await site.migrate();
  assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
  site.sql(`SET ROLE owner; ${DATA}`);
  site.write('002_it.up.sql', 'SELECT 1');
  site.write('002_it.down.sql', down);
  site.runId = 2;
  const second = await site.migrate();
  assert.equal(second.exitCode, 0, second.error?.message ?? 'no error');
  site.runId = 3;
  return site;
}

const statement = (number: number) => [`Statement 002_it.down.sql, statement ${number} (line 1) null`];

const CASES: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  'a table under the name of an empty one': [
    'ALTER TABLE empty_one RENAME TO spare; ALTER TABLE users RENAME TO empty_one; DROP TABLE empty_one',
    statement(3),
  ],
  'a column under the name of an empty one': [
    'ALTER TABLE empty_one RENAME name TO other; ALTER TABLE empty_one RENAME id TO name; ALTER TABLE empty_one DROP name',
    statement(3),
  ],
  'a column of a table under its new name': [
    'ALTER TABLE users RENAME TO people; ALTER TABLE IF EXISTS people DROP COLUMN IF EXISTS name',
    statement(2),
  ],
  'a table that is moved into the schema that goes': [
    'ALTER TABLE users SET SCHEMA attic; DROP SCHEMA attic CASCADE',
    statement(2),
  ],
  'a table in a schema under its new name': [
    'ALTER SCHEMA attic RENAME TO loft; DROP TABLE IF EXISTS loft.users',
    statement(2),
  ],
  'a table that is attached to one that goes': [
    'ALTER TABLE parted ATTACH PARTITION users FOR VALUES IN (1); DROP TABLE parted',
    statement(2),
  ],
  'a table that inherits from one that goes': [
    'ALTER TABLE users INHERIT empty_one; DROP TABLE empty_one CASCADE',
    statement(2),
  ],
  'what an extension does': ["ALTER EXTENSION plpgsql UPDATE TO '0.9'", statement(1)],
  'how far a sequence has counted': ['DROP SEQUENCE invoice, unused', ['Table public.invoice 1']],
  'not how far the sequence of a column has counted': ['DROP TABLE counted', []],
};

describe('What a downgrade would lose without showing it', () => {
  it('is found object by object', async () => {
    const site = await migrated('SELECT 1');
    for (const [what, [sql, expected]] of Object.entries(CASES)) {
      site.write('002_it.down.sql', sql);
      const { plan, error } = await site.plan({ target: '001_base' });
      const losses = plan?.downgrade?.losses.map(({ kind, name, rows }) => `${kind} ${name} ${rows}`);
      assert.deepEqual(losses, expected, `${what}: ${error?.message ?? ''}`);
    }
  });

  for (const [what, down, write] of [
    ['a value that the narrowed column cannot hold', 'ALTER TABLE users ALTER grade TYPE int', '9, NULL, 1.5'],
    ['a row of a table whose loss nobody has accepted', 'DROP TABLE users; DROP TABLE empty_one', undefined],
    ['a down in pieces', 'DROP INDEX CONCURRENTLY by_name; DROP TABLE empty_one', undefined],
  ] as const) {
    it(`is looked at with writers locked out, also for ${what}`, async () => {
      const site = await migrated(down);
      const planned = await site.planned('001_base');
      const confirmedLoss = planned.downgrade?.losses.length === 0 ? undefined : planned.downgrade?.digest;
      const table = write === undefined ? 'empty_one' : 'users';
      const application = await site.session('owner', 'an app that still runs');
      await application.query('BEGIN');
      await application.query(`INSERT INTO ${table} VALUES (${write ?? '9'})`);
      const running = site.migrate({
        to: '001_base',
        direction: 'Down',
        planned,
        execution: { ...EXECUTION, lockTimeoutMilliseconds: 20_000, lockRetrySeconds: 30 },
        ...(confirmedLoss === undefined ? {} : { confirmedLoss }),
      });
      await until(
        'the downgrade waits for the application',
        () => site.sql(`SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '${table}'::regclass`) === '1',
      );
      await application.query('COMMIT');
      const result = await running;
      await application.close();
      assert.deepEqual([result.exitCode, result.error?.code], [24, 'PlanOutdated'], result.error?.message ?? '');
      assert.equal(site.sql(`SELECT count(*) FROM ${table} WHERE id = 9`), '1');
    });
  }
});
