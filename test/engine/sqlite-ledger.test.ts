// A migration on SQLite is done when its rows are in the ledger, and not otherwise: what keeps them out, or takes them away
// again before COMMIT, fails it, instead of letting it run twice.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openSqlite } from '../../src/database/sqlite.ts';
import { baselineSqlite } from '../../src/engine/sqlite/baseline.ts';
import { applySqlite, repeatSqlite, revertSqlite } from '../../src/engine/sqlite/migrate.ts';

const directory = mkdtempSync(join(tmpdir(), 'migrate-sqlite-ledger-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const script = (file: string, text: string) => ({ file, text, checksum: file });
const migration = (version: string, up: string, down: string) => ({
  version,
  number: BigInt(version.slice(0, 3)),
  up: script(`${version}.up.sql`, up),
  down: script(`${version}.down.sql`, down),
});
const BASE = migration('001_base', 'CREATE TABLE t (id INTEGER)', 'DROP TABLE t');
const ROW = migration('002_row', 'INSERT INTO t VALUES (1)', 'DELETE FROM t');
const FROM_EMPTY = { from: null, losses: [] };
const FROM_BASE = { from: '001_base', losses: [] };
const AGAIN = { version: 'R__again', up: script('R__again.sql', 'INSERT INTO t VALUES (1)') };

let files = 0;

/** With the first migration applied and a trigger made; `rows` of the application's table tell what has run. */
async function databaseWith(trigger: string) {
  const path = join(directory, `${files++}.db`);
  const connect = () => openSqlite(path, { mode: 'Create', busyTimeoutMs: 0 });
  const work = { connect, by: 'a test', signal: undefined, lockWaitMs: 0, log: () => {}, progress: () => {} };
  await applySqlite(work, [BASE], FROM_EMPTY);
  const asked = <T>(ask: (connection: ReturnType<typeof connect>) => T): T => {
    const connection = connect();
    try {
      return ask(connection);
    } finally {
      connection.close();
    }
  };
  asked(connection => connection.execute(trigger));
  const rows = () => asked(connection => connection.query('SELECT count(*) AS rows FROM t')[0]?.rows);
  return { work, rows };
}

const ON_THE_WAY_UP: Readonly<Record<string, string>> = {
  'keeps its row out': 'CREATE TRIGGER x BEFORE INSERT ON migrate_ledger BEGIN SELECT RAISE(IGNORE); END',
  'deletes its row afterwards': 'CREATE TRIGGER x AFTER INSERT ON migrate_ledger BEGIN DELETE FROM migrate_ledger; END',
  'gives its row another version':
    "CREATE TRIGGER x AFTER INSERT ON migrate_ledger BEGIN UPDATE migrate_ledger SET version = 'x' || version; END",
  'deletes its row with the row of the audit':
    'CREATE TRIGGER x AFTER INSERT ON migrate_audit BEGIN DELETE FROM migrate_ledger; END',
  'deletes its row with the snapshot':
    'CREATE TRIGGER x AFTER UPDATE ON migrate_state BEGIN DELETE FROM migrate_ledger; END',
  'keeps the row of the audit out': 'CREATE TRIGGER x BEFORE INSERT ON migrate_audit BEGIN SELECT RAISE(IGNORE); END',
};

describe('On SQLite a migration is rolled back', { concurrency: true }, () => {
  for (const [what, trigger] of Object.entries(ON_THE_WAY_UP)) {
    it(`when a trigger ${what}`, async () => {
      const { work, rows } = await databaseWith(trigger);
      const refusal = { code: 'MigrationFailed', message: /002_row\.up\.sql failed: its row .* history --verify/ };
      await assert.rejects(applySqlite(work, [ROW], FROM_BASE), refusal);
      assert.equal(rows(), 0);
    });
  }

  it('when its file hides the ledger behind a temporary table of the same name', async () => {
    const { work, rows } = await databaseWith('SELECT 1');
    const text = `CREATE TEMP TABLE migrate_ledger AS SELECT * FROM migrate_ledger; ${ROW.up.text}`;
    await assert.rejects(applySqlite(work, [migration('002_row', text, '')], FROM_BASE), { code: 'MigrationFailed' });
    assert.equal(rows(), 0);
  });

  it('when a trigger refuses its row, with the words of the trigger', async () => {
    const trigger =
      "CREATE TRIGGER x BEFORE INSERT ON migrate_ledger BEGIN SELECT RAISE(ABORT, 'a freeze of changes'); END";
    const { work, rows } = await databaseWith(trigger);
    const refusal = { code: 'MigrationFailed', message: /002_row\.up\.sql failed: a freeze of changes/ };
    await assert.rejects(applySqlite(work, [ROW], FROM_BASE), refusal);
    assert.equal(rows(), 0);
  });

  it('when COMMIT finds a row that refers to nothing, and its file is named', async () => {
    const { work } = await databaseWith('CREATE TABLE a (id INTEGER PRIMARY KEY)');
    const text = 'CREATE TABLE b (a INTEGER REFERENCES a DEFERRABLE INITIALLY DEFERRED); INSERT INTO b VALUES (1)';
    const refusal = { code: 'MigrationFailed', message: /002_row\.up\.sql failed: FOREIGN KEY constraint failed/ };
    await assert.rejects(applySqlite(work, [migration('002_row', text, '')], FROM_BASE), refusal);
  });

  it('when a trigger keeps its row in the ledger on the way down', async () => {
    const { work, rows } = await databaseWith('SELECT 1');
    await applySqlite(work, [ROW], FROM_BASE);
    const connection = work.connect();
    connection.execute('CREATE TRIGGER x BEFORE DELETE ON migrate_ledger BEGIN SELECT RAISE(IGNORE); END');
    connection.close();
    const reversal = { ...ROW, origin: 'Source', upChecksum: ROW.up.checksum } as const;
    const said = { version: ROW.version, kind: 'Table', name: 't', rows: 1, where: '' } as const;
    const refusal = { code: 'MigrationFailed', message: /002_row\.down\.sql failed: its row/ };
    await assert.rejects(revertSqlite(work, [reversal], [said]), refusal);
    assert.equal(rows(), 1);
  });

  it('when it is repeatable, and a trigger keeps out with which text it ran', async () => {
    const trigger = 'CREATE TRIGGER x BEFORE INSERT ON migrate_repeatable BEGIN SELECT RAISE(IGNORE); END';
    const { work, rows } = await databaseWith(trigger);
    const refusal = { code: 'MigrationFailed', message: /R__again\.sql failed: its row/ };
    await assert.rejects(repeatSqlite(work, [AGAIN], '001_base'), refusal);
    assert.equal(rows(), 0);
  });
});

it('A baseline of a SQLite file notes all of its versions or none', async () => {
  const { work } = await databaseWith(
    "CREATE TRIGGER x BEFORE INSERT ON migrate_ledger WHEN NEW.version = '002_row' BEGIN SELECT RAISE(IGNORE); END",
  );
  const connection = work.connect();
  const grounds = { imported: undefined, onTopOf: undefined };
  try {
    connection.query("DELETE FROM migrate_ledger WHERE version = '001_base'");
    await assert.rejects(baselineSqlite(work, [BASE, ROW], grounds), { code: 'MigrationFailed' });
    assert.deepEqual(connection.query('SELECT version FROM migrate_ledger'), []);
  } finally {
    connection.close();
  }
});
