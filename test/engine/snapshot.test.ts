import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readServer } from '../../src/engine/server.ts';
import { readSnapshot, snapshotDigest } from '../../src/schema/snapshot.ts';
import { Site, serverForTests } from './site.ts';

const server = await serverForTests();

const SCHEMA = `
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
  CREATE POLICY pol ON t USING (id > 0);
  COMMENT ON TABLE t IS 'a table';
`;

async function digest(site: Site): Promise<string> {
  const session = await site.session('owner');
  try {
    const { versionNumber } = await readServer(session);
    return snapshotDigest(await readSnapshot(session, versionNumber, 'migrate'));
  } finally {
    await session.close();
  }
}

describe('The snapshot of a schema', () => {
  const changes: Readonly<Record<string, string>> = {
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
  };

  it('changes with everything that a migration may change', async () => {
    const site = await Site.create(server);
    site.sql(`SET ROLE owner; ${SCHEMA}`);
    let before = await digest(site);
    for (const [what, sql] of Object.entries(changes)) {
      site.sql(sql);
      const now = await digest(site);
      assert.notEqual(now, before, what);
      before = now;
    }
  });

  it('does not change with rows, statistics, sequences in use, or the ledger', async () => {
    const site = await Site.create(server, { '001_a.up.sql': '' });
    await site.migrate();
    site.sql(`SET ROLE owner; ${SCHEMA}`);
    const before = await digest(site);
    site.sql("INSERT INTO t VALUES (1, 'a', 2); SELECT nextval('s'); REFRESH MATERIALIZED VIEW mv; ANALYZE");
    site.sql('VACUUM FULL t');
    site.sql('REINDEX TABLE t');
    site.write('002_b.up.sql', '');
    await site.migrate({ runId: 2 });
    assert.equal(await digest(site), before);
  });

  it('is the same for two databases that were made by the same statements', async () => {
    const [one, two] = [await Site.create(server), await Site.create(server)];
    for (const site of [one, two]) site.sql(`SET ROLE owner; ${SCHEMA}`);
    assert.equal(await digest(one), await digest(two));
  });
});
