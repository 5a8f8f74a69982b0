// Which values of a column of a SQLite file are lost with it: those that the ups, run again, would not give. What the column's
// default is today proves nothing: the rows may have got their values from another statement.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openSqlite } from '../../src/database/sqlite.ts';
import { sqliteLosses } from '../../src/engine/sqlite/losses.ts';
import { applySqlite, revertSqlite } from '../../src/engine/sqlite/migrate.ts';
import { parseSqliteFile } from '../../src/engine/sqlite/statements.ts';
import { SqliteWayBack } from '../../src/engine/sqlite/way-back.ts';

const script = (file: string, text: string) => ({ file, text, checksum: file });

const BASE = `CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1), (2), (3); CREATE TABLE log (id INTEGER);
  CREATE TABLE owners (id INTEGER PRIMARY KEY); INSERT INTO owners VALUES (1);
  CREATE VIEW seen AS SELECT id FROM log;`;

const rebuilt = (columns: string, copy: string) =>
  `CREATE TABLE t_new (${columns}); INSERT INTO t_new ${copy} FROM t; DROP TABLE t; ALTER TABLE t_new RENAME TO t;`;

/** What the ups that are taken back do, what happens to the rows, what is lost by which column; what was there before the ups. */
type Case = readonly [readonly string[], string, Readonly<Record<string, number>>, string?];

const CASES: Readonly<Record<string, Case>> = {
  'not with what the ups give': [
    [
      `ALTER TABLE t ADD COLUMN a TEXT DEFAULT 'new'; ALTER TABLE main."T" ADD b INTEGER NOT NULL DEFAULT -5; ALTER TABLE t ADD c;
        ALTER TABLE t ADD d NUMERIC(3, 1) DEFAULT (0.5) CHECK (d > 0); ALTER TABLE t ADD e BLOB DEFAULT x'00ff';
        ALTER TABLE t ADD f TEXT DEFAULT "it's"; ALTER TABLE t ADD [g h] TEXT DEFAULT NULL; ALTER TABLE t ADD i TEXT DEFAULT 5; ALTER TABLE t ADD l TEXT COLLATE NOCASE DEFAULT 'none'; ALTER TABLE t ADD m DEFAULT (+1);
        ALTER TABLE t ADD j REFERENCES owners; ALTER TABLE t ADD k BOOLEAN DEFAULT TRUE; CREATE INDEX one ON t (a);
        INSERT INTO log VALUES (1); CREATE TRIGGER x AFTER INSERT ON log BEGIN DELETE FROM log; END; SELECT * FROM t;`,
    ],
    "UPDATE t SET a = NULL, c = 1, [g h] = 'x', l = 'NONE', k = 5 WHERE id = 1",
    { a: 1, b: 0, c: 1, d: 0, e: 0, f: 0, 'g h': 1, i: 0, j: 0, k: 1, l: 1, m: 0 },
  ],
  'with every row, where the ups write to it': [
    ["ALTER TABLE t ADD COLUMN a TEXT DEFAULT 'new'; UPDATE t SET a = 'legacy'; ALTER TABLE t ADD b TEXT"],
    "UPDATE t SET a = 'new'",
    { a: 3, b: 3 },
  ],
  'also in another version': [
    ["ALTER TABLE t ADD COLUMN a TEXT DEFAULT 'new'", "WITH x AS (SELECT 1) UPDATE main.[T] SET a = 'legacy'"],
    "UPDATE t SET a = 'new'",
    { a: 3 },
  ],
  'with every row, where they rebuild the table': [
    [rebuilt("id INTEGER, a TEXT DEFAULT 'paid'", "(id, a) SELECT id, 'free'")],
    "UPDATE t SET a = 'paid'",
    { a: 3 },
  ],
  'also to change its default': [
    ["ALTER TABLE t ADD a TEXT DEFAULT 'free'", rebuilt("id INTEGER, a TEXT DEFAULT 'paid'", 'SELECT id, a')],
    "UPDATE t SET a = 'paid'",
    { a: 3 },
  ],
  'also where the old table is renamed first': [
    [
      'ALTER TABLE t RENAME TO o; CREATE TABLE t (id, a DEFAULT 1); INSERT INTO t (id, a) SELECT id, 2 FROM o; DROP TABLE o',
    ],
    'UPDATE t SET a = 1',
    { a: 3 },
  ],
  'with every row, where a trigger of theirs may write to it': [
    [
      'ALTER TABLE t ADD a DEFAULT 1; CREATE TRIGGER x AFTER INSERT ON log BEGIN UPDATE t SET a = 2; END; INSERT INTO log VALUES (1)',
    ],
    'UPDATE t SET a = 1',
    { a: 3 },
  ],
  'also one that was there, of a view': [
    ['ALTER TABLE t ADD a DEFAULT 1; INSERT INTO seen VALUES (1)'],
    'UPDATE t SET a = 1',
    { a: 3 },
    'CREATE TRIGGER x INSTEAD OF INSERT ON seen BEGIN UPDATE t SET a = 2; END',
  ],
  'also one that is gone since': [
    [
      'ALTER TABLE t ADD a DEFAULT 1; INSERT INTO log VALUES (1)',
      'CREATE TRIGGER IF NOT EXISTS x AFTER INSERT ON log BEGIN SELECT 1; END; DROP TRIGGER x',
    ],
    '',
    { a: 3 },
  ],
  'also one that went with its table': [
    [
      'ALTER TABLE t ADD a DEFAULT 1; INSERT INTO log VALUES (1)',
      'ALTER TABLE log RENAME TO o; DROP VIEW seen; DROP TABLE o',
    ],
    'UPDATE t SET a = 1',
    { a: 3 },
    'CREATE TRIGGER x AFTER INSERT ON log BEGIN UPDATE t SET a = 2; END',
  ],
  'not because another table is rebuilt': [
    [
      `ALTER TABLE t ADD a DEFAULT 1; CREATE TABLE n (id INTEGER PRIMARY KEY); INSERT INTO n SELECT id FROM owners; DROP TABLE owners;
        ALTER TABLE n RENAME TO owners`,
    ],
    '',
    { a: 0 },
  ],
  'with every row, where a reference may write to it': [
    ['ALTER TABLE t ADD a DEFAULT NULL REFERENCES owners ON DELETE SET NULL; DELETE FROM owners WHERE id = 9'],
    '',
    { a: 3 },
  ],
  'with every row of what cannot be told': [
    [
      `ALTER TABLE t ADD a DEFAULT 'x' DEFAULT 'y'; ALTER TABLE t ADD b DEFAULT 1; ALTER TABLE t RENAME b TO c; ALTER TABLE t ADD d;
        ALTER TABLE t DROP COLUMN d; ALTER TABLE t ADD d DEFAULT 1; ALTER TABLE t ADD e DEFAULT word`,
    ],
    '',
    { a: 3, c: 3, d: 3, e: 3 },
  ],
  'also after ROLLBACK TO': [['ALTER TABLE t ADD a DEFAULT 1; SAVEPOINT s; ROLLBACK TO s'], '', { a: 3 }],
  'also of a renamed table': [
    ['ALTER TABLE t ADD a DEFAULT 1; ALTER TABLE t ADD b', 'ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME TO t'],
    'UPDATE t SET b = 1 WHERE id = 1',
    { a: 3, b: 1 },
  ],
  'also where it is given another table’s rows': [
    ['CREATE TABLE u AS SELECT id, 1 AS a FROM t; ALTER TABLE t RENAME TO o; ALTER TABLE u RENAME TO t'],
    'UPDATE t SET a = NULL',
    { a: 3 },
  ],
};

const directory = mkdtempSync(join(tmpdir(), 'migrate-sqlite-given-'));
after(() => rmSync(directory, { recursive: true, force: true }));

function lossesAfter(
  ups: readonly string[],
  change: string,
  down: string,
  back: readonly (ReturnType<typeof script> | undefined)[],
): readonly string[] {
  const connection = openSqlite(':memory:', { mode: 'Create', busyTimeoutMs: 0 });
  try {
    for (const text of [BASE, ...ups, change]) connection.execute(text);
    const file = parseSqliteFile(script('002_it.down.sql', down));
    return sqliteLosses(connection, [{ version: '002_it', file }], { direction: 'Down', back }).map(
      one => `${one.name} ${one.rows}`,
    );
  } finally {
    connection.close();
  }
}

const ADD = 'ALTER TABLE t ADD a DEFAULT 1';

/** What scripts prove of `t.a` that the database does not show any more, or not yet. */
const PROOFS: Readonly<Record<string, readonly [readonly (string | undefined)[], string]>> = {
  'the literal, whatever a reference does': [
    ['ALTER TABLE t ADD a DEFAULT 1 REFERENCES owners ON DELETE SET DEFAULT'],
    'Constant',
  ],
  'not what of two defaults': [["ALTER TABLE t ADD a DEFAULT 'x' DEFAULT 'y'"], 'Anything'],
  'not of a column that they drop again': [[ADD, 'ALTER TABLE t DROP a'], 'Anything'],
  'not where one of them is missing': [[undefined, ADD], 'Unproven'],
  'not where one of them cannot be read': [[ADD, "SELECT 'x"], 'Unproven'],
  'not with a table that is filled as it is made': [
    ['CREATE TABLE n AS SELECT * FROM t; DROP TABLE t; CREATE TABLE t AS SELECT id, 5 AS a FROM n; DROP TABLE n'],
    'Anything',
  ],
  'not beside a trigger that they make': [
    [ADD, 'CREATE TRIGGER x AFTER INSERT ON log BEGIN UPDATE t SET a = 2; END; INSERT INTO log VALUES (1)'],
    'Anything',
  ],
  'not beside a table that was written to and is gone': [
    [ADD, 'UPDATE OR IGNORE log SET id = 1; DROP TABLE log'],
    'Anything',
  ],
};

describe('The scripts of the way back prove of a column', () => {
  for (const [what, [texts, expected]] of Object.entries(PROOFS)) {
    it(what, () => {
      const back = new SqliteWayBack(texts.map(text => (text === undefined ? text : script('002_it.up.sql', text))));
      assert.equal(back.givenTo('t', 'a', { triggers: [], follows: 'Nothing' }).kind, expected);
    });
  }
});

describe('A column of a SQLite file that a downgrade drops is lost', () => {
  for (const [what, [ups, change, expected, before = '']] of Object.entries(CASES)) {
    it(what, () => {
      const down = Object.keys(expected).map(column => `ALTER TABLE t DROP COLUMN "${column}";`);
      const back = ups.map((text, at) => script(`00${at + 2}_it.up.sql`, text));
      const counted = Object.entries(expected).flatMap(([column, rows]) => (rows === 0 ? [] : [`t.${column} ${rows}`]));
      assert.deepEqual(lossesAfter([before, ...ups], change, down.join(' '), back), counted);
    });
  }

  it('with all values and every row beside a default, where nobody has the up any more', () => {
    const ups = ['ALTER TABLE t ADD a DEFAULT 1; ALTER TABLE t ADD b'];
    const down = 'ALTER TABLE t DROP COLUMN a; ALTER TABLE t DROP COLUMN b';
    assert.deepEqual(lossesAfter(ups, 'UPDATE t SET b = 1 WHERE id = 1', down, [undefined]), ['t.a 3', 't.b 1']);
  });

  it('and the question is the same one behind the lock, after the downs of later versions', async () => {
    const connect = () => openSqlite(join(directory, 'a.db'), { mode: 'Create', busyTimeoutMs: 0 });
    const work = { connect, by: 'a test', signal: undefined, lockWaitMs: 0, log: () => {}, progress: () => {} };
    const migrations = (
      [
        [BASE, ''],
        ["ALTER TABLE t ADD a TEXT DEFAULT 'free'", 'ALTER TABLE t DROP COLUMN a'],
        [rebuilt("id, a TEXT DEFAULT 'paid'", 'SELECT id, a'), rebuilt("id, a TEXT DEFAULT 'free'", 'SELECT id, a')],
      ] as const
    ).map(([up, down], at) => ({
      version: `00${at + 1}_it`,
      number: BigInt(at + 1),
      up: script(`00${at + 1}_it.up.sql`, up),
      down: script(`00${at + 1}_it.down.sql`, down),
    }));
    await applySqlite(work, migrations, { from: null, losses: [] });
    const connection = connect();
    try {
      connection.execute("UPDATE t SET a = 'paid'");
      const reversals = migrations
        .slice(1)
        .toReversed()
        .map(one => ({ ...one, origin: 'Source', upChecksum: one.up.checksum }) as const);
      const files = reversals.map(({ version, down }) => ({ version, file: parseSqliteFile(down) }));
      const back = reversals.map(({ up }) => up);
      const losses = sqliteLosses(connection, files, { direction: 'Down', back });
      assert.deepEqual(
        losses.map(({ name, rows }) => `${name} ${rows}`),
        ['t.a 3'],
      );
      await revertSqlite(work, reversals, losses);
      assert.deepEqual(
        connection.query('SELECT version FROM migrate_ledger').map(row => row.version),
        ['001_it'],
      );
    } finally {
      connection.close();
    }
  });
});
