import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EngineError } from '../../../src/engine/errors.ts';
import { parseSqliteFile } from '../../../src/engine/sqlite/statements.ts';

const parse = (text: string) => parseSqliteFile({ file: '001_x.up.sql', text, checksum: '' });
const texts = (text: string) => parse(text).statements.map(statement => statement.text);

function refusal(text: string): string {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof EngineError);
    return error.message;
  }
  return assert.fail(`was not refused: ${text}`);
}

describe('A file for SQLite', () => {
  it('is split at semicolons, and not at those in strings, names and comments', () => {
    assert.deepEqual(
      texts(`INSERT INTO "a;b" VALUES ('it''s; so'); -- ; no
      /* ; */ SELECT [x;y], \`z;\`, x'3B' ; ;`),
      [`INSERT INTO "a;b" VALUES ('it''s; so');`, "SELECT [x;y], `z;`, x'3B' ;"],
    );
  });

  it('keeps the body of a trigger together, CASE … END in it too', () => {
    const trigger = `CREATE TEMP TRIGGER t AFTER INSERT ON a WHEN CASE WHEN 1 THEN 1 END BEGIN
      UPDATE a SET b = CASE WHEN c THEN 1 ELSE 2 END; -- END;
      SELECT 'END;'; END;`;
    assert.deepEqual(texts(`${trigger} SELECT 1`), [trigger, 'SELECT 1']);
  });

  it('counts lines from one, and takes a last statement without a semicolon', () => {
    assert.deepEqual(
      parse('\n\nSELECT 1;\n-- a comment\nSELECT\n2').statements.map(({ number, line }) => [number, line]),
      [
        [1, 3],
        [2, 5],
      ],
    );
    assert.deepEqual(texts(' -- nothing\n'), []);
  });

  it('of many megabytes is read in one pass', { timeout: 120_000 }, () => {
    const rows = 60_000;
    const line = `INSERT INTO t VALUES (1, '${'x'.repeat(80)}');\n`;
    // Counting lines from the top for each statement took ten minutes here.
    assert.equal(parse(line.repeat(rows)).statements.at(-1)?.line, rows);
  });

  it('names the line where a string or a comment has no end', () => {
    assert.match(refusal("SELECT 1;\nSELECT 'a"), /the string that begins here has no end, in line 2/);
    assert.match(refusal('SELECT 1; /* SELECT 2;'), /the comment that begins here has no end, in line 1/);
  });

  it('loses one BEGIN and COMMIT around the whole, and refuses any other', () => {
    const parsed = parse('PRAGMA foreign_keys=OFF; BEGIN TRANSACTION; SELECT 1; COMMIT; PRAGMA foreign_keys=ON;');
    assert.deepEqual(
      parsed.statements.map(statement => statement.text),
      ['SELECT 1;'],
    );
    assert.equal(parsed.foreignKeys, 'AtTheEnd');
    assert.match(refusal('SELECT 1; COMMIT; SELECT 2;'), /COMMIT in line 1/);
    assert.match(refusal('SELECT 1; ROLLBACK;'), /ROLLBACK/);
    assert.deepEqual(texts('SAVEPOINT a; ROLLBACK TO a; RELEASE a;').length, 3);
  });

  it('checks foreign keys at its end alone when it drops a table or says so', () => {
    assert.equal(parse('DELETE FROM a;').foreignKeys, 'Enforced');
    assert.equal(parse('DROP TABLE a;').foreignKeys, 'AtTheEnd');
    assert.equal(parse('PRAGMA main.foreign_keys(0); DELETE FROM a;').foreignKeys, 'AtTheEnd');
  });

  it('lets VACUUM and a journal mode stand alone, and never among others', () => {
    assert.equal(parse('VACUUM;').place, 'Alone');
    assert.equal(parse('PRAGMA journal_mode = wal;').place, 'Alone');
    assert.match(refusal('CREATE TABLE a (b); VACUUM;'), /a migration of its own/);
  });

  it('refuses other databases, a written schema and commands of the shell', () => {
    assert.match(refusal("ATTACH 'other.db' AS o;"), /ATTACH/);
    assert.match(refusal('PRAGMA writable_schema = 1;'), /writable_schema/);
    assert.match(refusal("VACUUM main INTO 'other.db';"), /VACUUM INTO in line 1/);
    assert.match(refusal('PRAGMA main.query_only(1);'), /PRAGMA query_only in line 1/);
    assert.equal(parse('PRAGMA query_only; SELECT 1;').statements.length, 2);
    assert.match(refusal('.mode csv'), /the shell command \.mode/);
  });
});
