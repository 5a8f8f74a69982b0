import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readServer } from '../../src/engine/server.ts';
import { loadGrammar } from '../../src/engine/sql/statements.ts';
import { compareSnapshots, describeDifference } from '../../src/schema/difference.ts';
import { normalizedView } from '../../src/schema/normalize.ts';
import { raised } from '../../src/schema/revisions.ts';
import { readSnapshot, type SnapshotEntry } from '../../src/schema/snapshot.ts';
import { Site, serverForTests } from './site.ts';

const server = await serverForTests();
await loadGrammar();

const SCHEMA = `
  CREATE TABLE users(id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, old int, name text, email text DEFAULT 'x');
  CREATE INDEX users_name ON users(name);
  CREATE VIEW names AS SELECT id, name FROM users WHERE id > 5;
  CREATE TABLE gone(id int PRIMARY KEY CHECK (id > 0), u int REFERENCES users);
  COMMENT ON COLUMN gone.id IS 'an id';
  CREATE SEQUENCE far MAXVALUE 9223372036854775806;
  CREATE TYPE a_status_with_a_name_that_is_rather_long AS ENUM ('a', 'b');
  CREATE FUNCTION label(a_status_with_a_name_that_is_rather_long) RETURNS varchar LANGUAGE sql IMMUTABLE AS 'SELECT $1::varchar';
  CREATE TABLE tagged(id int, status varchar, tags varchar);
  CREATE VIEW labelled AS SELECT jsonb_build_object('tags', tags::text[], 'n', id) AS j FROM tagged
    WHERE status IN (label('a'), label('b')) AND tags IN ('c', 'd') AND status::a_status_with_a_name_that_is_rather_long = 'a'`;

describe('The difference of two schemas', () => {
  const cases: Readonly<Record<string, readonly [string, readonly string[]]>> = {
    'of one and the same is none': ['SELECT 1', []],
    'names what was added': ['ALTER TABLE users ADD COLUMN more int', ['column public.users.more was added']],
    'names a table that is gone, and nothing that hung on it': ['DROP TABLE gone', ['table public.gone was removed']],
    'names a table that came, and nothing that hangs on it': [
      "CREATE TABLE fresh(id serial PRIMARY KEY); COMMENT ON TABLE fresh IS 'x'; CREATE INDEX ON fresh(id)",
      ['table public.fresh was added'],
    ],
    'does not take columns that move up for moved': [
      'ALTER TABLE users DROP COLUMN old',
      ['column public.users.old was removed'],
    ],
    'names properties, from what to what': [
      "ALTER TABLE users ALTER email TYPE varchar(20), ALTER email SET NOT NULL, ALTER email SET DEFAULT 'y'; ALTER TABLE users ALTER old SET DEFAULT 1",
      [
        "column public.users.email: default from 'x'::text to 'y'::character varying; not null from none to yes; type from text to character varying(20)",
        'column public.users.old: default from none to 1',
      ],
    ],
    'names an index that is not valid': [
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'users_name'::regclass",
      ['index public.users_name: invalid from none to yes'],
    ],
    'names a view’s text': [
      'CREATE OR REPLACE VIEW names AS SELECT id, name FROM users WHERE id > 6',
      [
        'view public.names: definition from SELECT id, name FROM public.users WHERE (id > 5); to SELECT id, name FROM public.users WHERE (id > 6);',
      ],
    ],
    'names a cast to an array that is one to its element now, beside an IN list': [
      `CREATE OR REPLACE VIEW labelled AS SELECT jsonb_build_object('tags', tags::text, 'n', id) AS j FROM tagged
        WHERE status IN (label('a'), label('b')) AND tags IN ('c', 'd') AND status::a_status_with_a_name_that_is_rather_long = 'a'`,
      [
        "view public.labelled: definition from SELECT jsonb_build_object('tags', (tags)::text[], 'n', id) AS j FROM public.tagg… to SELECT jsonb_build_object('tags', (tags)::text, 'n', id) AS j FROM public.tagged…",
      ],
    ],
    'names a bound of a sequence that is another in its last digits': [
      'ALTER SEQUENCE far MAXVALUE 9223372036854775800',
      ['sequence public.far: maximum from 9223372036854775806 to 9223372036854775800'],
    ],
    'names an owner': [
      'ALTER TABLE users OWNER TO app',
      ['sequence public.users_id_seq: owner from owner to app', 'table public.users: owner from owner to app'],
    ],
  };

  it('is told object by object', async () => {
    const site = await Site.create(server);
    site.sql(`SET ROLE owner; ${SCHEMA}`);
    const session = await site.session('postgres');
    try {
      const { versionNumber } = await readServer(session);
      const side = async () => ({
        entries: await readSnapshot(session, versionNumber, 'migrate'),
        serverVersionNumber: versionNumber,
      });
      const before = await side();
      for (const [what, [sql, expected]] of Object.entries(cases)) {
        await session.query('BEGIN; SET LOCAL search_path TO public');
        await session.query(sql);
        await session.query('SET LOCAL search_path TO pg_catalog');
        const { differences, verdict } = compareSnapshots(before, await side());
        await session.query('ROLLBACK');
        assert.deepEqual(differences.map(describeDifference), expected, what);
        assert.equal(verdict, expected.length === 0 ? 'Same' : 'Drifted', what);
      }
    } finally {
      await session.close();
    }
  });
});

const entry = (kind: string, name: string, definition: object): SnapshotEntry => ({
  kind,
  name,
  definition: JSON.stringify(definition),
});

describe('A comparison', () => {
  const table = entry('table', 'public.t', { owner: 'a', grants: ['a=r/a'] });
  const column = (name: string, position: number) =>
    entry('column', `public.t.${name}`, { table: 'public.t', position });

  it('across majors never says drift', () => {
    const [before, after] = [15, 18].map((major, index) => ({
      entries: [entry('view', 'public.v', { definition: `SELECT ${index}` })],
      serverVersionNumber: major * 10_000,
    }));
    assert.ok(before && after);
    const { verdict, differences } = compareSnapshots(before, after);
    assert.deepEqual([verdict, differences.length], ['AcrossMajors', 1]);
    assert.equal(compareSnapshots(before, { ...before, serverVersionNumber: 180_000 }).verdict, 'Same');
  });

  it('may leave owners and grants out', () => {
    const other = entry('table', 'public.t', { owner: 'b' });
    assert.equal(compareSnapshots({ entries: [table] }, { entries: [other] }).differences.length, 1);
    assert.deepEqual(
      compareSnapshots({ entries: [table] }, { entries: [other] }, { owners: 'Ignored' }).differences,
      [],
    );
  });

  it('tells columns that changed places', () => {
    const { differences } = compareSnapshots(
      { entries: [table, column('a', 1), column('b', 2), column('c', 3)] },
      { entries: [table, column('b', 1), column('a', 2), column('c', 3)] },
    );
    assert.deepEqual(differences.map(describeDifference), [
      'column public.t.a: position from 1 to 2',
      'column public.t.b: position from 2 to 1',
    ]);
  });
});

describe('A snapshot of revision 1', () => {
  const cast = (definition: string) => ({ table: 'public.t', definition });
  const live = [
    entry('table', 'public.t', { owner: 'a', toastOptions: ['toast.autovacuum_enabled=false'] }),
    entry('function', 'public.f()', { owner: 'a', definition: 'x' }),
    entry('sequence', 'public.s', { owner: 'a', maximum: 1 }),
    entry('range type', 'public.r', { owner: 'a', subtype: 'text', collation: 'pg_catalog."C"' }),
    entry('constraint', 'public.t.c', {
      ...cast("CHECK (x = ANY (ARRAY[('a'::varchar)::text]))"),
      triggers: ['disabled on public.t'],
    }),
    entry('comment', 'on schema public', { text: 'ours' }),
    entry('privileges', 'on table pg_catalog.pg_authid', { grants: ['app=r/postgres'] }),
    entry('system object', 'function pg_catalog.f()', {}),
  ];
  const stored = [
    entry('table', 'public.t', { owner: 'a', grants: ['a=arwdDxt/a'] }),
    entry('function', 'public.f()', { owner: 'a', definition: 'x', grants: ['=X/a', 'a=X/a'] }),
    entry('sequence', 'public.s', { owner: 'a', maximum: 1, grants: ['a=rwU/a'] }),
    entry('range type', 'public.r', { owner: 'a', subtype: 'text' }),
    entry('constraint', 'public.t.c', cast("CHECK (x = ANY ((ARRAY['a'::varchar])::text[]))")),
  ];

  it('is no drift in what it could not hold or spelled otherwise', () => {
    assert.deepEqual(compareSnapshots({ entries: stored, revision: 1 }, { entries: live }).differences, []);
    assert.equal(compareSnapshots({ entries: stored }, { entries: live }).differences.length, 8);
  });

  it('keeps the bounds of a sequence to the last digit', () => {
    const sequence = (more: string) => ({
      ...entry('sequence', 'public.s', {}),
      definition: `{"maximum":9223372036854775807,${more}"owner":"a"}`,
    });
    const [kept] = raised({ entries: [sequence('')], revision: 1 }, [sequence('"cache":5,')]);
    assert.equal(kept?.definition, sequence('').definition);
  });

  it('is drift in all that it held', () => {
    const changed = [
      entry('table', 'public.t', { owner: 'a', unlogged: true }),
      entry('function', 'public.f()', { owner: 'a', definition: 'y', grants: ['a=X/a'] }),
      entry('sequence', 'public.s', { owner: 'a', maximum: 1, grants: ['a=rwU/a', 'app=U/a'] }),
    ];
    assert.deepEqual(
      compareSnapshots({ entries: stored, revision: 1 }, { entries: changed }).differences.map(describeDifference),
      [
        'constraint public.t.c was removed',
        'function public.f(): definition from x to y; grants from none to a=X/a',
        'range type public.r was removed',
        'sequence public.s: grants from none to a=rwU/a, app=U/a',
        'table public.t: unlogged from none to yes',
      ],
    );
  });
});

/** As 15 and 18 print the same views. */
describe('A view', () => {
  const views: Readonly<Record<string, readonly [string, string]>> = {
    'over one table': [
      ' SELECT t.id,\n    lower(t.name) AS name\n   FROM public.t\n  WHERE (t.id > 5);',
      ' SELECT id,\n    lower(name) AS name\n   FROM public.t\n  WHERE (id > 5);',
    ],
    'over one table with an alias that must be quoted': [
      ' SELECT "T x".id\n   FROM public.t "T x";',
      ' SELECT id\n   FROM public.t "T x";',
    ],
    'with an inner query, whose names keep their prefix': [
      ' SELECT t.id,\n    ( SELECT max(u.id) AS max\n           FROM public.u\n          WHERE (u.t = t.id)) AS m\n   FROM public.t;',
      ' SELECT id,\n    ( SELECT max(u.id) AS max\n           FROM public.u\n          WHERE (u.t = t.id)) AS m\n   FROM public.t;',
    ],
    'with names beyond ASCII': [
      " SELECT t.größe,\n    'ä.t'::text AS t\n   FROM public.t;",
      " SELECT größe,\n    'ä.t'::text AS t\n   FROM public.t;",
    ],
    'with groups and order': [
      ' SELECT t.a,\n    count(*) AS n\n   FROM public.t\n  GROUP BY t.a\n  ORDER BY t.a;',
      ' SELECT a,\n    count(*) AS n\n   FROM public.t\n  GROUP BY a\n  ORDER BY a;',
    ],
    'over a subquery': [
      ' SELECT s.id\n   FROM ( SELECT t.id\n           FROM public.t) s;',
      ' SELECT id\n   FROM ( SELECT t.id\n           FROM public.t) s;',
    ],
  };
  for (const [what, [old, now]] of Object.entries(views)) {
    it(`${what} is the same text from 15 and from 18`, () => {
      assert.equal(normalizedView(old), now);
      assert.equal(normalizedView(now), now);
    });
  }

  it('over two tables keeps its prefixes', () => {
    const sql = ' SELECT t.id,\n    u.id AS other\n   FROM (public.t\n     JOIN public.u ON ((t.id = u.id)));';
    assert.equal(normalizedView(sql), sql);
  });
});
