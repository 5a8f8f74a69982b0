// What a downgrade of a SQLite file would lose is asked about also where no statement says so by itself: a table rebuilt
// without a column, a table dropped under the name that it has just been given.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openSqlite } from '../../src/database/sqlite.ts';
import { sqliteLosses } from '../../src/engine/sqlite/losses.ts';
import { applySqlite, revertSqlite } from '../../src/engine/sqlite/migrate.ts';
import { parseSqliteFile } from '../../src/engine/sqlite/statements.ts';

const UP = `CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER); CREATE TABLE empty_one (id INTEGER, name TEXT);
  INSERT INTO users VALUES (1, 'a', NULL), (2, 'b', NULL);
  CREATE TABLE noted (note TEXT COLLATE NOCASE DEFAULT 'none', at TEXT DEFAULT CURRENT_TIMESTAMP, flag INTEGER DEFAULT 0,
    twice TEXT AS (note || note));
  INSERT INTO noted (note, at, flag) VALUES ('none', NULL, 0), ('NONE', NULL, NULL);
  CREATE TABLE phones (number TEXT, code REAL); INSERT INTO phones VALUES ('012', 1.5), ('12', 2);
  CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO counted DEFAULT VALUES; INSERT INTO counted DEFAULT VALUES;
  DELETE FROM counted WHERE id = 2;
  CREATE TABLE strict (value ANY) STRICT; INSERT INTO strict VALUES ('012'), (7);
  CREATE TABLE clauses (a TEXT UNIQUE ON CONFLICT REPLACE, b INTEGER, CONSTRAINT one UNIQUE (a, b) ON CONFLICT IGNORE);
  INSERT INTO clauses VALUES ('a', 1);
  CREATE TABLE large (id INTEGER PRIMARY KEY AUTOINCREMENT, seq); INSERT INTO large VALUES (1700000000000000000, 0);
  CREATE TABLE larger (id INTEGER PRIMARY KEY AUTOINCREMENT, seq); INSERT INTO larger VALUES (1700000000000000000, 0), (1700000000000000001, 0);
  DELETE FROM larger WHERE id = 1700000000000000001;
  CREATE TABLE owners (id INTEGER PRIMARY KEY); CREATE TABLE pets (owner REFERENCES owners ON DELETE CASCADE);
  INSERT INTO owners VALUES (1); INSERT INTO pets VALUES (1);
  CREATE TABLE watched (id INTEGER); CREATE TRIGGER watch AFTER INSERT ON watched BEGIN DELETE FROM users; END;`;

const statement = (number: number) => [`Statement 002_it.down.sql, statement ${number} (line 1) null`];

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
  'every row of a column beside a default, where nobody knows what gave it': [
    'ALTER TABLE noted DROP COLUMN note; ALTER TABLE noted DROP COLUMN at; ALTER TABLE noted DROP COLUMN flag; ALTER TABLE noted DROP COLUMN twice;',
    ['Column noted.note 2', 'Column noted.at 2', 'Column noted.flag 2'],
  ],
  'a rebuilt table that is dropped after all': [
    'CREATE TABLE n (id INTEGER, called TEXT); INSERT INTO n SELECT id, name FROM users; DROP TABLE users; ALTER TABLE n RENAME TO users; ALTER TABLE users DROP COLUMN called; DELETE FROM users; DROP TABLE users;',
    [...statement(5), 'Table users 2', 'Table users 2'],
  ],
  'a table that is rebuilt twice, and copied once': [
    'CREATE TABLE n AS SELECT * FROM users; DROP TABLE users; ALTER TABLE n RENAME TO users; CREATE TABLE m (id INTEGER); DROP TABLE users; ALTER TABLE m RENAME TO users;',
    ['Table users 2'],
  ],
  'the same where the copy is made at once': [
    'CREATE TABLE n AS SELECT * FROM users; DROP TABLE users; ALTER TABLE n RENAME TO users; DROP TABLE users;',
    ['Table users 2'],
  ],
  'values that are made anew in a rebuilt table': [
    'CREATE TABLE n (id INTEGER, name TEXT, age INTEGER); INSERT INTO n SELECT id, substr(name, 1, 0), age FROM users; DROP TABLE users; ALTER TABLE n RENAME TO users;',
    statement(2),
  ],
  'values that a rebuilt table stores differently': [
    'CREATE TABLE n (code INTEGER NOT NULL, number DECIMAL(10, 5) DEFAULT 0); INSERT INTO n (number, code) SELECT number, code FROM phones; DROP TABLE phones; ALTER TABLE n RENAME TO phones;',
    ['Narrowing phones.number 1', 'Narrowing phones.code 1'],
  ],
  'the same where all columns are copied': [
    'CREATE TABLE n (number INT, code FLOAT); INSERT INTO n SELECT * FROM phones; DROP TABLE phones; ALTER TABLE n RENAME TO phones;',
    ['Narrowing phones.number 1'],
  ],
  'a column that a copy does not take beside values that are made anew': [
    'CREATE TABLE n (id INTEGER, name TEXT, age INTEGER); INSERT INTO n (id, name) SELECT u.id + 1 AS "name", 5 FROM users u; DROP TABLE users; ALTER TABLE n RENAME TO users;',
    [...statement(2), 'Column users.name 2'],
  ],
  'values that a type without a meaning of its own stores differently': [
    'CREATE TABLE n (number ANY, code ANY); INSERT INTO n SELECT * FROM phones; DROP TABLE phones; ALTER TABLE n RENAME TO phones;',
    ['Narrowing phones.number 1'],
  ],
  'nothing, where that type is of a STRICT table, which keeps what it gets': [
    'CREATE TABLE n (number ANY, code ANY) STRICT; INSERT INTO n SELECT * FROM phones; DROP TABLE phones; ALTER TABLE n RENAME TO phones;',
    [],
  ],
  'the same on the way back from it': [
    'CREATE TABLE n (value INTEGER); INSERT INTO n SELECT value FROM strict; DROP TABLE strict; ALTER TABLE n RENAME TO strict;',
    ['Narrowing strict.value 1'],
  ],
  'rows that are copied into another table than the one that gets the name': [
    'CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT, age INTEGER); CREATE TEMP TABLE keep AS SELECT * FROM users; DROP TABLE users; ALTER TABLE n RENAME TO users; INSERT INTO users SELECT * FROM keep WHERE id = 1;',
    ['Table users 2'],
  ],
  'nothing, where two tables change names before the old one goes': [
    'CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT, age INTEGER); INSERT INTO n SELECT * FROM users; ALTER TABLE users RENAME TO o; ALTER TABLE n RENAME TO users; DROP TABLE o;',
    [],
  ],
  'the column that the one of them has no more': [
    'CREATE TABLE n (id INTEGER PRIMARY KEY); INSERT INTO n SELECT id FROM users; ALTER TABLE users RENAME TO o; ALTER TABLE n RENAME TO users; DROP TABLE o;',
    ['Column users.name 2'],
  ],
  'all rows, where it is another that was copied to': [
    'CREATE TABLE n (id INTEGER PRIMARY KEY); CREATE TEMP TABLE keep AS SELECT * FROM users; ALTER TABLE users RENAME TO o; ALTER TABLE n RENAME TO users; DROP TABLE o;',
    ['Table users 2'],
  ],
  'rows that are copied into a temporary table, which gets the name': [
    'CREATE TEMP TABLE n AS SELECT * FROM users; DROP TABLE users; ALTER TABLE n RENAME TO users;',
    ['Table users 2'],
  ],
  'the same where it takes the place before': [
    'ALTER TABLE users RENAME TO o; CREATE TABLE temp.users AS SELECT * FROM o; DROP TABLE o;',
    ['Table users 2'],
  ],
  'nothing, where the copy is named twice, and another table copied, too': [
    'CREATE TABLE n AS SELECT * FROM users; CREATE TABLE archive AS SELECT id FROM users; ALTER TABLE n RENAME TO m; DROP TABLE users; ALTER TABLE m RENAME TO users;',
    [],
  ],
  'nothing, where the rows come by a table that holds all of them': [
    'CREATE TEMP TABLE keep AS SELECT * FROM users; CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT, age INTEGER); INSERT INTO n SELECT * FROM keep; DROP TABLE users; ALTER TABLE n RENAME TO users;',
    [],
  ],
  'rows that are copied into a table of which the file does not say what it keeps': [
    'INSERT INTO empty_one SELECT * FROM phones; DROP TABLE phones; ALTER TABLE empty_one RENAME TO phones;',
    ['Table phones 2'],
  ],
  'rows that a conflict clause of the new table passes over': [
    'CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT UNIQUE ON CONFLICT IGNORE, age INTEGER); INSERT INTO n SELECT * FROM users; DROP TABLE users; ALTER TABLE n RENAME TO users;',
    ['Table users 2'],
  ],
  'nothing, where the old one has the same clauses': [
    'CREATE TABLE n (a TEXT unique ON CONFLICT REPLACE, b INTEGER, CONSTRAINT one UNIQUE (a, b) ON CONFLICT IGNORE, c TEXT); INSERT INTO n (a, b) SELECT a, b FROM clauses; DROP TABLE clauses; ALTER TABLE n RENAME TO clauses;',
    [],
  ],
  'what another clause passes over': [
    'CREATE TABLE n (a TEXT UNIQUE ON CONFLICT REPLACE, b INTEGER NOT NULL ON CONFLICT IGNORE); INSERT INTO n SELECT a, b FROM clauses; DROP TABLE clauses; ALTER TABLE n RENAME TO clauses;',
    ['Table clauses 1'],
  ],
  'nothing, where a helper goes whose source stays': [
    'CREATE TEMP TABLE counts AS SELECT name, count(*) AS age FROM users GROUP BY name; CREATE TABLE more AS SELECT * FROM counts; ALTER TABLE more DROP COLUMN age; DELETE FROM more; DROP TABLE counts; DROP TABLE more;',
    [],
  ],
  'nothing, where a helper goes whose source is rebuilt': [
    'CREATE TEMP TABLE keep AS SELECT * FROM users; CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT, age INTEGER); INSERT INTO n SELECT * FROM users; DROP TABLE users; ALTER TABLE n RENAME TO users; DROP TABLE keep;',
    [],
  ],
  'once, the rows whose helper goes after them': [
    'CREATE TABLE keep AS SELECT * FROM users; DROP TABLE users; DROP TABLE keep;',
    ['Table users 2'],
  ],
  'rows of a copy that is emptied, or loses a column, before it gets the name': [
    'CREATE TABLE n AS SELECT * FROM users; ALTER TABLE n DROP COLUMN name; DELETE FROM n; DROP TABLE users; ALTER TABLE n RENAME TO users;',
    ['Column users.name 2', 'Table users 2'],
  ],
  'rows of a table that hands them on to such a copy': [
    'CREATE TEMP TABLE keep AS SELECT * FROM users; DELETE FROM keep; CREATE TABLE n AS SELECT * FROM keep; DROP TABLE users; ALTER TABLE n RENAME TO users;',
    ['Table users 2'],
  ],
  'rows of a copy that is dropped before, and made again without them': [
    'CREATE TABLE n AS SELECT * FROM users; DROP TABLE n; CREATE TABLE n (id INTEGER); DROP TABLE users; ALTER TABLE n RENAME TO users;',
    ['Table users 2'],
  ],
  'the numbers that AUTOINCREMENT has given out': [
    'CREATE TABLE n (id INTEGER PRIMARY KEY); INSERT INTO n SELECT id FROM counted; DROP TABLE counted; ALTER TABLE n RENAME TO counted;',
    statement(2),
  ],
  'nothing, where such numbers are larger than those of JavaScript': [
    'CREATE TABLE n (id INTEGER PRIMARY KEY AUTOINCREMENT, seq); INSERT INTO n SELECT * FROM large; DROP TABLE large; ALTER TABLE n RENAME TO large;',
    [],
  ],
  'the same, where the highest has gone': [
    'CREATE TABLE n (id INTEGER PRIMARY KEY, seq); INSERT INTO n SELECT * FROM larger; DROP TABLE larger; ALTER TABLE n RENAME TO larger;',
    statement(2),
  ],
  'rows that go with others': ['DELETE FROM owners;', ['Table owners 1', ...statement(1)]],
  'what a trigger makes of an INSERT': [
    'INSERT INTO watched VALUES (1); INSERT INTO users (name) VALUES (1);',
    statement(1),
  ],
  'what a name means after ROLLBACK TO': [
    'SAVEPOINT s; ALTER TABLE empty_one RENAME TO spare; ALTER TABLE users RENAME TO empty_one; ROLLBACK TO s; DROP TABLE empty_one;',
    statement(5),
  ],
  'the numbers of the application itself': [
    'PRAGMA user_version = 0; PRAGMA user_version; DETACHED;',
    [...statement(1), ...statement(3)],
  ],
  'nothing, of what adds and names': [
    'ALTER TABLE users ADD COLUMN pet INTEGER REFERENCES pets ON DELETE CASCADE; CREATE INDEX i ON users (name); DROP INDEX i; DROP TRIGGER watch; SELECT count(*) FROM users; ANALYZE; INSERT INTO users (name) SELECT name FROM users;',
    [],
  ],
  'rows that are picked out or changed': [
    "DELETE FROM users WHERE id = 1; UPDATE users SET name = 'x';",
    [1, 2].map(number => `Statement 002_it.down.sql, statement ${number} (line 1) null`),
  ],
};

function lossesOf(scripts: string | readonly string[], direction: 'Up' | 'Down'): readonly string[] {
  const connection = openSqlite(':memory:', { mode: 'Create', busyTimeoutMs: 0 });
  try {
    for (const { text } of parseSqliteFile({ file: '001_a.up.sql', text: UP, checksum: '' }).statements)
      connection.execute(text);
    const files = [scripts].flat().map(text => ({
      version: '002_it',
      file: parseSqliteFile({ file: '002_it.down.sql', text, checksum: '' }),
    }));
    const losses = sqliteLosses(connection, files, { direction, back: [undefined] });
    return losses.map(one => `${one.kind} ${one.name} ${one.rows}`);
  } finally {
    connection.close();
  }
}

describe('On SQLite, what a downgrade would lose', () => {
  for (const [what, [down, expected]] of Object.entries(CASES)) {
    it(`is said: ${what}`, () => assert.deepEqual(lossesOf(down, 'Down'), expected));
  }

  it('is looked at again behind the lock: rows that came after the question are not lost', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'migrate-sqlite-losses-'));
    const path = join(directory, 'a.db');
    const connect = () => openSqlite(path, { mode: 'Create', busyTimeoutMs: 0 });
    const query = (sql: string) => {
      const connection = connect();
      try {
        return connection.query(sql);
      } finally {
        connection.close();
      }
    };
    try {
      const work = { connect, by: 'a test', signal: undefined, lockWaitMs: 0, log: () => {}, progress: () => {} };
      const script = (file: string, text: string) => ({ file, text, checksum: file });
      const [up, down] = [
        script('001_a.up.sql', 'CREATE TABLE a (id INTEGER)'),
        script('001_a.down.sql', 'DROP TABLE a'),
      ];
      await applySqlite(work, [{ version: '001_a', number: 1n, up, down }], { from: null, losses: [] });
      query('INSERT INTO a VALUES (1)');
      const reversals = [
        { version: '001_a', number: 1n, origin: 'Source', down, up, upChecksum: up.checksum },
      ] as const;
      await assert.rejects(revertSqlite(work, reversals, []), { code: 'PlanOutdated' });
      assert.equal(query('SELECT count(*) AS rows FROM a')[0]?.rows, 1);
      const said = {
        version: '001_a',
        kind: 'Table',
        name: 'a',
        rows: 7,
        where: '001_a.down.sql, statement 1 (line 1)',
      } as const;
      await revertSqlite(work, reversals, [said]);
      assert.equal(query("SELECT count(*) AS rows FROM sqlite_schema WHERE name = 'a'")[0]?.rows, 0);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('is said of a table that an earlier version of the run has made, and filled', () => {
    const made = 'CREATE TABLE moved AS SELECT * FROM users WHERE id > 1; DELETE FROM users WHERE id > 1;';
    assert.deepEqual(lossesOf([made, 'DROP TABLE moved;'], 'Up'), ['Table users 2']);
  });

  it('is not asked about on the way up, where statements that change rows are what was wanted', () => {
    assert.deepEqual(lossesOf("UPDATE users SET name = 'x' WHERE id = 1; DELETE FROM users WHERE id = 2;", 'Up'), []);
  });
});
