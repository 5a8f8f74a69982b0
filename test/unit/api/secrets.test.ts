import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withoutSecrets } from '../../../src/api/secrets.ts';

const shown = (text: string) => withoutSecrets(text, []);

describe('A text for people', () => {
  it('loses the secrets that are known, wherever they stand', () => {
    assert.equal(withoutSecrets('with hunter2, xhunter2x and a', ['hunter2', 'a']), 'with ***, x***x and a');
  });

  it('loses passwords in the shapes they come in', () => {
    assert.equal(shown("postgres://u:p@h PASSWORD = 'x y', pwd:z"), 'postgres://u:***@h PASSWORD = ***, pwd:***');
  });

  it('loses the password of a URL to its last "@", whatever is not encoded in it', () => {
    assert.equal(shown('to postgresql://app:7/S3c?r:e@t#x@h:1/db now'), 'to postgresql://app:***@h:1/db now');
    assert.equal(shown('redis://:pw@h, jdbc:postgresql://a:b@c/'), 'redis://:***@h, jdbc:postgresql://a:***@c/');
    assert.equal(shown('http://a://u:S3cret@h'), 'http://a:***@h');
    assert.equal(shown('http://host/x://u:S3cret@h'), 'http://host/x://u:***@h');
  });

  it('keeps a URL without a password', () => {
    for (const text of ['postgresql://u@h:5432/d', 'https://h:8080/a/b', 'see ://, me@x.org and a:b@c']) {
      assert.equal(shown(text), text);
    }
  });

  for (const literal of [
    "'x y'",
    "'it''s'",
    "E'it\\'s'",
    "$$x 'y'$$",
    '$a$x $$ y$a$',
    "U&'x'",
    "''x y''",
    "\\'x y\\'",
    "'x y",
    '$$x y',
  ]) {
    it(`loses the password of a role: ${literal}`, () => {
      assert.equal(shown(`ALTER ROLE a ENCRYPTED PASSWORD ${literal}`), 'ALTER ROLE a ENCRYPTED PASSWORD ***');
    });
  }

  it('loses one that holds a quote, within a string that doubles quotes', () => {
    assert.equal(shown("EXECUTE 'ALTER ROLE a PASSWORD ''ge''''heim''';"), "EXECUTE 'ALTER ROLE a PASSWORD ***';");
  });

  it('keeps what is only about a password', () => {
    for (const text of [
      'password authentication failed for user "app"',
      'column "password" of relation "users" contains null values',
      "INSERT INTO settings VALUES ('password', 'kind')",
    ]) {
      assert.equal(shown(text), text);
    }
  });
});
