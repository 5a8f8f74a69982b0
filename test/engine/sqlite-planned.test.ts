// What was planned for a SQLite file is what is run: where somebody else has gone up or down since, or has written rows that would
// be lost, the run ends before its next file; what it has done itself is nobody else's doing.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openSqlite } from '../../src/database/sqlite.ts';
import type { Loss } from '../../src/engine/losses/losses.ts';
import type { Migration, Script } from '../../src/engine/sql/script.ts';
import type { SqliteConnection } from '../../src/engine/sqlite/connection.ts';
import { sqliteLosses } from '../../src/engine/sqlite/losses.ts';
import { applySqlite, revertSqlite, type SqliteWork } from '../../src/engine/sqlite/migrate.ts';
import { parseSqliteFile } from '../../src/engine/sqlite/statements.ts';

const directory = mkdtempSync(join(tmpdir(), 'planned-'));
after(() => rmSync(directory, { recursive: true }));

const script = (file: string, text: string): Script => ({ file, text, checksum: `${file} ${text}` });
const migrationsOf = (...pairs: readonly (readonly [string, string])[]): readonly Migration[] =>
  pairs.map(([up, down], at) => {
    const version = `00${at + 1}_it`;
    const number = BigInt(at + 1);
    return { version, number, up: script(`${version}.up.sql`, up), down: script(`${version}.down.sql`, down) };
  });

let files = 0;

/** A file, with what somebody else does when a version is begun. */
function place(meanwhile: Readonly<Record<string, (other: SqliteConnection) => void>> = {}) {
  const path = join(directory, `${files++}.db`);
  const connect = () => openSqlite(path, { mode: 'Create', busyTimeoutMs: 0 });
  const asked = <T>(ask: (connection: SqliteConnection) => T): T => {
    const connection = connect();
    try {
      return ask(connection);
    } finally {
      connection.close();
    }
  };
  const work: SqliteWork = {
    connect,
    by: 'a test',
    signal: undefined,
    lockWaitMs: 0,
    log: () => {},
    progress({ version, state }) {
      const act = meanwhile[version];
      if (state === 'Begun' && act !== undefined) asked(act);
    },
  };
  const versions = () =>
    asked(other => other.query('SELECT version FROM migrate_ledger ORDER BY 1').map(row => row.version));
  const up = async (migrations: readonly Migration[], from: string | null, losses: readonly Loss[] = []) =>
    applySqlite(work, migrations, { from, losses });
  const down = async (migrations: readonly Migration[]) => {
    const reversals = migrations
      .toReversed()
      .map(
        one => ({ ...one, down: one.down ?? assert.fail(), origin: 'Source', upChecksum: one.up.checksum }) as const,
      );
    const parsed = reversals.map(one => ({ version: one.version, file: parseSqliteFile(one.down) }));
    const back = reversals.map(one => one.up);
    const losses = asked(other => sqliteLosses(other, parsed, { direction: 'Down', back }));
    await revertSqlite(work, reversals, losses);
    return losses;
  };
  return { asked, versions, up, down };
}

const THREE = migrationsOf(
  ['CREATE TABLE a (id INTEGER)', 'DROP TABLE a'],
  ['CREATE TABLE b (id INTEGER)', 'DROP TABLE b'],
  ['CREATE TABLE c (id INTEGER)', 'DROP TABLE c'],
);
const OUTDATED = { code: 'PlanOutdated' };

describe('What was planned for a SQLite file', { concurrency: true }, () => {
  it('does not run above a version that somebody has taken back since', async () => {
    const { up, down, versions } = place();
    await up(THREE.slice(0, 2), null);
    await down(THREE.slice(1, 2));
    await assert.rejects(up(THREE.slice(2), '002_it'), OUTDATED);
    assert.deepEqual(versions(), ['001_it']);
  });

  it('does not run where the same number of versions are others', async () => {
    const swap = (other: SqliteConnection) =>
      other.execute("UPDATE migrate_ledger SET version = '002_other' WHERE version = '002_it'");
    const { up, versions } = place({ '003_it': swap });
    await assert.rejects(up(THREE, null), OUTDATED);
    assert.equal(versions().length, 2);
  });

  it('passes over what another run of the same files has done', async () => {
    const { up, versions } = place();
    await up(THREE.slice(0, 2), null);
    await up(THREE, null);
    assert.deepEqual(versions(), ['001_it', '002_it', '003_it']);
  });

  it('takes what another run of the same files has made for its own, when it goes on behind it', async () => {
    const migrations = migrationsOf(
      ['CREATE TABLE a (id INTEGER)', ''],
      ['CREATE TABLE seed (id INTEGER); INSERT INTO seed VALUES (1)', ''],
      ['DROP TABLE seed', ''],
    );
    const { up, versions } = place();
    await up(migrations.slice(0, 2), null);
    await up(migrations, null);
    assert.equal(versions().length, 3);
  });

  it('loses on the way up nothing that came since, before the first file or between two', async () => {
    const migrations = migrationsOf(
      ['CREATE TABLE a (id INTEGER); CREATE TABLE old (id INTEGER)', ''],
      ['CREATE TABLE b (id INTEGER)', ''],
      ['DROP TABLE old', ''],
    );
    for (const moment of ['002_it', '003_it']) {
      const { up, asked, versions } = place({ [moment]: other => other.execute('INSERT INTO old VALUES (1)') });
      await up(migrations.slice(0, 1), null);
      const refusal = { ...OUTDATED, message: /what would be lost of old/ };
      await assert.rejects(up(migrations.slice(1), '001_it'), refusal);
      assert.equal(
        asked(other => other.query('SELECT count(*) AS rows FROM old')[0]?.rows),
        1,
      );
      assert.deepEqual(versions().at(-1), moment === '002_it' ? '001_it' : '002_it');
    }
  });

  it('loses what was said, also more rows of it', async () => {
    const { up, asked, versions } = place({ '002_it': other => other.execute('INSERT INTO a VALUES (2)') });
    const migrations = migrationsOf(['CREATE TABLE a (id INTEGER)', ''], ['DROP TABLE a', '']);
    await up(migrations.slice(0, 1), null);
    asked(other => other.execute('INSERT INTO a VALUES (1)'));
    const said = { version: '002_it', kind: 'Table', name: 'a', rows: 1, where: '' } as const;
    await up(migrations.slice(1), '001_it', [said]);
    assert.deepEqual(versions(), ['001_it', '002_it']);
  });

  for (const [what, ...pairs] of [
    [
      'a column that a later down has given back',
      ['CREATE TABLE a (id INTEGER); INSERT INTO a VALUES (1)', 'DELETE FROM a WHERE id = 0'],
      ['ALTER TABLE a ADD COLUMN n TEXT', 'ALTER TABLE a DROP COLUMN n'],
      ['ALTER TABLE a DROP COLUMN n', 'ALTER TABLE a ADD COLUMN n TEXT'],
      ['ALTER TABLE a ADD COLUMN n TEXT', 'ALTER TABLE a DROP COLUMN n'],
      ['ALTER TABLE a DROP COLUMN n', "ALTER TABLE a ADD COLUMN n TEXT DEFAULT 'x'"],
    ],
    [
      'a table that a later down has made and filled',
      ['CREATE TABLE a (id INTEGER)', 'SELECT 1'],
      ['CREATE TABLE roles (id INTEGER)', 'DROP TABLE roles'],
      ['DROP TABLE roles', 'CREATE TABLE roles (id INTEGER); INSERT INTO roles VALUES (1)'],
    ],
    [
      'a table that is filled by a file with a connection of its own',
      ['CREATE TABLE a (id INTEGER)', 'SELECT 1'],
      ['CREATE TABLE roles (id INTEGER)', 'DROP TABLE roles'],
      [
        'DROP TABLE roles',
        'CREATE TEMP TABLE t AS SELECT 1 AS id; CREATE TABLE roles (id INTEGER); INSERT INTO roles SELECT id FROM t; DROP TABLE t',
      ],
    ],
  ] as const) {
    it(`asks of the run's own doing nothing: ${what}`, async () => {
      const { up, down, versions } = place();
      const migrations = migrationsOf(...pairs);
      await up(migrations, null);
      const losses = await down(migrations.slice(1));
      assert.deepEqual(losses, []);
      assert.deepEqual(versions(), ['001_it']);
    });
  }

  for (const own of ['', 'PRAGMA locking_mode = EXCLUSIVE; ']) {
    it(`takes what it has made for its own also where somebody writes something else meanwhile${own && ', with the lock kept'}`, async () => {
      const migrations = migrationsOf(
        ['CREATE TABLE a (id INTEGER); INSERT INTO a VALUES (1)', 'SELECT 1'],
        [`${own}CREATE TABLE seed (id INTEGER); INSERT INTO seed VALUES (1)`, 'DROP TABLE seed'],
        ['ALTER TABLE a ADD COLUMN n TEXT; UPDATE a SET n = id', 'ALTER TABLE a DROP COLUMN n'],
        [
          'ALTER TABLE a DROP COLUMN n; DROP TABLE seed',
          'CREATE TABLE seed (id INTEGER); INSERT INTO seed VALUES (1); ALTER TABLE a ADD COLUMN n TEXT; UPDATE a SET n = id',
        ],
      );
      const write = (other: SqliteConnection) => other.execute('INSERT INTO a (id) VALUES (2)');
      const { up, down, versions } = place({ '003_it': write, '004_it': write });
      await up(migrations, null);
      assert.equal(versions().length, 4);
      await down(migrations.slice(1));
      assert.deepEqual(versions(), ['001_it']);
    });
  }

  it('asks again when somebody writes between two files, be it to a table that another run has made', async () => {
    const migrations = migrationsOf(
      ['CREATE TABLE a (id INTEGER); CREATE TABLE roles (id INTEGER)', 'SELECT 1'],
      ['SELECT 1', 'DROP TABLE roles'],
      ['SELECT 1', 'CREATE TEMP TABLE t (id INTEGER); DROP TABLE t'],
    );
    let coming: (other: SqliteConnection) => void = () => {};
    const { up, down, versions } = place({ '002_it': other => coming(other) });
    await up(migrations, null);
    coming = other => other.execute('INSERT INTO roles VALUES (1)');
    await assert.rejects(down(migrations.slice(1)), { ...OUTDATED, message: /roles/ });
    assert.deepEqual(versions(), ['001_it', '002_it']);
  });
});
