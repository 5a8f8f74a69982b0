import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { readServer } from '../../src/engine/server.ts';
import { readSnapshot, snapshotDigest } from '../../src/schema/snapshot.ts';
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
