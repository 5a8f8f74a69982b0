// What a downgrade of a SQLite file would lose is asked about also where no statement says so by itself: a table rebuilt
// without a column, a table dropped under the name that it has just been given.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openSqlite } from '../../src/database/sqlite.ts';
import { sqliteLosses } from '../../src/engine/sqlite/losses.ts';
import { parseSqliteFile } from '../../src/engine/sqlite/statements.ts';

const UP = `CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER); CREATE TABLE empty_one (id INTEGER, name TEXT);
  INSERT INTO users VALUES (1, 'a', NULL), (2, 'b', NULL);`;

const CASES: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  'nothing, where a table is rebuilt with all that it has': [
    'CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT, age TEXT); INSERT INTO n SELECT * FROM users; DROP TABLE users; ALTER TABLE n RENAME TO users;',
    [],
  ],
  'nothing, where only an empty column is left out': [
    'CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO n (id, name) SELECT id, "name" FROM users; DROP TABLE users; ALTER TABLE n RENAME TO users;',
    [],
  ],
  'the column that a rebuilt table has no more': [
    'CREATE TABLE n (id INTEGER PRIMARY KEY); INSERT INTO n SELECT id FROM users; DROP TABLE users; ALTER TABLE n RENAME TO users;',
    ['Column users.name 2'],
  ],
  'the same where the old one is renamed first': [
    'ALTER TABLE users RENAME TO o; CREATE TABLE users (id INTEGER PRIMARY KEY); INSERT INTO users SELECT id FROM o; DROP TABLE o;',
    ['Column users.name 2'],
  ],
  'the rows of a rebuilt table that nobody copies': [
    'CREATE TABLE n (id INTEGER PRIMARY KEY); DROP TABLE users; ALTER TABLE n RENAME TO users;',
    ['Table users 2'],
  ],
  'what a rebuild copies in part': [
    'CREATE TABLE n (id INTEGER PRIMARY KEY); INSERT INTO n SELECT id, name, age FROM users WHERE id > 1; DROP TABLE users; ALTER TABLE n RENAME TO users;',
    ['Statement 002_it.down.sql, statement 2 (line 1) null'],
  ],
  'a table under its new name': ['ALTER TABLE users RENAME TO people; DROP TABLE people;', ['Table users 2']],
  'a table under the name of an empty one': [
    'ALTER TABLE empty_one RENAME TO spare; ALTER TABLE users RENAME TO empty_one; DROP TABLE empty_one;',
    ['Table users 2'],
  ],
  'a column under its new name': [
    'ALTER TABLE users RENAME COLUMN name TO called; ALTER TABLE users DROP COLUMN called;',
    ['Column users.name 2'],
  ],
  'rows that are picked out or changed': [
    "DELETE FROM users WHERE id = 1; UPDATE users SET name = 'x';",
    [1, 2].map(number => `Statement 002_it.down.sql, statement ${number} (line 1) null`),
  ],
};

function lossesOf(script: string, direction: 'Up' | 'Down'): readonly string[] {
  const connection = openSqlite(':memory:', { mode: 'Create', busyTimeoutMs: 0 });
  try {
    for (const { text } of parseSqliteFile({ file: '001_a.up.sql', text: UP, checksum: '' }).statements)
      connection.execute(text);
    const file = parseSqliteFile({ file: '002_it.down.sql', text: script, checksum: '' });
    const losses = sqliteLosses(connection, [{ version: '002_it', file }], direction);
    return losses.map(one => `${one.kind} ${one.name} ${one.rows}`);
  } finally {
    connection.close();
  }
}

describe('On SQLite, what a downgrade would lose', () => {
  for (const [what, [down, expected]] of Object.entries(CASES)) {
    it(`is said: ${what}`, () => assert.deepEqual(lossesOf(down, 'Down'), expected));
  }

  it('is not asked about on the way up, where statements that change rows are what was wanted', () => {
    assert.deepEqual(lossesOf("UPDATE users SET name = 'x' WHERE id = 1; DELETE FROM users WHERE id = 2;", 'Up'), []);
  });
});
