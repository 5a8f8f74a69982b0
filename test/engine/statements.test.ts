import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { EngineError } from '../../src/engine/errors.ts';
import { decodeScript } from '../../src/engine/sql/script.ts';
import { loadGrammar, type ParsedFile, parseFile } from '../../src/engine/sql/statements.ts';

before(loadGrammar);

const parse = (sql: string): ParsedFile => parseFile(decodeScript('007_x.up.sql', Buffer.from(sql)));

function refused(sql: string): EngineError {
  try {
    parse(sql);
  } catch (error) {
    return error as EngineError;
  }
  throw new Error('nothing was refused');
}

const places = (sql: string) =>
  parse(sql).segments.map(segment =>
    segment.kind === 'Alone' ? `alone ${segment.effect.kind}` : `run of ${segment.statements.length}`,
  );

describe('The statements of a file', () => {
  it('have their text and line, counted in bytes of the file and not in characters', () => {
    const { statements } = parse("-- ümläut 😀\nSELECT 1;\n/* é */ SELECT 'é' ; \n\n  SELECT 3");
    assert.deepEqual(
      statements.map(one => [one.number, one.line, one.text]),
      [
        [1, 2, 'SELECT 1'],
        [2, 3, "SELECT 'é' "],
        [3, 5, 'SELECT 3'],
      ],
    );
  });

  it('are none in a file of comments, of white space or of nothing', () => {
    for (const sql of ['', ' \r\n', '-- nothing\n', ';;']) assert.deepEqual(parse(sql).segments, [], sql);
  });

  it('keep Windows line ends inside and count lines by them', () => {
    const { statements } = parse('SELECT 1;\r\nSELECT\r\n 2;\r\n');
    assert.deepEqual(
      statements.map(one => [one.line, one.text]),
      [
        [1, 'SELECT 1'],
        [2, 'SELECT\r\n 2'],
      ],
    );
  });

  it('may be wrapped in one BEGIN and COMMIT, which are left out and noted', () => {
    const file = parse('BEGIN;\nCREATE TABLE a();\nCOMMIT;');
    assert.deepEqual(
      file.statements.map(one => [one.number, one.type]),
      [[2, 'CreateStmt']],
    );
    assert.equal(file.notes.length, 1);
  });

  it('are a syntax error with its line, characters counted as characters', () => {
    const error = refused('-- ümläut 😀😀\nSELECT 1;\nSELEC 2;');
    assert.equal(error.code, 'SyntaxError');
    assert.equal(error.place.line, 3);
    assert.equal(error.exitCode, 2);
  });

  it('are explained when they are commands of psql', () => {
    assert.match(refused('\\connect other\nSELECT 1;').message, /psql/);
  });
});

describe('A statement that must stand alone', () => {
  const cases: Readonly<Record<string, string>> = {
    'CREATE INDEX CONCURRENTLY i ON t(a)': 'IndexCreated',
    'DROP INDEX CONCURRENTLY i': 'IndexesDropped',
    'REINDEX INDEX CONCURRENTLY i': 'Reindexed',
    'REINDEX (CONCURRENTLY) TABLE t': 'Reindexed',
    'REINDEX SCHEMA CONCURRENTLY s': 'Reindexed',
    'REINDEX DATABASE CONCURRENTLY d': 'Reindexed',
    'REINDEX SCHEMA s': 'Repeatable',
    'REINDEX DATABASE d': 'Repeatable',
    'ALTER TABLE p DETACH PARTITION c CONCURRENTLY': 'PartitionDetached',
    'VACUUM t': 'Repeatable',
    CLUSTER: 'Repeatable',
    "ALTER SYSTEM SET work_mem = '1MB'": 'Repeatable',
    'CREATE DATABASE d': 'Named',
    'DROP DATABASE d': 'Named',
    "CREATE TABLESPACE s LOCATION '/x'": 'Named',
    "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p": 'Named',
    'ALTER DATABASE d SET TABLESPACE s': 'Repeatable',
    'ALTER SUBSCRIPTION s SET (failover = true)': 'Repeatable',
  };
  for (const [sql, effect] of Object.entries(cases)) {
    it(`is recognised in ${sql}`, () => assert.deepEqual(places(sql), [`alone ${effect}`]));
  }

  it('is not seen in those that PostgreSQL runs in a transaction', () => {
    for (const sql of [
      'CREATE INDEX i ON t(a)',
      'ANALYZE t',
      'REINDEX TABLE t',
      'CLUSTER t',
      'REFRESH MATERIALIZED VIEW CONCURRENTLY v',
      "ALTER TYPE e ADD VALUE 'x'",
      'ALTER TABLE p DETACH PARTITION c',
      "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (create_slot = false)",
      'REINDEX (CONCURRENTLY false) TABLE t',
      'DO $$ BEGIN END $$',
      'CALL p()',
    ]) {
      assert.deepEqual(places(sql), ['run of 1'], sql);
    }
  });

  it('splits its file into runs before and after it', () => {
    const sql = 'CREATE TABLE t(a int); SELECT 1; CREATE INDEX CONCURRENTLY i ON t(a); SELECT 2;';
    assert.deepEqual(places(sql), ['run of 2', 'alone IndexCreated', 'run of 1']);
    assert.equal(parse(sql).transactional, false);
  });
});

describe('BEGIN … COMMIT in a file that is marked no-transaction', () => {
  const MARK = '-- migrate: no-transaction\n';

  it('around all of it makes it one transaction, and the mark says nothing then', () => {
    const file = parse(`${MARK}BEGIN; SET LOCAL work_mem = '1MB'; CALL p(); UPDATE a SET n = 1; COMMIT;`);
    assert.deepEqual([file.transactional, file.segments.length, file.statements.length], [true, 1, 3]);
    assert.match(file.notes.join(), /outer BEGIN and COMMIT were left out/);
  });

  it('beside other statements is one piece, and says so', () => {
    const sql = `${MARK}SELECT 1; BEGIN; SELECT 2; DO $$BEGIN END$$; SELECT 3; COMMIT; CALL p();
      BEGIN; SELECT 4; COMMIT; START TRANSACTION; SELECT 5; SELECT 6; END; SELECT 7; BEGIN; COMMIT`;
    assert.deepEqual(places(sql), ['run of 1', 'run of 3', 'alone Unprovable', 'run of 1', 'run of 2', 'run of 1']);
    assert.deepEqual([parse(sql).transactional, parse(sql).notes.length], [false, 1]);
    assert.match(parse(sql).notes.join(), /each BEGIN … COMMIT is one transaction/);
  });

  it('is refused where it has no end, has options, or is in another', () => {
    for (const sql of [
      'SELECT 1; BEGIN; SELECT 2',
      'SELECT 1; BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 2; COMMIT',
      'SELECT 1; BEGIN; BEGIN; SELECT 2; COMMIT',
      'BEGIN; SELECT 1; ROLLBACK; SELECT 2',
      'SELECT 1; BEGIN; SELECT 2; COMMIT AND CHAIN; SELECT 3; COMMIT',
      'SELECT 1; COMMIT',
    ])
      assert.match(refused(MARK + sql).message, /transaction control statement/, sql);
  });

  it('is refused with a statement in it that PostgreSQL refuses there, marked or not', () => {
    const sql = 'BEGIN;\nSELECT 1;\nCREATE INDEX CONCURRENTLY i ON t(a);\nCOMMIT';
    for (const text of [sql, MARK + sql, `${MARK}SELECT 1;\n${sql}`]) {
      const { code, message } = refused(text);
      assert.deepEqual([code, /between BEGIN and COMMIT/.test(message)], ['StatementRefused', true], message);
    }
  });
});

describe('Settings in the head of a file', () => {
  it('are read from comments before the first statement', () => {
    const sql =
      '-- about this\n-- migrate: lock-timeout=250ms role=builder\n-- migrate: statement-timeout=2min\nSELECT 1';
    assert.deepEqual(
      { ...parse(sql).directives },
      { noTransaction: false, lockTimeoutMs: 250, statementTimeoutMs: 120_000, role: 'builder' },
    );
  });

  it('make REINDEX and CLUSTER stand alone, for their table may be partitioned', () => {
    const sql = '-- migrate: no-transaction\nREINDEX TABLE t; REINDEX INDEX i; CLUSTER t USING i';
    assert.deepEqual(places(sql), ['alone Repeatable', 'alone Repeatable', 'alone Repeatable']);
  });

  it('make CALL, DO and ADD VALUE stand alone, and every other statement a transaction of its own', () => {
    const sql =
      "-- migrate: no-transaction\nCALL p(); ALTER TYPE e ADD VALUE 'x'; SELECT 1; SELECT 2; DO $$ BEGIN END $$";
    assert.deepEqual(places(sql), [
      'alone Unprovable',
      'alone EnumValueAdded',
      'run of 1',
      'run of 1',
      'alone Unprovable',
    ]);
  });

  it('are an error when mistyped, and when they come too late to be honoured', () => {
    assert.equal(refused('-- migrate: no-transactions\nSELECT 1').code, 'BadDirective');
    assert.equal(refused('-- migrate: lock-timeout=5\nSELECT 1').code, 'BadDirective');
    assert.match(refused('SELECT 1;\n-- migrate: no-transaction\nSELECT 2').message, /after the first statement/);
  });
});

describe('A statement that would undo the protection', () => {
  for (const sql of [
    'COMMIT',
    'SELECT 1; ROLLBACK; SELECT 2',
    'BEGIN; SELECT 1; COMMIT; SELECT 2',
    'BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT',
    'BEGIN; SELECT 1; COMMIT AND CHAIN',
    "PREPARE TRANSACTION 'x'",
    'DISCARD ALL',
    'SET SESSION AUTHORIZATION postgres',
    'RESET SESSION AUTHORIZATION',
    'SELECT pg_advisory_unlock(1)',
    'UPDATE t SET a = 1 WHERE (SELECT pg_catalog.pg_advisory_unlock_all() IS NULL)',
    'DO $$ BEGIN PERFORM pg_advisory_unlock_all(); END $$',
    'COPY t FROM STDIN',
    'CREATE INDEX CONCURRENTLY ON t(a)',
  ]) {
    it(`is refused: ${sql}`, () => {
      const error = refused(sql);
      assert.equal(error.code, 'StatementRefused');
      assert.equal(error.exitCode, 2);
    });
  }

  it('is not seen in savepoints and in a lock of the transaction', () => {
    assert.deepEqual(places('SAVEPOINT a; ROLLBACK TO a; RELEASE a; SELECT pg_advisory_xact_lock(1)'), ['run of 4']);
  });

  it('is told a name for the index that has none', () => {
    assert.match(refused('CREATE INDEX CONCURRENTLY ON app.t(a, lower(b))').message, /t_a_expr_idx/);
  });

  it('is reported with every other one of the file', () => {
    assert.match(refused('DISCARD ALL; SELECT 1; COMMIT').message, /DISCARD.*COMMIT/);
  });
});
