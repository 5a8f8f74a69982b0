import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EngineError } from '../../src/engine/errors.ts';
import { verifyAudit } from '../../src/engine/ledger/verify-audit.ts';
import { type Death, type Restoring, restoreSite } from './restore-site.ts';
import { Site, serverForTests } from './site.ts';

const server = await serverForTests(['wal_level=logical', 'max_prepared_transactions=5', 'max_replication_slots=5']);
server.psql('ALTER ROLE owner CREATEDB; CREATE ROLE "Odd role"; GRANT "Odd role" TO owner');

const FILES = {
  '001_t.up.sql': `CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t SELECT i, 'kept ' || i FROM generate_series(1, 300) i;
    CREATE TABLE "Odd name" (a int GENERATED ALWAYS AS IDENTITY, b text); INSERT INTO "Odd name" (b) VALUES (E'tab\\t'), (NULL);
    CREATE TABLE nothing(); GRANT CREATE ON SCHEMA public TO "Odd role"; ALTER TABLE "Odd name" OWNER TO "Odd role";`,
};

/** Migrated, backed up, then gone on: one version and one row more, and the rows of before changed. */
async function backedUp(files: Readonly<Record<string, string>> = FILES): Promise<Site> {
  const site = await Site.create(server, files);
  assert.equal((await site.migrate()).exitCode, 0);
  site.sql(`ALTER DATABASE "${site.name}" SET search_path TO "$user", public, "Odd schema"`);
  site.sql(`ALTER DATABASE "${site.name}" SET work_mem = '9MB'`);
  site.sql(`ALTER ROLE app IN DATABASE "${site.name}" SET statement_timeout = '7s'`);
  site.sql(`ALTER DATABASE "${site.name}" CONNECTION LIMIT 17`);
  site.sql(`COMMENT ON DATABASE "${site.name}" IS 'the shop''s \\ database'`);
  site.sql(
    `REVOKE ALL ON DATABASE "${site.name}" FROM PUBLIC; GRANT CONNECT ON DATABASE "${site.name}" TO app WITH GRANT OPTION`,
  );
  const { exitCode, error } = await site.backup();
  assert.equal(exitCode, 0, JSON.stringify(error));
  site.runId = 2;
  site.write('002_more.up.sql', "UPDATE t SET note = 'changed'; INSERT INTO t VALUES (301, 'new')");
  assert.equal((await site.migrate()).exitCode, 0);
  return site;
}

const own = (name: string) =>
  server.psql(
    `SELECT pg_get_userbyid(datdba), datconnlimit, ARRAY(SELECT item::text FROM unnest(datacl) AS item ORDER BY 1), shobj_description(oid, 'pg_database'), datallowconn,
       (SELECT array_agg(setrole::regrole::text || ' ' || array_to_string(setconfig, ';') ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = oid)
       FROM pg_database WHERE datname = '${name}'`,
  );
const notes = (site: Site) => site.sql("SELECT count(*), count(*) FILTER (WHERE note LIKE 'kept %') FROM t");
const NEW = '301|0';
const OLD = '300|300';
const left = (site: Site) =>
  server.psql(
    `SELECT count(*) FROM pg_database WHERE datname LIKE 'migrate\\_scratch\\_restore\\_' || left(encode(sha256('${site.name}'), 'hex'), 12) || '%'`,
  );

/** As superuser: what only one may set belongs to the databases of these tests too. */
const asSuperuser = (site: Site) => server.url('postgres', site.name);

async function refused(site: Site, restoring: Restoring = {}): Promise<EngineError> {
  const before = own(site.name);
  const error = await restoreSite(site, { url: asSuperuser(site), ...restoring }).then(
    done => assert.fail(`it was restored: ${JSON.stringify(done)}`),
    (thrown: EngineError) => thrown,
  );
  assert.equal(notes(site), NEW, 'the database is not as it was');
  assert.equal(own(site.name), before);
  assert.equal(left(site), '0', 'something was left');
  return error;
}

describe('A restore', { concurrency: 3 }, () => {
  it('puts back rows, owner, rights, settings, limit and comment; what it replaced stays, closed, under a dated name', async () => {
    const site = await backedUp();
    const before = own(site.name);
    site.sql(`ALTER DATABASE "${site.name}" SET work_mem = '1MB'`);
    server.psql(`COMMENT ON DATABASE "${site.name}" IS NULL`);
    const { version, replaced } = await restoreSite(site, { url: asSuperuser(site) });
    assert.equal(version, '001_t');
    assert.equal(notes(site), OLD);
    assert.equal(own(site.name), before);
    assert.match(replaced, new RegExp(`^${site.name}_replaced_\\d{8}t\\d{6}z$`));
    assert.match(own(replaced), /\|f\|/, 'the replaced database is open');
    server.psql(`ALTER DATABASE "${replaced}" ALLOW_CONNECTIONS true`);
    assert.equal(server.psql("SELECT count(*) FROM t WHERE note IN ('changed', 'new')", replaced), '301');
    assert.equal(site.sql(`SELECT tableowner FROM pg_tables WHERE tablename = 'Odd name'`), 'Odd role');
    assert.equal(left(site), '0');
  });

  it('takes another name for what it replaces where the second that it tells has one already', async () => {
    const site = await backedUp();
    const now = new Date();
    const { replaced } = await restoreSite(site, { url: asSuperuser(site), now });
    const second = await restoreSite(site, { url: asSuperuser(site), now });
    const third = await restoreSite(site, { url: asSuperuser(site), now });
    assert.equal(new Set([replaced, second.replaced, third.replaced]).size, 3);
    assert.equal(notes(site), OLD);
  });

  it('carries the audit on, raises the epoch above both, and lets the migration run again', async () => {
    const site = await backedUp();
    const epoch = Number(site.sql('SELECT attempt FROM migrate.epoch'));
    const { auditRows } = await restoreSite(site, { url: asSuperuser(site) });
    assert.equal(auditRows, 2, 'began and applied of 002_more');
    assert.equal(Number(site.sql('SELECT attempt FROM migrate.epoch')), epoch + 1);
    const events = "SELECT string_agg(event || coalesce(' ' || version, ''), ', ' ORDER BY id) FROM migrate.audit";
    assert.equal(site.sql(events), 'began, applied 001_t, began 001_t, applied 002_more, restored 001_t');
    assert.equal(
      site.sql("SELECT detail->>'upTo', detail->>'copied' FROM migrate.audit WHERE event = 'restored'"),
      '2|2',
    );
    const session = await site.session('owner', 'test');
    const verified = async () => (await verifyAudit(session, 'migrate')).problems;
    assert.deepEqual(await verified(), []);
    site.attempt = epoch + 1;
    site.runId = 10;
    assert.equal((await site.migrate()).exitCode, 0);
    assert.deepEqual(await verified(), []);
    await session.query("UPDATE migrate.ledger SET up_checksum = 'x' WHERE version = '002_more'");
    assert.deepEqual(
      (await verified()).map(one => one.kind),
      ['LedgerDiffers'],
    );
    await session.close();
    assert.deepEqual(site.audited, ['001_t', '002_more', '002_more']);
  });

  it('is refused for every right that is missing, at once', async () => {
    const site = await backedUp();
    server.psql(
      `CREATE ROLE nobody_${site.name} LOGIN PASSWORD 'x'; GRANT CONNECT ON DATABASE "${site.name}" TO nobody_${site.name};
      GRANT USAGE ON SCHEMA migrate TO nobody_${site.name}`.replace(/GRANT USAGE.*/, ''),
    );
    server.psql(
      `GRANT USAGE ON SCHEMA migrate TO nobody_${site.name}; GRANT SELECT ON ALL TABLES IN SCHEMA migrate TO nobody_${site.name}`,
      site.name,
    );
    const url = asSuperuser(site).replace(/postgres:[^@]*@/, `nobody_${site.name}:x@`);
    const error = await refused(site, { url });
    assert.equal(error.code, 'RightMissing');
    assert.equal(error.exitCode, 22);
    assert.match(error.message, /to create a database.*ALTER ROLE .* CREATEDB/);
    assert.match(error.message, /to rename the database .*, which belongs to owner/);
  });

  it('is refused for prepared transactions, logical slots, missing roles, and an older server, each with its name', async () => {
    const site = await backedUp();
    // It waits for the open transactions of all databases: never by a call that holds up the tests that have them.
    const session = await site.session('postgres', 'a subscriber');
    await session.query(`SELECT pg_create_logical_replication_slot('slot_${site.name}', 'pgoutput')`);
    await session.close();
    server.psql("BEGIN; CREATE TABLE p (); PREPARE TRANSACTION 'half done'", site.name);
    const change = (manifest: Parameters<NonNullable<Restoring['change']>>[0]) => ({
      ...manifest,
      clientVersion: '99',
      database: {
        ...manifest.database,
        roles: ['owner', 'gone'],
        extensions: [{ name: 'no_such_extension', version: '1' }],
      },
    });
    const error = await refused(site, { change });
    assert.equal(error.code, 'RestoreRefused');
    for (const words of [
      /prepared transactions: half done/,
      /slot_/,
      /roles that the server does not have: gone/,
      /no_such_extension/,
      /PostgreSQL 99/,
    ])
      assert.match(error.message, words);
    server.psql("ROLLBACK PREPARED 'half done'", site.name);
    assert.doesNotMatch((await refused(site)).message, /prepared/);
    await restoreSite(site, { url: asSuperuser(site), replicationLoss: 'Accepted' });
    assert.equal(notes(site), OLD);
    server.psql(`SELECT pg_drop_replication_slot('slot_${site.name}')`);
  });

  it('is refused while somebody is connected, and ends them when told to', async () => {
    const site = await backedUp();
    server.psql(`ALTER DATABASE "${site.name}" CONNECTION LIMIT -1`);
    const session = await site.session('app', 'the app');
    const error = await refused(site);
    assert.equal(error.code, 'SessionsRemain');
    assert.match(error.message, /role app, the app/);
    await restoreSite(site, { url: asSuperuser(site), sessions: 'End' });
    assert.equal(notes(site), OLD);
    await assert.rejects(session.query('SELECT 1'));
    await session.close();
  });

  it('leaves everything as it was when somebody connects in the last moment', async () => {
    const site = await backedUp();
    const late: Promise<{ close(): Promise<void> }>[] = [];
    const meddle = () => void late.push(site.session('app', 'late'));
    const error = await refused(site, { meddle });
    assert.equal(error.code, 'SessionsRemain');
    for (const session of late) await (await session).close();
  });

  it('fails when what came back is not what was backed up: a row less, a value changed, rights that cannot be made', async () => {
    const site = await backedUp();
    const less = await refused(site, { meddle: fresh => server.psql('DELETE FROM t WHERE id = 7', fresh) });
    assert.equal(less.code, 'RestoreFailed');
    assert.match(less.message, /of public\.t 299 rows came back, the manifest has 300/);
    const other = await refused(site, {
      meddle: fresh => server.psql("UPDATE t SET note = 'kept x' WHERE id = 7", fresh),
    });
    assert.match(other.message, /public\.t has as many rows as in the manifest, but not the same ones/);
    const ledger = await refused(site, {
      change: manifest => ({ ...manifest, database: { ...manifest.database, ledgerVersion: '000_other' } }),
    });
    assert.match(ledger.message, /the restored ledger is at 001_t, the manifest says 000_other/);
    const unnamed = await refused(site, {
      change: manifest => ({ ...manifest, tables: manifest.tables.filter(table => table.name !== 'nothing') }),
    });
    assert.equal(unnamed.code, 'RestoreFailed');
    assert.match(unnamed.message, /public\.nothing came back, and the manifest does not name it/);
    const setting = { role: '', setting: 'no_such_setting=1' };
    const unknown = await refused(site, {
      change: manifest => ({ ...manifest, database: { ...manifest.database, settings: [setting] } }),
    });
    assert.match(unknown.message, /no_such_setting/);
  });

  it('does not mind the order in which rows come back', async () => {
    const site = await backedUp();
    await restoreSite(site, {
      url: asSuperuser(site),
      meddle: fresh => server.psql('UPDATE t SET note = note WHERE id < 9', fresh),
    });
    assert.equal(notes(site), OLD);
  });

  it('by the owner alone is refused for a setting that he may not make, before anything is restored', async () => {
    // Who is no superuser cannot give a table to a role that has its right on the schema only later in the archive.
    const site = await backedUp({ '001_t.up.sql': FILES['001_t.up.sql'].replace(/GRANT.*/, '') });
    const error = await refused(site, { url: site.url });
    assert.equal(error.code, 'RightMissing', error.message);
    assert.match(error.message, /^The role of the URL lacks a right: to ALTER ROLE "app" IN DATABASE/);
    assert.equal(
      site.log.some(line => line.startsWith('restoring ')),
      false,
    );
    const change = (manifest: Parameters<NonNullable<Restoring['change']>>[0]) => ({
      ...manifest,
      database: { ...manifest.database, settings: [] },
    });
    await restoreSite(site, { url: site.url, change });
    assert.equal(notes(site), OLD);
  });
});

const COMMIT = /^COMMIT$/;
const DEATHS: readonly {
  readonly what: string;
  readonly death: Death;
  readonly leaves: 'Old' | 'Restored';
  readonly closed?: true;
}[] = [
  { what: 'the new database is made', death: { at: /^CREATE DATABASE/, when: 'After' }, leaves: 'Old' },
  { what: 'the archive is restored', death: { at: /pg_restore$/, time: 2, when: 'After' }, leaves: 'Old' },
  { what: 'the ledger is carried over', death: { at: COMMIT, when: 'After' }, leaves: 'Old' },
  {
    what: 'the old one is closed',
    death: { at: /ALLOW_CONNECTIONS false/, when: 'After' },
    leaves: 'Old',
    closed: true,
  },
  {
    what: 'both names are changed, but not committed',
    death: { at: COMMIT, time: 2, when: 'Before' },
    leaves: 'Old',
    closed: true,
  },
  { what: 'the change of names is committed', death: { at: COMMIT, time: 2, when: 'After' }, leaves: 'Restored' },
];

describe('A restore that is killed', { concurrency: 2 }, () => {
  for (const { what, death, leaves, closed } of DEATHS) {
    it(`after ${what} leaves the one or the other, and is done by the next`, async () => {
      const site = await backedUp();
      await assert.rejects(restoreSite(site, { url: asSuperuser(site), death }));
      const isOpen = server.psql(`SELECT datallowconn FROM pg_database WHERE datname = '${site.name}'`);
      assert.equal(isOpen, closed ? 'f' : 't');
      if (!closed) assert.equal(notes(site), leaves === 'Old' ? NEW : OLD);
      assert.equal(left(site), leaves === 'Old' ? '1' : '0');
      const { replaced } = await restoreSite(site, { url: asSuperuser(site) });
      assert.equal(notes(site), OLD);
      assert.equal(left(site), '0');
      server.psql(`ALTER DATABASE "${replaced}" ALLOW_CONNECTIONS true`);
      const kept = server.psql("SELECT count(*), count(*) FILTER (WHERE note LIKE 'kept %') FROM t", replaced);
      assert.equal(kept, leaves === 'Old' ? NEW : OLD);
    });
  }

  it('is not taken for a database that somebody has closed', async () => {
    const site = await backedUp();
    server.psql(`ALTER DATABASE "${site.name}" ALLOW_CONNECTIONS false`);
    await assert.rejects(restoreSite(site, { url: asSuperuser(site) }), /somebody has closed it/);
    assert.equal(server.psql(`SELECT datallowconn FROM pg_database WHERE datname = '${site.name}'`), 'f');
  });
});
