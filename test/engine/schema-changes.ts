// One of nearly each kind of object of a schema, and changes of each, one after the other: the snapshot must notice every one,
// and what is written from the difference must say it or tell it. Some need a superuser.

export const SCHEMA = `
  CREATE TABLE t(id int PRIMARY KEY, note text DEFAULT 'x', price numeric(10, 2) CHECK (price > 0));
  CREATE TABLE p(a int, b int) PARTITION BY LIST (a);
  CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
  CREATE INDEX t_note ON t(note);
  CREATE VIEW v AS SELECT id FROM t;
  CREATE MATERIALIZED VIEW mv AS SELECT note FROM t;
  CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT a';
  CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION tf();
  CREATE TYPE mood AS ENUM ('sad', 'glad');
  CREATE DOMAIN small AS int CHECK (VALUE < 10);
  CREATE TYPE pair AS (a int, b text);
  CREATE SEQUENCE s;
  CREATE TABLE pair_table(i int NOT NULL, p pair);
  CREATE POLICY pol ON t USING (id > 0);
  COMMENT ON TABLE t IS 'a table';
`;

export const CHANGES: Readonly<Record<string, string>> = {
  'a column more': 'ALTER TABLE t ADD COLUMN c int',
  'a column fewer': 'ALTER TABLE t DROP COLUMN c',
  'another default': "ALTER TABLE t ALTER COLUMN note SET DEFAULT 'y'",
  'another type': 'ALTER TABLE t ALTER COLUMN price TYPE numeric(12, 2)',
  'a column that may not be null': 'ALTER TABLE t ALTER COLUMN note SET NOT NULL',
  'a constraint that is not validated': 'ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0) NOT VALID',
  'an index': 'CREATE INDEX i ON t(id)',
  'an index that is not valid': "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_note'::regclass",
  'another view': 'CREATE OR REPLACE VIEW v AS SELECT id + 0 AS id FROM t',
  'another function': "CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT a + 1'",
  'a trigger that is off': 'ALTER TABLE t DISABLE TRIGGER tr',
  'an enum value': "ALTER TYPE mood ADD VALUE 'calm'",
  'a domain’s check': 'ALTER DOMAIN small DROP CONSTRAINT small_check',
  'a field of a composite type': 'ALTER TYPE pair ADD ATTRIBUTE c int',
  'a policy': 'DROP POLICY pol ON t',
  'row security': 'ALTER TABLE t ENABLE ROW LEVEL SECURITY',
  'a grant': 'GRANT SELECT ON t TO app',
  'another owner': 'ALTER TABLE t OWNER TO app',
  'a comment': "COMMENT ON COLUMN t.id IS 'an id'",
  'another sequence': 'ALTER SEQUENCE s INCREMENT 5',
  'a partition': 'CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2)',
  'a schema': 'CREATE SCHEMA more',
  'an extension': 'CREATE EXTENSION pgcrypto',
  'storage parameters': 'ALTER TABLE t SET (fillfactor = 50)',
  'an identity': 'ALTER TABLE pair_table ALTER COLUMN i ADD GENERATED ALWAYS AS IDENTITY',
  'a replica identity': 'ALTER TABLE t REPLICA IDENTITY FULL',
  'a rule': 'CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING',
  'a grant on a column': 'GRANT UPDATE (note) ON t TO app',
  'default privileges': 'ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT SELECT ON TABLES TO app',
  'an event trigger':
    "CREATE FUNCTION ef() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER et ON ddl_command_end EXECUTE FUNCTION ef()",
  'an event trigger that is off': 'ALTER EVENT TRIGGER et DISABLE',
  'a publication': 'CREATE PUBLICATION pub FOR TABLE t',
  'rows of a publication': 'ALTER PUBLICATION pub SET TABLE t (id) WHERE (id > 5)',
  'a schema of a publication': 'CREATE PUBLICATION of_schema FOR TABLES IN SCHEMA more',
  'a subscription':
    "CREATE SUBSCRIPTION sub CONNECTION 'dbname=x password=hidden' PUBLICATION pub WITH (connect = false)",
  'a publication of a subscription': 'ALTER SUBSCRIPTION sub SET PUBLICATION pub, other WITH (refresh = false)',
  'a foreign data wrapper': 'CREATE FOREIGN DATA WRAPPER fdw',
  'a foreign server': "CREATE SERVER fs FOREIGN DATA WRAPPER fdw OPTIONS (password 'hidden')",
  'a user mapping': "CREATE USER MAPPING FOR app SERVER fs OPTIONS (password 'hidden')",
  'a foreign table': "CREATE FOREIGN TABLE ft(id int) SERVER fs OPTIONS (table_name 'one')",
  'another foreign table behind it': "ALTER FOREIGN TABLE ft OPTIONS (SET table_name 'two')",
  'extended statistics': 'CREATE STATISTICS st ON id, note FROM t',
  'their target': 'ALTER STATISTICS st SET STATISTICS 50',
  'statistics of a column': 'ALTER TABLE t ALTER COLUMN note SET STATISTICS 50',
  'a collation': "CREATE COLLATION german (provider = icu, locale = 'de-DE')",
  'a cast': 'CREATE CAST (pair AS text) WITH INOUT',
  'an operator': 'CREATE OPERATOR ## (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl)',
  'an operator class':
    'CREATE OPERATOR CLASS oc FOR TYPE int USING btree AS OPERATOR 1 <, FUNCTION 1 btint4cmp(int, int)',
  'an aggregate': 'CREATE AGGREGATE agg(int) (SFUNC = int4pl, STYPE = int)',
  'its first state': 'CREATE OR REPLACE AGGREGATE agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = 5)',
  'a procedure': "CREATE PROCEDURE proc() LANGUAGE sql AS 'SELECT 1'",
  'a range type': 'CREATE TYPE r_ange AS RANGE (SUBTYPE = int)',
  'a text search configuration': 'CREATE TEXT SEARCH CONFIGURATION tsc (COPY = simple)',
  'a text search dictionary': 'CREATE TEXT SEARCH DICTIONARY tsd (TEMPLATE = simple, Accept = false)',
  'a mapping to it': 'ALTER TEXT SEARCH CONFIGURATION tsc ALTER MAPPING FOR word WITH tsd',
  'a conversion': "CREATE CONVERSION conv FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1",
  'a table that is not logged': 'ALTER TABLE pair_table SET UNLOGGED',
  'storage of a column': 'ALTER TABLE t ALTER COLUMN note SET STORAGE PLAIN',
  'compression of a column': 'ALTER TABLE t ALTER COLUMN note SET COMPRESSION pglz',
  'a policy for some': 'CREATE POLICY for_some ON t AS RESTRICTIVE FOR UPDATE TO app USING (true) WITH CHECK (id > 1)',
  'a language': 'CREATE LANGUAGE lang HANDLER plpgsql_call_handler',
  'an access method': 'CREATE ACCESS METHOD am TYPE INDEX HANDLER bthandler',
  'a transform': 'CREATE TRANSFORM FOR int LANGUAGE lang (FROM SQL WITH FUNCTION prsd_lextype(internal))',
  'a child table': 'CREATE TABLE child() INHERITS (t)',
  'an inherited table no more': 'ALTER TABLE child NO INHERIT t',
  'a clustered index': 'ALTER TABLE t CLUSTER ON i',
  'a trigger that always fires': 'ALTER TABLE t ENABLE ALWAYS TRIGGER tr',
  'the owner of a sequence': 'ALTER SEQUENCE s OWNED BY pair_table.i',
  'another default of a domain': 'ALTER DOMAIN small SET DEFAULT 1',
  'rights on a schema': 'GRANT USAGE ON SCHEMA more TO app',
  'the right that everybody has on the schema public': 'REVOKE USAGE ON SCHEMA public FROM PUBLIC',
  'rights on a type': 'REVOKE USAGE ON TYPE mood FROM PUBLIC',
  'a foreign key': 'CREATE TABLE fk(t int REFERENCES t)',
  'a foreign key that is not kept': 'ALTER TABLE fk DISABLE TRIGGER ALL',
  'a foreign key that is not kept from the other side':
    'ALTER TABLE fk ENABLE TRIGGER ALL; ALTER TABLE t DISABLE TRIGGER ALL',
  'a toast table that is not vacuumed': 'ALTER TABLE t SET (toast.autovacuum_enabled = false)',
  'options of a toast table no more': 'ALTER TABLE t RESET (toast.autovacuum_enabled)',
  'options of a materialized view’s toast table': 'ALTER MATERIALIZED VIEW mv SET (toast.autovacuum_enabled = false)',
  'rights on a member of an extension': 'REVOKE EXECUTE ON FUNCTION gen_salt(text) FROM PUBLIC',
  'rights on a table of the system': 'GRANT SELECT ON pg_authid TO app',
  'rights on a column of the system': 'GRANT SELECT (rolpassword) ON pg_authid TO app',
  'a right that everybody has on a column of the system':
    'REVOKE SELECT (subsynccommit) ON pg_subscription FROM PUBLIC',
  'rights on a function of the system': 'GRANT EXECUTE ON FUNCTION pg_read_file(text) TO app',
  'rights on a language': 'REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC',
  'a function among those of the system': "CREATE FUNCTION pg_catalog.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
  'another function among those of the system':
    "CREATE OR REPLACE FUNCTION pg_catalog.mine() RETURNS int LANGUAGE sql AS 'SELECT 2'",
  'a table among those of the system': 'CREATE TABLE information_schema.mine(i int)',
  'another collation of a range': 'DROP TYPE r_ange; CREATE TYPE r_ange AS RANGE (SUBTYPE = text, COLLATION = "C")',
  'another operator class of a range':
    'DROP TYPE r_ange; CREATE TYPE r_ange AS RANGE (SUBTYPE = text, COLLATION = "C", SUBTYPE_OPCLASS = text_pattern_ops)',
  'an aggregate that runs in parallel':
    'CREATE OR REPLACE AGGREGATE agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = 5, PARALLEL = safe)',
  'an aggregate whose state is larger':
    'CREATE OR REPLACE AGGREGATE agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = 5, PARALLEL = safe, SSPACE = 99)',
  'an aggregate that moves': `CREATE OR REPLACE AGGREGATE agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = 5, PARALLEL = safe, SSPACE = 99,
    MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = int)`,
  'what a base type needs': `CREATE TYPE base; CREATE FUNCTION base_in(cstring) RETURNS base LANGUAGE internal IMMUTABLE STRICT AS 'textin';
    CREATE FUNCTION base_out(base) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout'`,
  'a base type': 'CREATE TYPE base (INPUT = base_in, OUTPUT = base_out, STORAGE = extended)',
  'a base type that is stored otherwise': 'ALTER TYPE base SET (STORAGE = main)',
  'a comment on the schema public': "COMMENT ON SCHEMA public IS 'ours'",
};

/** The first major that has it. */
export const SINCE: Readonly<Record<string, number>> = {
  'rows of a publication': 15,
  'a schema of a publication': 15,
  'compression of a column': 14,
  'their target': 13,
  'an aggregate that runs in parallel': 12,
  'an aggregate whose state is larger': 12,
  'an aggregate that moves': 12,
  'a base type that is stored otherwise': 13,
  'a right that everybody has on a column of the system': 14,
  'its first state': 12,
};
