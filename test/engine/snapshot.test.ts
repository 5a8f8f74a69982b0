import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { readServer } from '../../src/engine/server.ts';
import { compareSnapshots, describeDifference } from '../../src/schema/difference.ts';
import { readSnapshot, type SnapshotEntry, snapshotDigest } from '../../src/schema/snapshot.ts';
import { EVERYTHING } from './from-diff-cases.ts';
import { CHANGES, SCHEMA, SINCE } from './schema-changes.ts';
import { Site, serverForTests } from './site.ts';

const server = await serverForTests();

async function digestOf(session: Connection): Promise<string> {
  const { versionNumber } = await readServer(session);
  return snapshotDigest(await readSnapshot(session, versionNumber, 'migrate'));
}

async function digest(site: Site): Promise<string> {
  const session = await site.session('owner');
  try {
    return await digestOf(session);
  } finally {
    await session.close();
  }
}

/** What a dump writes down otherwise than whoever made it, though it means the same. */
const RESPELLED = `
  CREATE TABLE p(x varchar(5) CHECK (x IN ('a', 'b''(]')), y varchar(5) DEFAULT 'c', tags text[] DEFAULT ARRAY['a'::varchar]);
  CREATE DOMAIN letter AS varchar(1) CHECK (VALUE NOT IN ('a', 'b'));
  CREATE INDEX p_some ON p(x) WHERE x IN ('a', 'b') AND y NOT IN (x, 'd');
  CREATE POLICY p_own ON p USING (x IN ('a', 'b')) WITH CHECK (x IN ('c', 'd'));
  CREATE VIEW p_view AS SELECT x FROM p WHERE x IN ('a', 'b');
  CREATE MATERIALIZED VIEW p_kept AS SELECT x, y IN ('a', 'b') AS is_one FROM p WITH NO DATA;
  CREATE FUNCTION p_touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER p_when BEFORE INSERT ON p FOR EACH ROW WHEN (NEW.x IN ('a', 'b')) EXECUTE FUNCTION p_touched();
  CREATE RULE p_rule AS ON INSERT TO p WHERE NEW.x IN ('a', 'b') DO INSTEAD NOTHING;
  CREATE SEQUENCE numbers; CREATE TYPE hue AS ENUM ('red'); CREATE SCHEMA more_of_it;
  GRANT SELECT ON p TO app; REVOKE SELECT ON p FROM app; GRANT SELECT (x) ON p TO app; REVOKE SELECT (x) ON p FROM app;
  GRANT USAGE ON SCHEMA more_of_it, public TO app; REVOKE USAGE ON SCHEMA more_of_it, public FROM app;
  GRANT USAGE ON SEQUENCE numbers TO app; REVOKE USAGE ON SEQUENCE numbers FROM app;
  REVOKE USAGE ON TYPE hue FROM PUBLIC; GRANT USAGE ON TYPE hue TO PUBLIC;
  REVOKE EXECUTE ON FUNCTION p_touched() FROM PUBLIC; GRANT EXECUTE ON FUNCTION p_touched() TO PUBLIC;
  CREATE TABLE parent(a int, b int); CREATE TABLE kid(own int, b int) INHERITS (parent); ALTER TABLE parent ADD COLUMN late int;
  CREATE TABLE whole(a int, b int) PARTITION BY LIST (a); CREATE TABLE part(b int, a int);
  ALTER TABLE whole ATTACH PARTITION part FOR VALUES IN (1);
`;

/** A child's columns are numbered otherwise after a dump. */
const isNoColumn = ({ kind }: SnapshotEntry) => kind !== 'column';

async function sideOf(site: Site) {
  const session = await site.session('owner');
  try {
    const { versionNumber } = await readServer(session);
    return { entries: await readSnapshot(session, versionNumber, 'migrate'), serverVersionNumber: versionNumber };
  } finally {
    await session.close();
  }
}

describe('The snapshot of a schema', () => {
  it('changes with everything that a migration may change', async () => {
    const site = await Site.create(server);
    site.sql(`SET ROLE owner; ${SCHEMA}`);
    const [owner, superuser] = [await site.session('owner'), await site.session('postgres')];
    try {
      let before = await digestOf(owner);
      for (const [what, sql] of Object.entries(CHANGES)) {
        if (server.major < (SINCE[what] ?? 0)) continue;
        await superuser.query(sql);
        const now = await digestOf(owner);
        assert.notEqual(now, before, what);
        before = now;
      }
      const { versionNumber } = await readServer(owner);
      const text = JSON.stringify(await readSnapshot(owner, versionNumber, 'migrate'));
      assert.doesNotMatch(text, /hidden/);
      await superuser.query('ALTER SUBSCRIPTION sub SET (slot_name = NONE)');
      await superuser.query('DROP SUBSCRIPTION sub');
    } finally {
      await owner.close();
      await superuser.close();
    }
  });

  it('has nothing but the schema public and PL/pgSQL of a database that nobody has touched', async () => {
    const { entries } = await sideOf(await Site.create(server));
    assert.deepEqual(
      entries.map(({ kind, name }) => `${kind} ${name}`),
      ['extension plpgsql', 'schema public'],
    );
    assert.deepEqual(entries.map(({ definition }) => JSON.parse(definition))[1], {});
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

  it('tells no difference after a dump and its restore', { skip: server.major < 15 || !server.hasDump }, async () => {
    const [one, two] = [await Site.create(server), await Site.create(server)];
    one.sql(`DROP SCHEMA public; SET ROLE owner; CREATE SCHEMA public; ${EVERYTHING} ${RESPELLED}`);
    const archive = join(one.root, 'dump');
    const run = (program: string, ...args: string[]) => execFileSync(join(server.binaries, program), args);
    run('pg_dump', '-Fc', '--schema-only', '-f', archive, '-d', server.url('postgres', one.name));
    run('pg_restore', '--exit-on-error', '-d', server.url('postgres', two.name), archive);
    const [before, after] = await Promise.all([one, two].map(sideOf));
    assert.ok(before && after);
    assert.deepEqual(compareSnapshots(before, after).differences.map(describeDifference), []);
    assert.equal(snapshotDigest(before.entries.filter(isNoColumn)), snapshotDigest(after.entries.filter(isNoColumn)));
  });
});
