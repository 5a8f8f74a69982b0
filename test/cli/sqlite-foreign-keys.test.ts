// Which rows that refer to nothing fail a migration of a SQLite file that ran with foreign keys off: those that have come with
// it, by the value that they refer to, and none that was there before, whatever its table is called by then.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openSqlite } from '../../src/database/sqlite.ts';
import { assertNoneNew, danglingReferences } from '../../src/engine/sqlite/foreign-keys.ts';
import { runSqliteFile } from '../../src/engine/sqlite/migrate.ts';
import { parseSqliteFile } from '../../src/engine/sqlite/statements.ts';

/** A table that goes lets the file run with foreign keys off. */
const DROP = 'DROP TABLE junk;';
const ONE =
  'CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT, u REFERENCES u (id)); INSERT INTO p VALUES (1, NULL, NULL);';
const CHILD = 'CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p (id)); INSERT INTO c VALUES (1, 1), (2, 99);';
const MANY = `INSERT INTO c (p) WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 100200) SELECT i FROM n;`;
const CODES =
  "CREATE TABLE c (code TEXT REFERENCES p (code)); INSERT INTO c VALUES ('old'), ('x'); UPDATE p SET code = 'x';";
const PAIR = `CREATE TABLE q (a, b TEXT, PRIMARY KEY (a, b)); INSERT INTO q VALUES (1, 'x');
  CREATE TABLE d (a, b TEXT, rowid TEXT, n INTEGER PRIMARY KEY, FOREIGN KEY (a, b) REFERENCES q) WITHOUT ROWID;
  INSERT INTO d VALUES (1, 'x', '', 1), (1, 'y', '', 2), (NULL, 'z', '', 3);`;

const CASES: Readonly<Record<string, { readonly before: string; readonly file: string; readonly refused?: string }>> = {
  'nothing, where the table has another name by then': {
    before: CHILD,
    file: 'ALTER TABLE c RENAME TO child;',
  },
  'nothing, where the table that is referred to has another name by then': {
    before: CHILD,
    file: 'ALTER TABLE p RENAME TO parent;',
  },
  'nothing, where both are rebuilt, and the rows get other numbers': {
    before: CHILD.replace('id INTEGER PRIMARY KEY', 'id TEXT'),
    file: `CREATE TABLE n (id TEXT, p INTEGER REFERENCES p (id)); INSERT INTO n SELECT * FROM c ORDER BY id DESC; DROP TABLE c;
      ALTER TABLE n RENAME TO c; ALTER TABLE p RENAME TO o; CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p SELECT id FROM o;
      DROP TABLE c; CREATE TABLE c (id TEXT, p INTEGER REFERENCES p (id)); INSERT INTO c VALUES ('1', 1), ('2', 99); DROP TABLE o;`,
  },
  'nothing, where the values get another type': {
    before: CHILD,
    file: `CREATE TABLE n (id INTEGER PRIMARY KEY, p TEXT REFERENCES p (id)); INSERT INTO n SELECT * FROM c; DROP TABLE c;
      ALTER TABLE n RENAME TO c;`,
  },
  'nothing, where whole numbers become real ones': {
    before: CHILD,
    file: `CREATE TABLE n (id INTEGER PRIMARY KEY, p REAL REFERENCES p (id)); INSERT INTO n SELECT * FROM c; DROP TABLE c;
      ALTER TABLE n RENAME TO c;`,
  },
  'nothing, where such rows go': { before: CHILD, file: 'DELETE FROM c WHERE p = 99;' },
  'nothing of a table that SQLite could not check before': {
    before: CODES,
    file: 'CREATE UNIQUE INDEX p_code ON p (code);',
  },
  'nothing of one that referred to a column that was not there': {
    before: 'CREATE TABLE c (p REFERENCES p (made)); INSERT INTO c VALUES (7), (7);',
    file: 'ALTER TABLE p ADD COLUMN made; CREATE UNIQUE INDEX p_made ON p (made); INSERT INTO c VALUES (8);',
  },
  'nothing of a table that SQLite can check neither before nor after': {
    before: CODES,
    file: "DELETE FROM p; ALTER TABLE c RENAME TO child; INSERT INTO child VALUES ('new');",
  },
  'a row beside one that went': {
    before: `CREATE TABLE u (id INTEGER PRIMARY KEY); INSERT INTO u VALUES (1), (2);
      INSERT INTO p VALUES (2, NULL, 99), (3, NULL, 2), (4, NULL, 2), (5, NULL, 1);`,
    file: 'DELETE FROM p WHERE u NOT IN (SELECT id FROM u); DELETE FROM u WHERE id = 2;',
    refused: 'it leaves 2 rows that refer from p to u, where nothing is',
  },
  'one more that refers to what was not there before': {
    before: CHILD,
    file: 'ALTER TABLE c RENAME TO child; INSERT INTO child VALUES (3, 99), (4, 99);',
    refused: 'it leaves 2 rows that refer from child to p, where nothing is',
  },
  'a row of a table that SQLite could not check before': {
    before: CODES,
    file: 'DELETE FROM p; CREATE UNIQUE INDEX p_code ON p (code);',
    refused: 'it leaves 1 row that refers from c to p, where nothing is',
  },
  'rows of a reference that is new': {
    before: 'CREATE TABLE c (id INTEGER PRIMARY KEY, p); INSERT INTO c VALUES (1, 1), (2, 99);',
    file: `CREATE TABLE n (id INTEGER PRIMARY KEY, p REFERENCES p (id)); INSERT INTO n SELECT * FROM c; DROP TABLE c;
      ALTER TABLE n RENAME TO c;`,
    refused: 'it leaves 1 row that refers from c to p, where nothing is',
  },
  'rows whose target is dropped': {
    before: CHILD,
    file: 'DROP TABLE p;',
    refused: 'it leaves 1 row that refers from c to p, where nothing is',
  },
  'a row of the table itself, where a temporary one has its name': {
    before: CHILD,
    file: 'CREATE TEMP TABLE c AS SELECT * FROM c; CREATE TEMP TABLE p AS SELECT * FROM p; DELETE FROM main.p;',
    refused: 'it leaves 1 row that refers from c to p, where nothing is',
  },
  'rows of several columns, in a table without row numbers': {
    before: PAIR,
    file: "DELETE FROM d WHERE b = 'y'; UPDATE q SET b = 'w';",
    refused: 'it leaves 1 row that refers from d to q, where nothing is',
  },
  'nothing of such a table that was there before': { before: PAIR, file: 'UPDATE q SET a = 2 WHERE a = 3;' },
  'nothing, of a table that refers twice, by names that differ in case': {
    before: 'CREATE TABLE c (one REFERENCES p (id), other REFERENCES P (id)); INSERT INTO c VALUES (7, 8), (1, 1);',
    file: 'INSERT INTO c VALUES (1, 1);',
  },
  'nothing, of very many that were there before': { before: `${CHILD} ${MANY}`, file: 'DELETE FROM c WHERE p > 1000;' },
  'of very many, those by which there are more': {
    before: `${CHILD} ${MANY}`,
    file: 'DELETE FROM c WHERE p = 100; INSERT INTO c (p) VALUES (11), (12), (13);',
    refused: 'it leaves 2 rows that refer from c to p, where nothing is',
  },
  'values above 2^53': {
    before: 'CREATE TABLE c (p REFERENCES p (id)); INSERT INTO c VALUES (1700000000000000000);',
    file: 'UPDATE c SET p = 1700000000000000001;',
    refused: 'it leaves 1 row that refers from c to p, where nothing is',
  },
};

describe('On SQLite, of the rows that refer to nothing after a migration', () => {
  for (const [what, { before, file, refused }] of Object.entries(CASES)) {
    it(`these fail it: ${what}`, () => {
      const connection = openSqlite(':memory:', { mode: 'Create', busyTimeoutMs: 0 });
      try {
        connection.execute(`PRAGMA foreign_keys = OFF; ${ONE} ${before} CREATE TABLE junk (id);`);
        const parsed = parseSqliteFile({ file: '002_it.up.sql', text: `${file} ${DROP}`, checksum: '' });
        const found = danglingReferences(connection);
        connection.execute('BEGIN');
        runSqliteFile(connection, '002_it', parsed);
        const judge = () => assertNoneNew('002_it', parsed, found, danglingReferences(connection));
        if (refused === undefined) judge();
        else assert.throws(judge, { code: 'MigrationFailed', message: `002_it.up.sql failed: ${refused}.` });
      } finally {
        connection.close();
      }
    });
  }
});
