import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { QueryError } from '../../../src/engine/connection.ts';
import { serverHint, serverMessage } from '../../../src/engine/server-message.ts';
import { loadGrammar, parseFile } from '../../../src/engine/sql/statements.ts';

await loadGrammar();

const shown = (sqlstate: string, message: string, written = 'ALTER TABLE "App".Users ALTER c TYPE int USING c::int') =>
  serverMessage(new QueryError({ sqlstate, message }), written);

describe("The server's message about a value", () => {
  const messages: Readonly<Record<string, string>> = {
    'invalid input syntax for type integer: "S3CRET"': 'invalid input syntax for type integer',
    'value "4111111111111111" is out of range for type integer': 'value "…" is out of range for type integer',
    'invalid value "S3: "CRET" for "YYYY"': 'invalid value "…"',
    'ung\u00fcltiger Wert \u00bbS3CRET\u00ab f\u00fcr Typ': 'ung\u00fcltiger Wert "…" f\u00fcr Typ',
    'invalid byte sequence for encoding "UTF8": 0x53': 'invalid byte sequence for encoding "…"',
    'date field value out of range: 2020-13-45': 'date field value out of range',
    'invalid value for parameter "lock_timeout": "S3CRET"': 'invalid value for parameter "lock_timeout"',
    'integer out of range': 'integer out of range',
  };
  for (const [message, text] of Object.entries(messages)) {
    it(`does not quote it: ${message}`, () => assert.equal(shown('22P02', message), text));
  }

  it('does not quote it in its advice either', () => {
    const hint = '"S3CRET" <-- parse error at position 1';
    assert.equal(
      serverHint(new QueryError({ sqlstate: 'XX000', message: 'x', hint }), ''),
      '"…" <-- parse error at position 1',
    );
  });
});

describe("The server's message about a name", () => {
  for (const [sqlstate, message] of [
    ['42P01', 'relation "users" does not exist'],
    ['42P01', 'relation "app.users" does not exist'],
    ['42883', 'function c(integer) does not exist'],
    ['42601', 'syntax error at or near "USING"'],
    ['42P07', 'relation "users_pkey" already exists'],
  ] as const) {
    it(`quotes what the file has: ${message}`, () => assert.equal(shown(sqlstate, message), message));
  }

  it('leaves out what the file does not have: it was a row that named it', () => {
    assert.equal(shown('42P01', 'relation "user" does not exist'), 'relation "…" does not exist');
    assert.equal(
      shown('42704', 'unrecognized configuration parameter "S3 "x" CRET"'),
      'unrecognized configuration parameter "…"',
    );
    assert.equal(
      shown('42601', 'improper relation name (too many dotted names): S3.C.R.E.T'),
      'improper relation name (too many dotted names)',
    );
    assert.equal(shown('42601', `syntax error at or near "'c'"`, "EXECUTE 'x ''c'''"), 'syntax error at or near "…"');
  });
});

describe('A file that is not valid SQL', () => {
  const said = (text: string): string => {
    try {
      parseFile({ file: '001_a.up.sql', text, checksum: '' });
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error('it is valid');
  };
  const rest = `${'S3CRET '.repeat(20_000)};`;
  for (const text of [
    "ALTER ROLE app SET PASSWORD 'S3CRET'",
    "ALTER ROLE app PASSWORD E'x' 'S3CRET'",
    "ALTER ROLE app PASSWORD 'it'S3CRET'",
    'ALTER ROLE app PASSWORD S3CRET',
    'ALTER ROLE app PASSWORD "S3CRET"',
    'ALTER ROLE app SET SET $$S3CRET$$',
    `SELECT 'abc, x'53'; ${rest}`,
    `SELECT "abc; ${rest}`,
    `SELECT $$abc; ${rest}`,
    `SELECT /* abc; ${rest}`,
    'COPY t FROM stdin;\nS3CRET\t12\n\\.\n',
    `${'S3CRET'.repeat(100)} x`,
  ]) {
    it(`is told by its place: ${text.slice(0, 40)}`, () => {
      const message = said(text);
      assert.match(message, /"…" in line \d+, column \d+/);
      assert.doesNotMatch(message, /S3CRET/i);
    });
  }

  it('quotes a keyword, a name and a symbol', () => {
    assert.match(said('CREATE TABEL x()'), /at or near "TABEL" in line 1/);
    assert.match(said('SELECT 1 FROM a b "c d"'), /at or near ""c d"" in line 1/);
    assert.match(said('SELECT (1))'), /at or near "\)" in line 1/);
  });

  it('says how a quote in a string is written', () => {
    assert.match(said("INSERT INTO t VALUES ('O'Brien')"), /A quote that belongs to a string is written twice: ''\./);
  });
});
