// The report of docs/corpora.md, made of a project so small that each way of ending is in it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';

const SCRIPT = join(import.meta.dirname, '..', 'corpora.ts');
const MIGRATIONS = {
  '001_a.up.sql': 'CREATE TABLE a (id int, name text, age int);',
  '001_a.down.sql': 'DROP TABLE a;',
  '002_nameless.up.sql': 'ALTER TABLE a DROP COLUMN name;',
  '002_nameless.down.sql': 'ALTER TABLE a ADD COLUMN name text;',
  '003_indexed.up.sql': 'CREATE INDEX a_id ON a (id);',
  '003_indexed.down.sql': 'ALTER TABLE a ALTER COLUMN age SET DEFAULT 1; DROP INDEX a_id;',
  '004_no_way.up.sql': 'CREATE VIEW v AS SELECT id FROM a;',
  '004_no_way.down.sql': 'DROP VIEW w;',
  '005_only_up.up.sql': 'CREATE TABLE b (id int);',
} as const;
const EXPECTED = `
## small

5 migrations, layout of own, each up, down and up again: 1 exact, 1 but for column order, 1 different, 1 fails, 1 no down.

| version | the way down | what is left, or why |
|---|---|---|
| 002_nameless | but for column order | column public.a.age, column public.a.name |
| 003_indexed | different | column public.a.age |
| 004_no_way | fails | 004_no_way.down.sql, statement 1 (line 1) failed: view "w" does not exist (SQLSTATE 42P01). |
| 005_only_up | no down |  |
`;

describe("The report of other projects' migrations", () => {
  const root = mkdtempSync(join(tmpdir(), 'corpora-'));
  after(() => rmSync(root, { recursive: true, force: true }));

  it('says of each migration what its way down leaves', async () => {
    const directory = join(root, 'small', 'migrations');
    mkdirSync(directory, { recursive: true });
    for (const [name, text] of Object.entries(MIGRATIONS)) writeFileSync(join(directory, name), text);
    const environment = { ...process.env, MIGRATE_CORPORA: root };
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT], { env: environment });
    assert.equal(stdout, EXPECTED);
  });
});
