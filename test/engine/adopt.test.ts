import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verifyAudit } from '../../src/engine/ledger/verify-audit.ts';
import { OWNER, Site, serverForTests } from './site.ts';

const server = await serverForTests();

const FILES = { '001_users.up.sql': 'CREATE TABLE users(id int PRIMARY KEY)' };
const SECOND = ['002_groups.up.sql', 'CREATE TABLE groups(id int PRIMARY KEY)'] as const;
const HEIR = { owner: 'ffffffffffffffff', resource: 'staging/truledgr', resourceUid: 'the-heirs-uid' };

/** A database that its first owner has migrated, with a second migration to come. */
async function inherited(): Promise<Site> {
  const site = await Site.create(server, FILES);
  site.attempt = 40;
  await site.migrate();
  site.write(...SECOND);
  return site;
}

describe('A database of another owner', () => {
  it('is refused with the id that lifts it', async () => {
    const site = await inherited();
    const { error } = await site.plan(HEIR);
    assert.match(error?.message ?? '', new RegExp(`annotate .*migrations\\.truledgr\\.app/adopt=${OWNER}\\.`));
  });

  it('is not adopted by the id of a third one', async () => {
    const site = await inherited();
    for (const result of [
      await site.plan({ ...HEIR, adopts: 'a'.repeat(16) }),
      await site.settle({ ...HEIR, adopts: 'a'.repeat(16) }),
    ])
      assert.deepEqual([result.exitCode, result.error?.code], [22, 'OwnedByAnother']);
  });

  it('is planned, migrated and settled by who adopts it, and the audit says so', async () => {
    const site = await inherited();
    const heir = { ...HEIR, adopts: OWNER };
    const { plan } = await site.plan(heir);
    assert.deepEqual([plan?.version, plan?.pendingFirst], ['001_users', ['002_groups']]);
    assert.ok((plan?.epochAttempt ?? 0) > 40, 'the new owner learns how high the old one counted');
    const migrated = await site.migrate({ ...heir, planned: plan as NonNullable<typeof plan> });
    assert.equal(migrated.exitCode, 0, migrated.error?.message ?? 'no error');
    assert.deepEqual(site.applied, ['001_users', '002_groups']);
    assert.equal(site.sql('SELECT owner, resource FROM migrate.epoch'), 'ffffffffffffffff|staging/truledgr');
    const audited = `SELECT event, owner, detail->>'from', detail->>'resource' FROM migrate.audit WHERE event = 'adopted'`;
    assert.equal(site.sql(audited), `adopted|ffffffffffffffff|${OWNER}|shop/truledgr`);
    const owner = await site.session('owner');
    try {
      assert.deepEqual((await verifyAudit(owner, 'migrate')).problems, []);
    } finally {
      await owner.close();
    }
    assert.equal((await site.settle(heir)).exitCode, 0);
    assert.equal(site.sql("SELECT count(*) FROM migrate.audit WHERE event = 'adopted'"), '1');
  });

  it('is refused to its old owner from then on', async () => {
    const site = await inherited();
    await site.settle({ ...HEIR, adopts: OWNER });
    const late = await site.plan();
    assert.deepEqual([late.exitCode, late.error?.code], [22, 'OwnedByAnother']);
    assert.match(late.error?.message ?? '', /belongs to another owner: staging\/truledgr/);
  });

  it('cannot be committed to by its old owner, who was at work when it was adopted', async () => {
    const site = await inherited();
    const planned = await site.planned();
    await site.settle({ ...HEIR, adopts: OWNER });
    const late = await site.migrate({ planned, attempt: site.attempt + 5 });
    assert.deepEqual([late.exitCode, late.error?.code, late.wrote], [22, 'OwnedByAnother', false]);
    assert.deepEqual(site.applied, ['001_users']);
  });

  it('is not adopted with an attempt that the old owner has passed', async () => {
    const site = await inherited();
    const stale = await site.settle({ ...HEIR, adopts: OWNER, attempt: 7 });
    assert.deepEqual([stale.exitCode, stale.error?.code], [24, 'StaleAttempt']);
  });
});

describe('A resource that was deleted and made again', () => {
  it('takes its database over by itself', async () => {
    const site = await inherited();
    const again = { resourceUid: 'another-uid', runId: 1 };
    const { plan } = await site.plan({ ...again, attempt: 1 });
    assert.ok(plan !== undefined && plan.epochAttempt > 40);
    const migrated = await site.migrate({ ...again, planned: plan, attempt: plan.epochAttempt + 1 });
    assert.equal(migrated.exitCode, 0, migrated.error?.message ?? 'no error');
  });
});
