import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { isLeftOut } from '../../../src/engine/sql/reach.ts';
import { loadGrammar, parseFile } from '../../../src/engine/sql/statements.ts';

const reachOf = (text: string) => {
  const [statement] = parseFile({ file: '001_a.up.sql', text, checksum: '' }).statements;
  assert.ok(statement, text);
  return statement.reach;
};

const BEYOND: Readonly<Record<string, string>> = {
  "CREATE USER a PASSWORD 'x'": 'CREATE ROLE',
  'ALTER GROUP a ADD USER b': 'ALTER ROLE',
  'ALTER ROLE a IN DATABASE d SET x.y = 1': 'ALTER ROLE … SET',
  'ALTER ROLE a RENAME TO b': 'ALTER … RENAME ON ROLE',
  'DROP ROLE a': 'DROP ROLE',
  'GRANT a TO b': 'GRANT or REVOKE of a role',
  'REASSIGN OWNED BY a TO b': 'REASSIGN OWNED',
  'DROP OWNED BY a': 'DROP OWNED',
  'CREATE DATABASE d': 'CREATE DATABASE',
  'ALTER DATABASE d OWNER TO a': 'ALTER … OWNER ON DATABASE',
  'REVOKE CONNECT ON DATABASE d FROM PUBLIC': 'GRANT or REVOKE ON DATABASE',
  'GRANT CREATE ON TABLESPACE s TO a': 'GRANT or REVOKE ON TABLESPACE',
  'GRANT SET ON PARAMETER work_mem TO a': 'GRANT or REVOKE ON PARAMETER',
  "COMMENT ON ROLE a IS 'x'": 'COMMENT ON ROLE',
  "SECURITY LABEL ON DATABASE d IS 'x'": 'SECURITY LABEL ON DATABASE',
  'ALTER SYSTEM SET work_mem = 1': 'ALTER SYSTEM',
  "CREATE TABLESPACE s LOCATION '/x'": 'CREATE TABLESPACE',
  'ALTER TABLESPACE s RESET (seq_page_cost)': 'ALTER TABLESPACE',
  'ALTER SUBSCRIPTION s DISABLE': 'ALTER SUBSCRIPTION',
  'REINDEX DATABASE d': 'REINDEX DATABASE',
  "COPY t TO PROGRAM 'x'": 'COPY … PROGRAM',
  "COPY t FROM PROGRAM 'x'": 'COPY … PROGRAM',
  "COPY t TO '/x'": 'COPY … TO a file of the server',
  "SELECT 1 FROM pg_create_logical_replication_slot('a', 'b')": 'a call of pg_create_logical_replication_slot',
  "INSERT INTO t SELECT public.dblink_exec('x', 'y')": 'a call of dblink_exec',
  'CALL dblink_x()': 'a call of dblink_x',
  'SELECT pg_terminate_backend(pid) FROM pg_stat_activity': 'a call of pg_terminate_backend',
  'DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles) THEN CREATE  role a; END IF; END $$': 'DO with CREATE ROLE',
  "DO $$ BEGIN EXECUTE format('GRANT %I TO b', 'a'); END $$": 'DO with GRANT %I TO',
  "DO $$ BEGIN EXECUTE 'ALTER DATABASE d SET work_mem = 1'; END $$": 'DO with ALTER DATABASE',
  "DO $$ BEGIN RAISE NOTICE '%', current_database(); EXECUTE 'ALTER DATABASE d SET x.y = 1'; END $$":
    'DO with ALTER DATABASE',
  "DO $$ BEGIN COPY (SELECT 1) TO '/x'; END $$": 'DO with COPY (SELECT 1) TO',
  "DO $$ BEGIN EXECUTE format('COPY %I TO %L', 't', '/x'); END $$": 'DO with COPY %I TO',
  "DO $$ BEGIN COPY t FROM PROGRAM 'x'; END $$": 'DO with COPY T FROM PROGRAM',
  "DO $$ BEGIN PERFORM lo_export(1, '/x'); END $$": 'DO with LO_EXPORT(',
  'DO $$ BEGIN /* a */ CREATE /* b --*/ ROLE c; END $$': 'DO with CREATE ROLE',
  "DO $$ BEGIN RAISE NOTICE '/*'; -- */\n CREATE ROLE c; RAISE NOTICE '/*'; END $$": 'DO with CREATE ROLE',
  'DO $$ BEGIN GRANT CREATE ON TABLESPACE s TO a; END $$': 'DO with GRANT CREATE ON TABLESPACE',
  "DO $$ BEGIN COMMENT ON ROLE a IS 'x'; END $$": 'DO with COMMENT ON ROLE',
};

const WITHIN = [
  'CREATE TABLE t (id int)',
  'GRANT SELECT ON t TO a',
  'ALTER DEFAULT PRIVILEGES FOR ROLE a GRANT SELECT ON TABLES TO b',
  'SET ROLE a',
  "COMMENT ON TABLE t IS 'x'",
  'ALTER TABLE t OWNER TO a',
  'CREATE PUBLICATION p FOR TABLE t',
  "COPY t FROM '/x'",
  'CREATE USER MAPPING FOR a SERVER s',
  'REINDEX SCHEMA public',
  "CREATE VIEW v AS SELECT * FROM dblink('x', 'y') AS d(a int)",
  'CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE ROLE a; END $$',
  'DO $$ BEGIN -- create role a\n GRANT SELECT ON t TO a; END $$',
  'DO $$ BEGIN CREATE USER MAPPING FOR a SERVER s; END $$',
  "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 1', current_database()); END $$",
  "DO $$ BEGIN EXECUTE 'GRANT CONNECT ON DATABASE ' || quote_ident(current_database()) || ' TO a'; END $$",
  "DO $$ BEGIN COPY t FROM '/x'; END $$",
];

describe('What a statement does outside the database', () => {
  before(loadGrammar);

  it('is told by the grammar, and of a DO block by its words', () => {
    for (const [text, what] of Object.entries(BEYOND)) assert.equal(reachOf(text)?.what, what, text);
    for (const text of WITHIN) assert.equal(reachOf(text), undefined, text);
  });

  it('is left out in a trial; on a disposable server only where it names the real database', () => {
    const trial = { of: 'real', server: 'Disposable' } as const;
    const naming = [
      'ALTER DATABASE real SET work_mem = 1',
      'ALTER DATABASE real RENAME TO x',
      'ALTER DATABASE real OWNER TO a',
      'DROP DATABASE real',
      "COMMENT ON DATABASE real IS 'x'",
      'REVOKE CONNECT ON DATABASE other, real FROM PUBLIC',
      'ALTER ROLE a IN DATABASE real SET work_mem = 1',
      'REINDEX DATABASE real',
      "DO $$ BEGIN EXECUTE 'ALTER DATABASE Real SET work_mem = 1'; END $$",
    ];
    for (const text of naming) assert.equal(isLeftOut(reachOf(text), trial), true, text);
    for (const text of ['CREATE ROLE real_one', 'ALTER DATABASE other SET work_mem = 1']) {
      assert.equal(isLeftOut(reachOf(text), trial), false, text);
      assert.equal(isLeftOut(reachOf(text), { ...trial, server: 'Shared' }), true, text);
      assert.equal(isLeftOut(reachOf(text), undefined), false, text);
    }
  });
});
