import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openSqlite } from '../../../src/database/sqlite.ts';
import type { SqliteConnection } from '../../../src/engine/sqlite/connection.ts';
import { readSqliteSnapshot } from '../../../src/engine/sqlite/snapshot.ts';
import { compareSnapshots, describeDifference } from '../../../src/schema/difference.ts';
import { readSqliteObjects } from '../../../src/schema/statements/sqlite/objects.ts';
import { rememberedObjects } from '../../../src/schema/statements/sqlite/remembered.ts';
import { sqliteStatementsBetween } from '../../../src/schema/statements/sqlite/write.ts';

const memory = () => openSqlite(':memory:', { mode: 'Create', busyTimeoutMs: 0 });

function made(...texts: readonly string[]): SqliteConnection {
  const connection = memory();
  for (const sql of texts) connection.execute(sql);
  return connection;
}

const left = (one: SqliteConnection, other: SqliteConnection) =>
  compareSnapshots({ entries: readSqliteSnapshot(one) }, { entries: readSqliteSnapshot(other) }).differences;

/** Leads an empty copy of the first schema to the second; answers the text and what is left, none of it in silence. */
function lead(base: SqliteConnection, goal: SqliteConnection, rows: readonly string[] = []) {
  const { body } = sqliteStatementsBetween(readSqliteObjects(base), readSqliteObjects(goal), memory);
  const copy = made(
    ...readSqliteObjects(base)
      .filter(one => one.made === 'Written')
      .map(one => one.sql),
    ...rows,
  );
  copy.execute(body);
  const differences = left(copy, goal);
  const comments = body.split('\n').filter(line => line.startsWith('--'));
  const silent = differences.filter(({ name }) => !comments.some(line => line.includes(name)));
  assert.deepEqual(silent, [], `left out in silence by\n${body}`);
  return { body, left: differences.map(describeDifference) };
}

const BASE = `CREATE TABLE "users" (id integer PRIMARY KEY, "email" text NOT NULL UNIQUE, old text, CHECK (id > 0)) STRICT;
  CREATE TABLE posts (author integer REFERENCES users, title text COLLATE NOCASE);
  CREATE INDEX posts_title ON posts (title) WHERE author > 5; CREATE VIEW emails AS SELECT email FROM users;
  CREATE TRIGGER counted AFTER INSERT ON posts BEGIN SELECT 1; SELECT 2; END;
  CREATE TRIGGER instead INSTEAD OF DELETE ON emails BEGIN SELECT 3; END;`;

describe('Statements from the difference of two SQLite schemas', () => {
  const cases: Readonly<Record<string, readonly [string, RegExp?]>> = {
    'everything gone': [
      'DROP VIEW emails; DROP TABLE posts; DROP TABLE users',
      /-- Destroys data: every row of posts\.\nDROP TABLE "posts";/,
    ],
    'columns more and fewer': [
      "ALTER TABLE users ADD COLUMN phone text DEFAULT ';--'; ALTER TABLE users DROP COLUMN old; ALTER TABLE posts ADD COLUMN n int DEFAULT 5 NOT NULL",
    ],
    'a column that cannot be added to rows': [
      'ALTER TABLE posts ADD COLUMN made text NOT NULL DEFAULT (1 + 1)',
      /-- SQLite refuses it where the table has rows: .*\nALTER TABLE "posts" ADD COLUMN made/,
    ],
    'a column renamed, which is not guessed': [
      'ALTER TABLE posts ADD COLUMN heading text COLLATE NOCASE; DROP INDEX posts_title; ALTER TABLE posts DROP COLUMN title',
      /-- {3}ALTER TABLE "posts" RENAME COLUMN "title" TO "heading";/,
    ],
    'a table renamed, which is not guessed': [
      'ALTER TABLE posts RENAME TO articles',
      /articles above has the same columns\. .*ALTER TABLE "posts" RENAME TO "articles"/,
    ],
    'a table that ALTER cannot change': [
      'DROP VIEW emails; DROP TABLE users; CREATE TABLE users (id integer PRIMARY KEY, email text UNIQUE, old text, CHECK (id > 0)) STRICT; CREATE VIEW emails AS SELECT email FROM users',
      /-- {5}INSERT INTO "users_new" \("id", "email", "old"\) SELECT/,
    ],
    'indexes, views and triggers that are other ones': [
      `DROP INDEX posts_title; CREATE UNIQUE INDEX posts_title ON posts (title DESC); DROP VIEW emails; CREATE VIEW emails AS SELECT id, email FROM users;
       CREATE TRIGGER instead INSTEAD OF DELETE ON emails BEGIN SELECT 3; END; DROP TRIGGER counted; CREATE TRIGGER counted BEFORE DELETE ON posts BEGIN SELECT 1; END`,
    ],
    'a virtual table, whose own tables come with it': ['CREATE VIRTUAL TABLE words USING fts5(word)'],
    'a generated column and one of a key': [
      'ALTER TABLE posts ADD COLUMN long int GENERATED ALWAYS AS (length(title)) VIRTUAL; ALTER TABLE posts ADD COLUMN editor integer REFERENCES users (id)',
    ],
  };

  for (const [what, [change, says = /^/]] of Object.entries(cases)) {
    it(`lead there and back: ${what}`, () => {
      const [base, goal] = [made(BASE), made(BASE, change)];
      const up = lead(base, goal);
      assert.match(up.body, says);
      const isBeyondAlter = what.includes('cannot change');
      assert.equal(up.left.length > 0, isBeyondAlter, up.body);
      lead(goal, base);
    });
  }

  it('keep rows: only what they say destroys data does', () => {
    const goal = made(BASE, 'ALTER TABLE posts ADD COLUMN n int DEFAULT 5; DROP VIEW emails');
    const base = made(BASE);
    const { body } = sqliteStatementsBetween(readSqliteObjects(base), readSqliteObjects(goal), memory);
    base.execute("INSERT INTO users VALUES (1, 'a', 'b')");
    base.execute("INSERT INTO posts VALUES (1, 't')");
    base.execute(body);
    assert.deepEqual({ ...base.query('SELECT * FROM posts')[0] }, { author: 1, title: 't', n: 5 });
    assert.doesNotMatch(body, /Destroys/);
  });

  it('of a schema of which only the snapshot is known are the same, but for what it does not tell', () => {
    const base = made(
      BASE,
      `CREATE TABLE pairs (a int, b text DEFAULT 'x y', c DEFAULT (1 + 2), PRIMARY KEY (a, b), UNIQUE (b, c)) WITHOUT ROWID;
      CREATE TABLE refs (a int, b text, FOREIGN KEY (a, b) REFERENCES pairs (a, b) ON DELETE CASCADE, CHECK (a || b <> '' AND a >= 1));
      CREATE TABLE counted (id integer PRIMARY KEY AUTOINCREMENT)`,
    );
    const { objects, unknown } = rememberedObjects(readSqliteSnapshot(base));
    const again = made(...objects.map(one => one.sql));
    assert.deepEqual(left(base, again).map(describeDifference), [
      'table posts: collations from NOCASE to none',
      'table users: unique from of one column to none',
    ]);
    assert.deepEqual(unknown, [
      'the snapshot does not tell in which order columns stand',
      'table posts: the snapshot does not tell which of its columns have a COLLATE',
      'table users: the snapshot does not tell which of its columns are UNIQUE by themselves',
    ]);
  });
});
