// Downs that lose something which their statements, read one by one against the database as it is, do not show: names that
// change hands on the way, what is attached only to be dropped with it, what counts without rows.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EXECUTION, Site, serverForTests, until } from './site.ts';

const server = await serverForTests();
server.psql('CREATE ROLE clerk SUPERUSER; GRANT clerk TO owner');

/** Generated columns and collations that call different texts equal came with 12; before, the same is true without them. */
const since12 = (sql: string) => (server.major < 12 ? '' : sql);

const BASE = `CREATE TABLE users(id int PRIMARY KEY, name text, grade numeric); CREATE TABLE empty_one(id int, name text);
  CREATE SCHEMA attic; CREATE TABLE parted(id int) PARTITION BY LIST (id); CREATE SEQUENCE invoice; CREATE SEQUENCE unused;
  CREATE SEQUENCE moved; CREATE SEQUENCE begun START 10; CREATE SEQUENCE falling INCREMENT -1;
  CREATE TABLE restarted(id int GENERATED ALWAYS AS IDENTITY);
  CREATE TABLE counted(id serial); CREATE INDEX by_name ON users(name);
  CREATE TABLE numbered(id int GENERATED ALWAYS AS IDENTITY, twice int ${since12('GENERATED ALWAYS AS (2) STORED')});
  ${since12("CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);")}
  CREATE DOMAIN level AS int DEFAULT 3; CREATE TABLE paid(c numeric(10,2)); CREATE DOMAIN price AS numeric(10,2); CREATE SCHEMA old;
  CREATE DOMAIN old.cost AS numeric(10,2); CREATE TABLE old.paid(c numeric(10,2));
  CREATE TABLE noted(id int);
  CREATE TYPE mood AS ENUM ('sad'); CREATE TYPE feeling AS (is_now mood, was text); CREATE TABLE felt(it feeling);
  CREATE MATERIALIZED VIEW fresh AS SELECT id FROM users; CREATE MATERIALIZED VIEW stale AS SELECT id FROM users;
  CREATE MATERIALIZED VIEW unread AS SELECT id FROM users WITH NO DATA;
  CREATE TABLE base(id int, note text); CREATE VIEW between AS SELECT note FROM base;
  CREATE MATERIALIZED VIEW standing AS SELECT id FROM base; CREATE MATERIALIZED VIEW beyond AS SELECT note FROM between;
  CREATE SCHEMA shop; CREATE TABLE shop.empty_one(id int); CREATE DOMAIN shop.cost AS int; CREATE SCHEMA clerk; CREATE TABLE clerk.empty_one(id int);
  CREATE TABLE watched(id int); CREATE FUNCTION wipe() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM users; RETURN NULL; END';
  CREATE TRIGGER watch AFTER INSERT ON watched FOR EACH ROW EXECUTE FUNCTION wipe();
  CREATE FUNCTION gone() RETURNS int LANGUAGE plpgsql AS 'BEGIN DELETE FROM users; RETURN 1; END'`;
const DATA = `INSERT INTO users VALUES (1, 'a', 1), (2, 'b', 2); SELECT setval('moved', 777000, false);
  ALTER TABLE restarted ALTER id RESTART WITH 9000;
  INSERT INTO base VALUES (1, 'a'); REFRESH MATERIALIZED VIEW standing; REFRESH MATERIALIZED VIEW beyond; DELETE FROM base;
  SELECT nextval('invoice'); SELECT nextval('counted_id_seq');
  INSERT INTO numbered DEFAULT VALUES; INSERT INTO shop.empty_one VALUES (1); INSERT INTO clerk.empty_one VALUES (1);
  INSERT INTO felt VALUES (('sad', 'x')); INSERT INTO paid VALUES (1.75);
  INSERT INTO users VALUES (4);
  REFRESH MATERIALIZED VIEW stale; DELETE FROM users WHERE id = 4; REFRESH MATERIALIZED VIEW fresh`;

const UP = `ALTER TABLE noted ADD note text ${since12('COLLATE blind')} DEFAULT 'none', ADD at timestamptz DEFAULT now(), ADD grade level,
  ADD flag bool DEFAULT false`;
const NOTED = "INSERT INTO noted VALUES (1, 'none', NULL, 3, false), (2, 'NONE', now(), 3, NULL)";

async function migrated(down: string): Promise<Site> {
  const site = await Site.create(server, { '001_base.up.sql': BASE });
  const result = await site.migrate();
  assert.equal(result.exitCode, 0, result.error?.message ?? 'no error');
  site.sql(`SET ROLE owner; ${DATA}`);
  site.write('002_it.up.sql', UP);
  site.write('002_it.down.sql', down);
  site.runId = 2;
  const second = await site.migrate();
  assert.equal(second.exitCode, 0, second.error?.message ?? 'no error');
  site.sql(`SET ROLE owner; ${NOTED}`);
  site.runId = 3;
  return site;
}

const statement = (number: number) => [`Statement 002_it.down.sql, statement ${number} (line 1) null`];

const RETYPED = ['Narrowing public.paid.c 1'];

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
  'where a sequence was put that has counted nothing yet': [
    'DROP SEQUENCE moved, begun, falling; ALTER TABLE restarted ALTER id DROP IDENTITY',
    ['Table public.moved 1', 'Table public.restarted_id_seq 1'],
  ],
  'not how far the sequence of a column has counted': ['DROP TABLE counted', []],
  'how far the sequence of a column that stays has counted': [
    'ALTER TABLE counted ALTER id DROP DEFAULT; DROP SEQUENCE counted_id_seq; ALTER TABLE numbered ALTER id DROP IDENTITY',
    ['Table public.counted_id_seq 1', 'Table public.numbered_id_seq 1'],
  ],
  'a sequence that begins again': [
    "ALTER SEQUENCE invoice RESTART; SELECT setval('invoice', 1); ALTER TABLE numbered ALTER id RESTART",
    [1, 2, 3].flatMap(statement),
  ],
  'a sequence that goes with another column': [
    'ALTER SEQUENCE invoice OWNED BY empty_one.id; ALTER TABLE empty_one DROP id',
    statement(2),
  ],
  'values of an identity, not of a generated column': [
    'ALTER TABLE numbered DROP twice; ALTER TABLE numbered DROP id',
    ['Column public.numbered.id 1'],
  ],
  'a NULL beside a constant default': ['ALTER TABLE noted DROP flag', ['Column public.noted.flag 1']],
  'a NULL beside a computed default': ['ALTER TABLE noted DROP at', ['Column public.noted.at 2']],
  'every row beside the default of a domain': ['ALTER TABLE noted DROP grade', ['Column public.noted.grade 2']],
  'what a collation only calls the same': ['ALTER TABLE noted DROP note', ['Column public.noted.note 1']],
  'an attribute of values somewhere': ['DROP TYPE mood CASCADE', ['Column public.feeling.is_now null']],
  'a column that gets the type that goes': [
    'ALTER TABLE users ALTER name TYPE level USING 1; DROP DOMAIN level CASCADE',
    ['Narrowing public.users.name 2', ...statement(2)],
  ],
  'what a new type under the name of the old one cannot hold': [
    'ALTER DOMAIN price RENAME TO price_old; CREATE DOMAIN price AS int; ALTER TABLE paid ALTER c TYPE price',
    RETYPED,
  ],
  'what a type cannot hold that is made where the path looks first': [
    'SET search_path = public, old; CREATE DOMAIN public.cost AS int; ALTER TABLE paid ALTER c TYPE cost',
    RETYPED,
  ],
  'what a type cannot hold that is moved to where the path looks first': [
    'SET search_path = public, old; ALTER DOMAIN shop.cost SET SCHEMA public; ALTER TABLE paid ALTER c TYPE cost',
    RETYPED,
  ],
  'what a type cannot hold that is found where the first one goes': [
    'SET search_path = public, old, shop; DROP DOMAIN old.cost; ALTER TABLE paid ALTER c TYPE cost',
    [...statement(2), ...RETYPED],
  ],
  'what a type cannot hold that is found where the schema of the first one goes': [
    'SET search_path = public, old, shop; ALTER SCHEMA old RENAME TO older; ALTER TABLE public.paid ALTER c TYPE cost',
    RETYPED,
  ],
  'what a type cannot hold that comes with a schema of that name': [
    'ALTER SCHEMA old RENAME TO older; ALTER SCHEMA shop RENAME TO old; ALTER TABLE paid ALTER c TYPE old.cost',
    RETYPED,
  ],
  'every value that gets a type with a cast of its own': [
    `CREATE CAST (numeric AS old.cost) WITH INOUT AS ASSIGNMENT; ALTER TABLE paid ALTER c TYPE old.cost`,
    RETYPED,
  ],
  'every value that gets a type that an extension may bring': [
    'SET search_path = public, old; CREATE EXTENSION pgcrypto; ALTER TABLE paid ALTER c TYPE cost',
    RETYPED,
  ],
  'values of the second table of a name, as the first is renamed': [
    'SET search_path = old, public; ALTER TABLE old.paid RENAME TO unpaid; ALTER TABLE paid ALTER c TYPE int',
    statement(3),
  ],
  'values of the second table of a name, as the schema of the first is renamed': [
    'SET search_path = old, public; ALTER SCHEMA old RENAME TO older; ALTER TABLE paid ALTER c TYPE int',
    statement(3),
  ],
  'values of the second table of a name, as the first goes': [
    'SET search_path = old, public; DROP TABLE old.paid; ALTER TABLE paid ALTER c TYPE int',
    statement(3),
  ],
  'values of the second table of a name, as the schema of the first goes': [
    'SET search_path = old, public; DROP SCHEMA old CASCADE; ALTER TABLE paid ALTER c TYPE int',
    statement(3),
  ],
  'values of a table beside a renamed one that has no namesake, counted as ever': [
    'SET search_path = old, public; ALTER TABLE users RENAME TO people; ALTER TABLE paid ALTER c TYPE int; ALTER TABLE public.paid ALTER c TYPE int',
    RETYPED,
  ],
  'nothing, where a type is not of those that come and go': [
    'SET search_path = public, old; CREATE SCHEMA added; CREATE DOMAIN another AS int; DROP DOMAIN price; DROP FUNCTION IF EXISTS nothing(cost, text); ALTER TABLE paid ALTER c TYPE cost',
    [],
  ],
  'nothing, where a type of the system cannot be another whatever comes': [
    'ALTER SCHEMA attic RENAME TO loft; CREATE EXTENSION pgcrypto; ALTER TABLE users ALTER name TYPE text',
    [],
  ],
  'nothing, where a materialized view has what its query gives': ['DROP MATERIALIZED VIEW fresh, unread', []],
  'what a materialized view has, and its query gives no more': [
    'REFRESH MATERIALIZED VIEW fresh; REFRESH MATERIALIZED VIEW stale; DROP MATERIALIZED VIEW stale',
    [...statement(2), 'Table public.stale 1'],
  ],
  'what materialized views have that go with what they read': [
    'DROP TABLE base CASCADE',
    ['Table public.beyond 1', 'Table public.standing 1'],
  ],
  'what a materialized view has that goes with a column, by way of a view': [
    'ALTER TABLE base DROP note CASCADE',
    ['Table public.beyond 1'],
  ],
  'a table that a setting for the transaction finds': [
    'SET LOCAL search_path = shop; DROP TABLE empty_one',
    ['Table shop.empty_one 1'],
  ],
  'a table that another role finds': ['SET ROLE clerk; DROP TABLE empty_one', ['Table clerk.empty_one 1']],
  'the second table of a name': [
    'SET search_path = public, shop; DROP TABLE empty_one; DROP TABLE empty_one',
    statement(3),
  ],
  'what a name finds after settings are taken back': [
    'SET search_path = shop; SAVEPOINT s; SET search_path = public; ROLLBACK TO s; DROP TABLE empty_one',
    statement(5),
  ],
  'what a trigger makes of an INSERT': [
    'INSERT INTO watched VALUES (1); INSERT INTO empty_one VALUES (1)',
    statement(1),
  ],
  'what a function does for a default, a check or an index': [
    'ALTER TABLE users ADD extra int DEFAULT gone(); ALTER TABLE users ADD CHECK (gone() = 1); CREATE INDEX ON users((gone()))',
    [1, 2, 3].flatMap(statement),
  ],
  'a table that a crash will empty': ['ALTER TABLE users SET UNLOGGED', statement(1)],
  'what no list has': [
    "COPY users TO PROGRAM 'cat'; COPY users FROM '/nowhere'; DROP OWNED BY app; TRUNCATE users; SELECT lo_unlink(1); EXPLAIN ANALYZE DELETE FROM users",
    [1, 2, 3, 4, 5, 6].flatMap(statement),
  ],
  'not what lies elsewhere or stays': [
    'ALTER TABLE users ADD other text DEFAULT upper($$a$$), ALTER name SET NOT NULL; CREATE INDEX ON users(lower(name)); ALTER TABLE users DROP CONSTRAINT users_pkey; LOCK TABLE users; COMMENT ON TABLE users IS NULL; ANALYZE users',
    [],
  ],
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

  it('is looked at with writers locked out, as the role of its own file and past every policy', async () => {
    const site = await migrated('-- migrate: role=clerk\nDROP TABLE clerk.secret');
    site.sql('SET ROLE owner; CREATE TABLE clerk.secret(id int); ALTER TABLE clerk.secret FORCE ROW LEVEL SECURITY');
    site.sql('ALTER TABLE clerk.secret ENABLE ROW LEVEL SECURITY');
    site.write('003_next.up.sql', 'SELECT 1');
    site.write('003_next.down.sql', 'SELECT 1');
    assert.equal((await site.migrate()).exitCode, 0);
    site.runId = 4;
    const planned = await site.planned('001_base');
    assert.deepEqual(planned.downgrade?.losses, []);
    const application = await site.session('postgres', 'an app that still runs');
    await application.query('BEGIN');
    await application.query('INSERT INTO clerk.secret VALUES (9)');
    const execution = { ...EXECUTION, lockTimeoutMilliseconds: 20_000, lockRetrySeconds: 30 };
    const running = site.migrate({ to: '001_base', direction: 'Down', planned, execution });
    await until(
      'the downgrade waits for the application',
      () => site.sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'clerk.secret'::regclass") === '1',
    );
    await application.query('COMMIT');
    const { error } = await running;
    await application.close();
    assert.equal(error?.code, 'PlanOutdated', error?.message ?? 'no error');
    assert.equal(site.sql('SELECT count(*) FROM clerk.secret'), '1');
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
