import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AuditHead, verifyAudit } from '../../src/engine/ledger/verify-audit.ts';
import { Site, serverForTests } from './site.ts';

const server = await serverForTests();

const FILES = {
  '001_users.up.sql': 'CREATE TABLE users(id int PRIMARY KEY)',
  '002_groups.up.sql': 'CREATE TABLE groups(id int PRIMARY KEY)',
};
/** What somebody does who owns the table and knows the formula. */
const HASH = `encode(sha256(convert_to(jsonb_build_array(id, at, event, version, owner, attempt, run, job, detail, previous)::text, 'UTF8')), 'hex')`;
const REHASH = `DO $$DECLARE r record; before text := repeat('0', 64); BEGIN
  FOR r IN SELECT id FROM migrate.audit ORDER BY id LOOP
    UPDATE migrate.audit SET previous = before WHERE id = r.id;
    UPDATE migrate.audit SET hash = ${HASH} WHERE id = r.id RETURNING hash INTO before;
  END LOOP; END$$`;

describe('The audit', () => {
  const cases: Readonly<Record<string, readonly [string, readonly string[]]>> = {
    'is whole as it is': ['SELECT 1', []],
    'shows an edited row': ["UPDATE migrate.audit SET job = 'another' WHERE id = 2", ['Edited 2']],
    'shows an edited row whose hash was made anew': [
      `UPDATE migrate.audit SET job = 'another' WHERE id = 2; UPDATE migrate.audit SET hash = ${HASH} WHERE id = 2`,
      ['Inserted 3'],
    ],
    'shows a removed row': ['DELETE FROM migrate.audit WHERE id = 2', ['Removed 2', 'LedgerDiffers 4']],
    'shows a removed first row': ['DELETE FROM migrate.audit WHERE id = 1', ['Removed 1']],
    'shows a row put in at the end': [
      `INSERT INTO migrate.audit SELECT 5, at, event, version, owner, attempt, run, job, detail, previous, hash FROM migrate.audit WHERE id = 4`,
      ['Inserted 5'],
    ],
    'shows a row put in before the first': [
      `INSERT INTO migrate.audit SELECT 0, at, event, version, owner, attempt, run, job, detail, previous, hash FROM migrate.audit WHERE id = 1`,
      ['Inserted 0'],
    ],
    'shows a row put in between': [
      `UPDATE migrate.audit SET id = 5 WHERE id = 4; UPDATE migrate.audit SET id = 4 WHERE id = 3;
        INSERT INTO migrate.audit SELECT 3, at, event, version, owner, attempt, run, job, detail, previous, hash FROM migrate.audit WHERE id = 2`,
      ['Inserted 3', 'Edited 4', 'Rewritten 4', 'Edited 5'],
    ],
    'shows a tail that was cut off, by the head noted elsewhere': [
      'DELETE FROM migrate.audit WHERE id = 4',
      ['TailCut 4'],
    ],
    'shows a chain written anew, by the head noted elsewhere': [
      `UPDATE migrate.audit SET job = 'another' WHERE id = 2; ${REHASH}`,
      ['Rewritten 4'],
    ],
    'shows a ledger row that it never saw': [
      `INSERT INTO migrate.ledger SELECT '003_x', 3, up_checksum, NULL, NULL, applied_by, owner, attempt, run, job, started_at, finished_at FROM migrate.ledger WHERE number = 2`,
      ['LedgerDiffers 4'],
    ],
    'shows a ledger row that is gone': ['DELETE FROM migrate.ledger WHERE number = 2', ['LedgerDiffers 3']],
    'shows a ledger row that was changed': [
      "UPDATE migrate.ledger SET up_checksum = 'x' WHERE number = 2",
      ['LedgerDiffers 3'],
    ],
    'shows what keeps rows out of it, and another answer to the application': [
      `CREATE RULE r AS ON INSERT TO migrate.audit DO INSTEAD NOTHING;
        CREATE TRIGGER t BEFORE INSERT ON migrate.ledger EXECUTE FUNCTION migrate.refuse_change();
        ALTER TABLE migrate.epoch ENABLE ROW LEVEL SECURITY;
        CREATE OR REPLACE FUNCTION migrate.current_version() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT ''999''::text'`,
      ['LedgerDiffers 4', 'LedgerDiffers 4', 'LedgerDiffers 4', 'LedgerDiffers 4'],
    ],
    'shows that its guard is gone': [
      'DROP TRIGGER append_only ON migrate.audit; CREATE TRIGGER append_only AFTER INSERT ON migrate.epoch EXECUTE FUNCTION migrate.refuse_change()',
      ['LedgerDiffers 4', 'LedgerDiffers 4'],
    ],
    'shows a way down that was put in or changed': [
      "UPDATE migrate.ledger SET down_script = 'DROP TABLE users', down_checksum = 'x' WHERE number = 2",
      ['LedgerDiffers 3'],
    ],
  };

  it('tells what was done to it', async () => {
    const site = await Site.create(server, FILES);
    const { ledger } = await site.migrate();
    assert.equal(ledger?.auditHead?.id, 3);
    const settled = await site.settle();
    const head: AuditHead | undefined = settled.ledger?.auditHead ?? undefined;
    assert.equal(head?.id, 4);
    const session = await site.session('postgres');
    try {
      for (const [what, [sql, expected]] of Object.entries(cases)) {
        await session.query('BEGIN; ALTER TABLE migrate.audit DISABLE TRIGGER append_only');
        await session.query(sql);
        if (!sql.includes('DROP TRIGGER')) await session.query('ALTER TABLE migrate.audit ENABLE TRIGGER append_only');
        const { problems } = await verifyAudit(session, 'migrate', head);
        await session.query('ROLLBACK');
        const shown = problems.map(({ kind, id }) => `${kind} ${id}`);
        assert.deepEqual(shown, expected, `${what}: ${problems.map(one => one.message).join('; ')}`);
      }
    } finally {
      await session.close();
    }
  });

  it('is asked by a plan for the row that status has noted: one that is gone or replaced is told, and the plan is made', async () => {
    const site = await Site.create(server, FILES);
    const { ledger } = await site.migrate();
    const auditSeen = ledger?.auditHead ?? undefined;
    assert.equal(auditSeen?.id, 3);
    const asked = async (seen = auditSeen) => {
      const { exitCode, plan } = await site.plan(seen === undefined ? {} : { auditSeen: seen });
      assert.equal(exitCode, 0);
      return plan?.audit;
    };
    assert.equal(await asked(), undefined, 'it is there');
    await site.settle();
    assert.equal(await asked(), undefined, 'rows came after it');
    site.sql('ALTER TABLE migrate.audit DISABLE TRIGGER ALL; DELETE FROM migrate.audit WHERE id > 2');
    assert.deepEqual(await asked(), { kind: 'RowsMissing', lastId: 2 });
    assert.match(site.log.at(-2) ?? '', /ends at row 2, before row 3, which the resource has seen/);
    await site.settle();
    assert.deepEqual(await asked(), { kind: 'RowReplaced', lastId: 3 }, 'another row has its number');
    site.sql('DROP SCHEMA migrate CASCADE; DROP TABLE users, groups');
    assert.deepEqual(await asked(), { kind: 'RowsMissing', lastId: 0 }, 'another database');
  });
});
