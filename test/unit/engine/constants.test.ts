import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withoutConstants, withoutPasswords } from '../../../src/engine/sql/constants.ts';
import { tokensOf } from '../../../src/engine/sql/tokens.ts';

describe("Somebody's query", () => {
  const shown: Readonly<Record<string, string>> = {
    "UPDATE users SET name = 'S3CRET' WHERE id = 424242": 'UPDATE users SET name = ? WHERE id = ?',
    "UPDATE users SET name = E'O\\'SecretPerson', x = 1": 'UPDATE users SET name = ?, x = ?',
    "/* don't */ UPDATE users SET name='SecretPerson'": 'UPDATE users SET name=?',
    "/* a /* don't */ b */ SELECT $a$ 'S3CRET' $$ $a$, $1, t.x1 -- it's S3CRET": 'SELECT ?, $1, t.x1',
    "SELECT U&'\\0053', N'S3CRET', x'5e', date'2020-01-01', a$b$c FROM \"it's\"":
      'SELECT ?, ?, ?, date?, a$b$c FROM "it\'s"',
    "SELECT E'a'\n 'b\\'S3CRET', c": 'SELECT ? ?, c',
    "SELECT a, 'C:\\', 'S3CRET', b": 'SELECT a, ?…',
    "SELECT a, 'it's S3CRET' FROM b": 'SELECT a, ?…',
    "SELECT a, 'it' 's S3CRET'' FROM b": 'SELECT a, ?…',
    'SELECT a, $$S3CRET': 'SELECT a, ?…',
    'SELECT a, "S3CRET': 'SELECT a, …',
    'SELECT 1.5e3, .5, 0xFF, 1_000 /* S3CRET': 'SELECT ?, ?, ?, ? …',
    "SELECT '', ''''": 'SELECT ?, ?',
  };
  for (const [query, text] of Object.entries(shown)) {
    it(`is shown without constants: ${query.replace('\n', ' ')}`, () => assert.equal(withoutConstants(query), text));
  }

  it('is read from its first character to its last', () => {
    for (const query of Object.keys(shown)) {
      assert.equal([...tokensOf(query)].map(({ start, end }) => query.slice(start, end)).join(''), query);
    }
  });
});

describe('A script in a log', () => {
  const shown: Readonly<Record<string, string>> = {
    "ALTER ROLE app PASSWORD 'hunter2'; SELECT 'x'": "ALTER ROLE app PASSWORD ***; SELECT 'x'",
    "CREATE ROLE a ENCRYPTED password /* it's */ E'hun\\'ter2'\n  'hunter2' LOGIN":
      "CREATE ROLE a ENCRYPTED password /* it's */ ***\n  *** LOGIN",
    'ALTER ROLE a PASSWORD $$hunter2$$ NOLOGIN': 'ALTER ROLE a PASSWORD *** NOLOGIN',
    "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'u', password 'hunter2')":
      "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'u', password ***)",
    "ALTER ROLE a PASSWORD 'hunter2": 'ALTER ROLE a PASSWORD ***…',
    "ALTER ROLE a PASSWORD 'hun\\'hunter2'": 'ALTER ROLE a PASSWORD ***…',
    "ALTER ROLE a PASSWORD NULL; INSERT INTO t(password) VALUES ('x')":
      "ALTER ROLE a PASSWORD NULL; INSERT INTO t(password) VALUES ('x')",
  };
  for (const [script, text] of Object.entries(shown)) {
    it(`is shown without the passwords of roles: ${script.replace('\n', ' ')}`, () =>
      assert.equal(withoutPasswords(script), text));
  }
});
