// Changes by hand of what other things stand on, which PostgreSQL alters or drops only when these are out of the way.
import type { Case } from './from-diff-cases.ts';

export const DEPENDENTS: readonly Case[] = [
  {
    name: 'a column goes with the column that is generated from it',
    base: 'CREATE TABLE t(b int, z int, a int GENERATED ALWAYS AS (z * 2) STORED); CREATE INDEX ON t(a)',
    change: 'ALTER TABLE t DROP COLUMN z CASCADE',
    use: 'INSERT INTO t(b) VALUES (1)',
    says: [/\nALTER TABLE public\.t DROP COLUMN a;\n\n-- Destroys data: every value of public\.t\.z\./],
  },
  {
    name: 'a column from which another is generated has another type, and that one stays what it was',
    base: `CREATE TABLE t(a int, b int, g int GENERATED ALWAYS AS (a * 2) STORED UNIQUE); CREATE INDEX ON t(g); CREATE VIEW v AS SELECT g FROM t;
      CREATE TABLE u(x int REFERENCES t(g)); CREATE STATISTICS st ON g, b FROM t; COMMENT ON COLUMN t.g IS 'x'; GRANT SELECT (g) ON t TO app;
      ALTER TABLE t ALTER g SET STATISTICS 50; ALTER TABLE t ADD CHECK (g < 50)`,
    change: `DROP VIEW v; ALTER TABLE t DROP COLUMN g CASCADE; ALTER TABLE t ALTER a TYPE bigint;
      ALTER TABLE t ADD COLUMN g int GENERATED ALWAYS AS (a * 2) STORED UNIQUE; CREATE INDEX ON t(g); CREATE VIEW v AS SELECT g FROM t;
      ALTER TABLE u ADD FOREIGN KEY (x) REFERENCES t(g); CREATE STATISTICS st ON g, b FROM t; COMMENT ON COLUMN t.g IS 'x'; GRANT SELECT (g) ON t TO app;
      ALTER TABLE t ALTER g SET STATISTICS 50; ALTER TABLE t ADD CHECK (g < 50)`,
    use: 'INSERT INTO t(a) SELECT count(*) FROM t',
    says: [/^(?!(.|\n)*Destroys data)/],
  },
  {
    name: 'a function of which an argument has another name, and what is generated, counted and checked by it',
    base: `CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a'; CREATE DOMAIN d AS int CHECK (f(VALUE) > 0);
      CREATE TABLE t(id int, b d, g int GENERATED ALWAYS AS (f(id)) STORED)`,
    change: `ALTER TABLE t DROP COLUMN g; ALTER DOMAIN d DROP CONSTRAINT d_check; DROP FUNCTION f(int);
      CREATE FUNCTION f(b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT b'; ALTER DOMAIN d ADD CHECK (f(VALUE) > 0);
      ALTER TABLE t ADD COLUMN g int GENERATED ALWAYS AS (f(id)) STORED`,
    use: 'INSERT INTO t VALUES (1, 1)',
  },
  {
    name: 'statistics of expressions by such a function',
    base: `CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a'; CREATE TABLE t(id int, b int); CREATE STATISTICS s ON (f(id)), b FROM t`,
    change: `DROP STATISTICS s; DROP FUNCTION f(int); CREATE FUNCTION f(b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT b';
      CREATE STATISTICS s ON (f(id)), b FROM t`,
    since: 14,
  },
  {
    name: 'a column has another type in a parent and its children, and in a table and its partitions',
    base: `CREATE TABLE p(a int, b int) PARTITION BY LIST (b); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE q(a int, b int);
      CREATE TABLE q1() INHERITS (q); CREATE TABLE q2(a int) INHERITS (q)`,
    change:
      'ALTER TABLE p ALTER a TYPE bigint; ALTER TABLE q ALTER a TYPE bigint, ALTER b SET NOT NULL, ALTER b SET DEFAULT 1',
  },
  {
    name: 'a unique index that a foreign key stands on has another name, and becomes a constraint',
    base: `CREATE TABLE t(a int, "b, c" int); CREATE UNIQUE INDEX one ON t(a); CREATE UNIQUE INDEX two ON t("b, c", a);
      CREATE TABLE u(a int REFERENCES t(a), b int, FOREIGN KEY (a, b) REFERENCES t(a, "b, c"))`,
    change: 'ALTER INDEX one RENAME TO other; ALTER TABLE t ADD CONSTRAINT two UNIQUE USING INDEX two',
  },
  {
    name: 'a unique index with a condition, on which no foreign key stands, is another, and the one for replication, too',
    base: `CREATE TABLE t(a int PRIMARY KEY, b int NOT NULL UNIQUE, c int); CREATE UNIQUE INDEX part ON t(a) WHERE b > 1; CREATE TABLE u(a int REFERENCES t);
      ALTER TABLE t REPLICA IDENTITY USING INDEX t_pkey`,
    change: `DROP INDEX part; CREATE UNIQUE INDEX part ON t(a) WHERE b > 2; ALTER TABLE t REPLICA IDENTITY USING INDEX t_b_key`,
    says: [/^(?!(.|\n)*(FOREIGN KEY|Not written))/],
  },
  {
    name: 'a key has another name, and a foreign key refers to its columns in another order',
    base: `CREATE TABLE t(a int, b int, CONSTRAINT one UNIQUE (a, b)); CREATE TABLE u(a int, b int, FOREIGN KEY (b, a) REFERENCES t(b, a))`,
    change: 'ALTER TABLE t RENAME CONSTRAINT one TO two',
  },
  {
    name: 'a view is made anew with the functions that take and give its rows, and what uses these',
    base: `CREATE TABLE t(a int, b int); CREATE VIEW v AS SELECT a, b FROM t; CREATE FUNCTION all_of() RETURNS SETOF v LANGUAGE sql AS 'SELECT * FROM t';
      CREATE FUNCTION all_of(text) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION name_of(v) RETURNS int LANGUAGE sql AS 'SELECT 1';
      CREATE VIEW w AS SELECT name_of(v.*) AS n FROM v; GRANT EXECUTE ON FUNCTION name_of(v) TO app; COMMENT ON FUNCTION all_of() IS 'x'`,
    change: `DROP VIEW w; DROP FUNCTION all_of(), name_of(v); DROP VIEW v; CREATE VIEW v AS SELECT b, a FROM t;
      CREATE FUNCTION all_of() RETURNS SETOF v LANGUAGE sql AS 'SELECT * FROM t'; CREATE FUNCTION name_of(v) RETURNS int LANGUAGE sql AS 'SELECT 1';
      CREATE VIEW w AS SELECT name_of(v.*) AS n FROM v; GRANT EXECUTE ON FUNCTION name_of(v) TO app; COMMENT ON FUNCTION all_of() IS 'x'`,
    says: [/^(?!(.|\n)*DROP FUNCTION public\.all_of\(text\))/],
  },
  {
    name: 'a table with an index by a function that takes its rows has another name',
    base: `CREATE TABLE t(a int); CREATE FUNCTION f(t) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; CREATE INDEX i ON t(f(t.*));
      ALTER TABLE t ADD CHECK (f(t.*) > 0)`,
    change: 'ALTER TABLE t RENAME TO other',
  },
  {
    name: 'a sequence begins beyond where it stands, and one counts up no further than it has',
    base: `CREATE SEQUENCE s; CREATE SEQUENCE gone_far MAXVALUE 100; CREATE SEQUENCE down INCREMENT -1; CREATE TABLE t(i int GENERATED ALWAYS AS IDENTITY, j serial)`,
    change: `ALTER SEQUENCE s MINVALUE 1000 START 1000 RESTART; ALTER SEQUENCE gone_far MINVALUE 5000 MAXVALUE 9000 START 5000 RESTART;
      ALTER SEQUENCE down MAXVALUE -50 START -50 RESTART; ALTER TABLE t ALTER i SET MINVALUE 70 SET START 70 RESTART; ALTER SEQUENCE t_j_seq START 90 MINVALUE 80 RESTART`,
    use: "SELECT nextval('s'), nextval('gone_far'), nextval('down'); INSERT INTO t DEFAULT VALUES",
    says: [/MINVALUE 5000 MAXVALUE 9000 START WITH 5000 RESTART;/],
  },
  {
    name: 'a generated column keeps its values when it becomes an ordinary one, and the way back of that is told',
    base: 'CREATE TABLE t(a int, g int GENERATED ALWAYS AS (a * 2) STORED)',
    change: 'ALTER TABLE t ALTER g DROP EXPRESSION; ALTER TABLE t ALTER a TYPE bigint',
    down: ['column public.t.g: default from none to (a * 2); generated from none to stored'],
    since: 13,
  },
  {
    name: 'columns of partitions that are generated from one of another type',
    base: `CREATE TABLE p(k int, a int, g int GENERATED ALWAYS AS (a * 2) STORED) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
      CREATE INDEX ON p(g); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2); ALTER TABLE p ADD CHECK (g > 0); ALTER TABLE p1 ALTER a SET DEFAULT 1`,
    change: `ALTER TABLE p DROP COLUMN g CASCADE; ALTER TABLE p ALTER a TYPE bigint; ALTER TABLE p ADD COLUMN g int GENERATED ALWAYS AS (a * 2) STORED;
      CREATE INDEX ON p(g); ALTER TABLE p ADD CHECK (g > 0)`,
  },
  {
    name: 'an enum has another name, but for a domain of it, which keeps the old one',
    base: `CREATE TYPE e AS ENUM ('a', 'b'); CREATE DOMAIN d AS e; CREATE TYPE pair AS (a e); CREATE FUNCTION f(e) RETURNS e LANGUAGE sql AS 'SELECT $1';
      CREATE TABLE t(m e DEFAULT 'a', n e[] DEFAULT '{a}', o text GENERATED ALWAYS AS (CASE m WHEN 'a' THEN 'x' END) STORED, CHECK (m <> 'b'));
      CREATE INDEX ON t(m); CREATE VIEW v AS SELECT m, f(m) AS k FROM t`,
    change: 'ALTER TYPE e RENAME TO e2',
    up: ['domain public.d: type from public.e to public.e2', 'enum public.e was removed'],
  },
  {
    name: 'an index for replication and clustering is another, and a new column has its own settings',
    base: 'CREATE TABLE t(a int NOT NULL); CREATE UNIQUE INDEX i ON t(a); ALTER TABLE t REPLICA IDENTITY USING INDEX i; ALTER TABLE t CLUSTER ON i',
    change: `DROP INDEX i; CREATE UNIQUE INDEX i ON t(a) WITH (fillfactor = 50); ALTER TABLE t REPLICA IDENTITY USING INDEX i; ALTER TABLE t CLUSTER ON i;
      ALTER TABLE t ADD b text; ALTER TABLE t ALTER b SET STORAGE EXTERNAL, ALTER b SET STATISTICS 5`,
  },
];
