import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { ChangedTypes } from '../../../src/engine/losses/changed-types.ts';
import { nodeOfStatement } from '../../../src/engine/losses/made-relations.ts';
import { loadGrammar, parseFile } from '../../../src/engine/sql/statements.ts';

/** After it, the name `price` may find another type than it finds now, in the schema `shop`. */
const CHANGING = [
  'CREATE TYPE price AS (a int)',
  "CREATE TYPE shop.price AS ENUM ('a')",
  'CREATE TYPE price AS RANGE (SUBTYPE = int)',
  'CREATE TYPE far AS RANGE (SUBTYPE = int, MULTIRANGE_TYPE_NAME = price)',
  'CREATE TYPE price',
  'CREATE DOMAIN price AS int',
  'CREATE TABLE price(a int)',
  'CREATE TEMP VIEW price AS SELECT 1',
  'CREATE MATERIALIZED VIEW price AS SELECT 1',
  'SELECT 1 AS a INTO price',
  'CREATE FOREIGN TABLE price(a int) SERVER s',
  'CREATE SCHEMA more CREATE TABLE price(a int)',
  'CREATE EXTENSION citext',
  'DROP EXTENSION citext',
  'ALTER EXTENSION citext SET SCHEMA more',
  'IMPORT FOREIGN SCHEMA more FROM SERVER s INTO public',
  'CREATE CAST (numeric AS price) WITHOUT FUNCTION',
  'DROP CAST (numeric AS shop.price)',
  'ALTER DOMAIN price SET DEFAULT 1',
  "ALTER TYPE price ADD VALUE 'b'",
  'ALTER TYPE price ADD ATTRIBUTE b int',
  'ALTER TYPE price RENAME ATTRIBUTE a TO b',
  'ALTER TYPE price SET (STORAGE = plain)',
  'ALTER TABLE price ADD b int',
  'ALTER TYPE other RENAME TO price',
  'ALTER DOMAIN price RENAME TO other',
  'ALTER TABLE price RENAME TO other',
  'ALTER TYPE price SET SCHEMA more',
  'ALTER TABLE more.price SET SCHEMA public',
  'DROP TYPE price',
  'DROP DOMAIN IF EXISTS a, shop.price',
  'DROP VIEW price',
  'DROP SCHEMA other',
  'ALTER SCHEMA other RENAME TO more',
  'REVOKE USAGE ON SCHEMA shop FROM PUBLIC',
];

const KEEPING = [
  'CREATE SCHEMA more CREATE TABLE other(a int)',
  'CREATE TYPE other AS (a price)',
  'CREATE TABLE other(price price)',
  "CREATE FUNCTION f(price) RETURNS price LANGUAGE sql AS 'SELECT $1'",
  'DROP FUNCTION f(price)',
  'ALTER FUNCTION price(int) RENAME TO f',
  'ALTER TABLE other ALTER b TYPE price',
  'ALTER TABLE other RENAME b TO price',
  'CREATE INDEX price ON other(a)',
  'DROP INDEX price',
  "SELECT 'price'",
  'CREATE DOMAIN other AS price',
];

const after = (text: string) =>
  new ChangedTypes(parseFile({ file: '001_a.down.sql', text, checksum: '' }).statements.map(nodeOfStatement));

describe('A name of a type', () => {
  before(loadGrammar);

  for (const sql of CHANGING) {
    it(`may stand for something else after ${sql}`, () => {
      assert.ok(after(sql).mayConcern({ schema: undefined, name: 'price' }, 'shop'));
    });
  }

  for (const sql of KEEPING) {
    it(`stands for the same after ${sql}`, () => {
      assert.ok(!after(sql).mayConcern({ schema: undefined, name: 'price' }, 'shop'));
    });
  }

  it('stands for an array of what has changed', () => {
    const changed = after('CREATE DOMAIN price AS int');
    assert.ok(changed.mayConcern({ schema: undefined, name: '_price' }, 'shop'));
    assert.ok(!changed.mayConcern({ schema: undefined, name: '_other' }, 'shop'));
  });

  it('stands for the multirange of a range that is made', () => {
    assert.ok(after('CREATE TYPE a AS RANGE (SUBTYPE = int)').mayConcern({ schema: 's', name: 'a_multirange' }, 's'));
    assert.ok(
      after('CREATE TYPE arange AS RANGE (SUBTYPE = int)').mayConcern({ schema: 's', name: 'amultirange' }, 's'),
    );
  });

  it('with its schema stands for the same whatever other schemas come', () => {
    const [moved, extended] = [after('ALTER SCHEMA a RENAME TO b; CREATE SCHEMA c'), after('CREATE EXTENSION citext')];
    const named = (schema: string) => ({ schema, name: 'price' });
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map(schema => moved.mayConcern(named(schema), schema)),
      [true, true, false, false],
    );
    assert.deepEqual(
      ['d', 'pg_catalog'].map(schema => extended.mayConcern(named(schema), schema)),
      [true, false],
    );
  });

  it('of the system stands for the same whatever comes under another name', () => {
    const changed = after('DROP SCHEMA c; CREATE EXTENSION citext; CREATE DOMAIN price AS int');
    assert.ok(!changed.mayConcern({ schema: undefined, name: 'text' }, 'pg_catalog'));
  });
});
