// Which values of a column are lost with it: those that the ups, run again, would not give. What the column's default is today
// proves nothing: it may have been set long after the rows got their values.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Site, serverForTests } from './site.ts';

const server = await serverForTests();

const BASE = `CREATE TABLE t(id int); INSERT INTO t VALUES (1), (2), (3); CREATE DOMAIN d AS text; CREATE TYPE mood AS ENUM ('sad', 'glad');
  CREATE SCHEMA shop; CREATE TABLE shop.twice(id int); CREATE TABLE twice(id int); INSERT INTO twice VALUES (1);
  CREATE TABLE audit(id int); INSERT INTO audit VALUES (1); CREATE TABLE domains(id int); INSERT INTO domains VALUES (1); CREATE TABLE log(id int); CREATE FUNCTION bump() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE t SET id = id; RETURN NULL; END';
  CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN UPDATE t SET id = id; RETURN 1; END'`;

/** What the second version does, what happens to the rows, and what is lost by which column after all. */
const CASES: Readonly<Record<string, readonly [string, string, Readonly<Record<string, number>>]>> = {
  'counts what today’s default only looks like': [
    `ALTER TABLE t ADD status text; ALTER TABLE t ALTER status SET DEFAULT 'new'; ALTER TABLE t ADD ranked d;
      ALTER DOMAIN d SET DEFAULT 'vip'; ALTER TABLE t ADD other int DEFAULT 1, ADD gone int DEFAULT 1, ADD listed text DEFAULT '{ a }'::text[]`,
    "UPDATE t SET status = 'new', ranked = 'vip', other = 5, listed = '{ a }'; ALTER TABLE t ALTER other SET DEFAULT 5, ALTER gone DROP DEFAULT",
    { status: 3, ranked: 3, other: 3, gone: 0, listed: 3 },
  ],
  'does not count what the ups give': [
    `SET search_path = public; ALTER TABLE t ADD a int DEFAULT -5, ADD b numeric(3,1) DEFAULT 0.5, ADD c bool NOT NULL DEFAULT false, ADD e text[] DEFAULT ARRAY['a'];
      ALTER TABLE IF EXISTS t ADD f jsonb DEFAULT '{}'::jsonb, ADD g mood DEFAULT 'sad', ADD h text DEFAULT E'a\\\\b''c', ADD i text DEFAULT NULL;
      ALTER TABLE public.t ADD j char(3) DEFAULT 'x', ADD k bit(1) DEFAULT B'1', ADD l float8 DEFAULT 1e10;
      ALTER TABLE t ADD m interval DEFAULT interval '1 day', ADD n bit(8) DEFAULT X'1F'; INSERT INTO log VALUES (1)`,
    'UPDATE t SET a = NULL, g = NULL, i = 1 WHERE id = 1',
    { a: 1, b: 0, c: 0, e: 0, f: 0, g: 1, h: 0, i: 1, j: 0, k: 0, l: 0, m: 0, n: 0 },
  ],
  'counts every row of what cannot be told': [
    `ALTER TABLE t ADD a serial, ADD b timestamptz DEFAULT 'now', ADD c int DEFAULT 1 + 1, ADD d int DEFAULT 1; ALTER TABLE t ALTER d TYPE text;
      ALTER TABLE t RENAME c TO e`,
    'UPDATE t SET b = NULL, e = NULL',
    { a: 3, b: 3, d: 3, e: 3 },
  ],
  'counts every row where something else may have written it': [
    'ALTER TABLE t ADD a int DEFAULT 1; UPDATE t SET a = 1',
    '',
    { a: 3 },
  ],
  'also a function': ['ALTER TABLE t ADD a int DEFAULT 1; SELECT f()', '', { a: 3 }],
  'also a trigger': [
    'ALTER TABLE t ADD a int DEFAULT 1; CREATE TRIGGER b AFTER INSERT ON log EXECUTE PROCEDURE bump(); INSERT INTO log VALUES (1)',
    '',
    { a: 3 },
  ],
  'takes no other table of the name for the one that the ups mean': [
    'ALTER TABLE twice ADD a int DEFAULT 1',
    '',
    { 'twice.a': 1 },
  ],
  'knows a table by a name that the ledger and the server’s own schemas use too': [
    'ALTER TABLE audit ADD a int DEFAULT 1; ALTER TABLE domains ADD a int DEFAULT 1',
    '',
    { 'audit.a': 0, 'domains.a': 0 },
  ],
};

const APP = `CREATE SCHEMA app; CREATE TYPE app.mood AS ENUM ('sad', 'glad'); CREATE DOMAIN app.short AS varchar(3);
  CREATE TABLE app.t(id int, kept app.mood, s text); INSERT INTO app.t VALUES (1, 'sad', 'ab'); CREATE TABLE app.log(id int);
  CREATE FUNCTION app.bump() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE app.t SET id = id; RETURN NULL; END';
  CREATE TRIGGER b AFTER INSERT ON app.log EXECUTE PROCEDURE app.bump()`;

/** Up, down, what is lost: the tables and types are in a schema that no role has in its search path. */
const ELSEWHERE: Readonly<Record<string, readonly [string, string, readonly string[]]>> = {
  'a column of such a type': [
    "SET search_path TO app; ALTER TABLE t ADD m mood NOT NULL DEFAULT 'glad', ADD n mood[] DEFAULT ARRAY['sad'::mood]",
    'SET search_path TO app; ALTER TABLE t DROP m, DROP n',
    [],
  ],
  'the same, where the down names the schema': [
    `SET search_path TO app; ALTER TABLE t ADD m mood NOT NULL DEFAULT 'glad'::mood, ADD n mood[] DEFAULT ARRAY['sad']::mood[],
      ADD o mood[] DEFAULT ARRAY['sad'::mood, 'glad'], ADD p text DEFAULT 'x'::text`,
    'ALTER TABLE app.t DROP m, DROP n, DROP o, DROP p',
    [],
  ],
  'another type for a column': [
    'SELECT 1',
    'SET search_path TO app; ALTER TABLE t ALTER kept TYPE text, ALTER s TYPE short',
    [],
  ],
  'an INSERT that sets off a trigger': [
    'SET search_path TO app; ALTER TABLE t ADD m int DEFAULT 1; INSERT INTO log VALUES (1)',
    'ALTER TABLE app.t DROP m',
    ['app.t.m 1'],
  ],
};

describe('A column that a downgrade drops', () => {
  it('is lost with all values but those that its ups give again', async () => {
    await Promise.all(
      Object.entries(CASES).map(async ([what, [up, change, expected]]) => {
        const columns = Object.keys(expected).map(column => (column.includes('.') ? column : `t.${column}`));
        const down = columns.map(name => `ALTER TABLE ${name.replace('.', ' DROP COLUMN ')}`).join('; ');
        const site = await Site.create(server, {
          '001_base.up.sql': BASE,
          '002_it.up.sql': up,
          '002_it.down.sql': down,
        });
        const { error } = await site.migrate();
        assert.equal(error, undefined, `${what}: ${error?.message}`);
        site.sql(`SET ROLE owner; ${change}`);
        site.runId = 2;
        const counted = Object.values(expected).flatMap((rows, at) =>
          rows === 0 ? [] : [`public.${columns[at]} ${rows}`],
        );
        const seen = async () => {
          const { plan, error: problem } = await site.plan({ target: '001_base' });
          return plan?.downgrade?.losses.map(({ name, rows }) => `${name} ${rows}`) ?? problem?.message;
        };
        assert.deepEqual(await seen(), counted, what);
      }),
    );
  });

  it('is counted, and looked at again, with types and tables that only the search_path of a script finds', async () => {
    const seen = await Promise.all(
      Object.entries(ELSEWHERE).map(async ([what, [up, down, expected]]) => {
        const site = await Site.create(server, {
          '001_base.up.sql': APP,
          '002_it.up.sql': up,
          '002_it.down.sql': down,
        });
        const { error } = await site.migrate();
        assert.equal(error, undefined, `${what}: ${error?.message}`);
        site.runId = 2;
        const planned = await site.planned('001_base');
        const losses = planned.downgrade?.losses.map(({ name, rows }) => `${name} ${rows}`);
        const isRun = losses?.length === 0 && expected.length === 0;
        const undone = isRun ? await site.migrate({ to: '001_base', direction: 'Down', planned }) : undefined;
        return [what, undone?.error?.message ?? losses] as const;
      }),
    );
    const expected = Object.entries(ELSEWHERE).map(([what, [, , losses]]) => [what, losses]);
    assert.deepEqual(Object.fromEntries(seen), Object.fromEntries(expected));
  });

  it('is not lost for a version of nothing but comments, or another session’s temporary table', async () => {
    const site = await Site.create(server, {
      '001_base.up.sql': BASE,
      '002_it.up.sql': 'ALTER TABLE t ADD a int DEFAULT 1',
      '002_it.down.sql': 'ALTER TABLE t DROP COLUMN a',
      '003_nothing.up.sql': '-- nothing yet',
      '003_nothing.down.sql': '-- nothing yet',
    });
    const { error } = await site.migrate();
    assert.equal(error, undefined);
    const session = await site.session('owner');
    try {
      await session.query('CREATE TEMPORARY TABLE t(id int)');
      site.runId = 2;
      assert.deepEqual((await site.planned('001_base')).downgrade?.losses, []);
    } finally {
      await session.close();
    }
  });

  it('is lost with all values where nobody has the up any more', async () => {
    const down = 'ALTER TABLE t DROP COLUMN a; ALTER TABLE t DROP COLUMN b';
    const up = 'ALTER TABLE t ADD a int DEFAULT 1; ALTER TABLE t ADD b int';
    const site = await Site.create(server, { '001_base.up.sql': BASE, '002_it.up.sql': up, '002_it.down.sql': down });
    await site.migrate();
    for (const file of ['002_it.up.sql', '002_it.down.sql']) site.remove(file);
    site.runId = 2;
    const { plan, error } = await site.plan({ target: '001_base' });
    assert.deepEqual(plan?.downgrade?.losses, [{ kind: 'Column', name: 'public.t.a', rows: 3 }], error?.message ?? '');
  });
});
