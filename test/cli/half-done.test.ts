// A migration that PostgreSQL does not run as one transaction, failed in the middle: what a person reads, and every way on
// that docs/downgrade.md tells.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { serverForTests } from '../engine/site.ts';
import { Project } from './project.ts';

const server = await serverForTests();
server.psql('ALTER ROLE owner CREATEDB');
let databases = 0;

const FIRST = `create index concurrently slow_a
  on slow(a);`;
const UNIQUE = 'create unique index concurrently slow_unique on slow(a);';
const FILES = {
  '004_slow.up.sql': 'create table slow (a int); insert into slow values (1), (1);',
  '004_slow.down.sql': 'drop table slow;',
  '005_more.up.sql': 'create table more (a int);',
  '005_more.down.sql': 'drop table more;',
  '006_unique.up.sql': `${FIRST}\n${UNIQUE}\n`,
  '006_unique.down.sql': 'drop index concurrently if exists slow_unique; drop index concurrently if exists slow_a;',
};

/** 006_unique has failed in its second statement. */
async function halfDone(up: string = FILES['006_unique.up.sql']) {
  databases += 1;
  const name = `half_${databases}`;
  const url = await server.createDatabase(name);
  const project = new Project(
    { ...FILES, '006_unique.up.sql': up },
    { DATABASE_URL: url, MIGRATE_POSTGRES_BINARIES: server.binaries },
  );
  const sql = (text: string) => server.psql(text, name);
  const failed = await project.migrate('upgrade');
  assert.equal(failed.code, 20, failed.said);
  return { project, sql, failed };
}

const MORE = '005_more';

describe('A migration that is half done', { concurrency: 2 }, () => {
  it('says how far it came and how to go on; show runs nothing twice; mended data lets it end', async () => {
    const { project, sql, failed } = await halfDone();
    assert.match(
      failed.said,
      /error: 006_unique\.up\.sql, statement 2 \(line 3\) failed: could not create unique index "slow_unique" \(SQLSTATE 23505\)\. The migration is half done: its first statement is done and stays\. Mend the cause, or change the file behind statement 1, and run migrate upgrade again\. How to go back: docs\/downgrade\.md\.\n/,
    );
    const { out } = await project.migrate('show');
    const [done = '', left = ''] = out.split('-- outside a transaction:');
    assert.match(done, /^-- done by an earlier attempt, and not run again:\n/);
    assert.match(left, /^create unique index concurrently slow_unique/m);
    assert.deepEqual(out.match(/^(?!--).+$/gm), [UNIQUE], 'what is not a comment is what would run');
    const { transactions } = (await project.data('show')) as { transactions: readonly { state: string }[] };
    assert.deepEqual(
      transactions.map(({ state }) => state),
      ['Done', 'ToRun'],
    );
    assert.match((await project.migrate('current')).out, /half done: 006_unique; the next upgrade goes on with it/);
    sql('delete from slow; insert into slow values (1)');
    const ended = await project.migrate('upgrade');
    assert.equal(ended.code, 0, ended.said);
    assert.doesNotMatch(ended.said, / 0 s\n/, 'a file in pieces tells its time like any other');
    assert.match(ended.said, /^ {2}006_unique {2}[\d.]+ m?s$/m);
  });

  it('keeps what is below it from going down, with a remedy that helps', async () => {
    const { project, sql } = await halfDone();
    const down = await project.migrate('downgrade', '004_slow', '--yes');
    assert.equal(down.code, 2, down.said);
    assert.match(
      down.said,
      /006_unique is half done, so nothing below it can be taken back; nothing was run\. Bring it to its end first \(migrate upgrade 006_unique\)/,
    );
    const here = await project.migrate('downgrade', MORE, '--yes');
    assert.deepEqual([here.code, sql('select count(*) from migrate.progress')], [0, '1'], here.said);
    assert.match(here.said, /note: half done, and left so by this target .*docs\/downgrade\.md.*: 006_unique/);
  });

  it('is brought to its end by cutting its file behind what was done, and goes down from there', async () => {
    const { project, sql } = await halfDone();
    project.write('migrations/006_unique.up.sql', `${FIRST}\n`);
    const up = await project.migrate('upgrade');
    assert.equal(up.code, 0, up.said);
    const down = await project.migrate('downgrade', '004_slow', '--yes');
    assert.equal(down.code, 0, down.said);
    assert.equal(sql("select to_regclass('slow_a') is null and to_regclass('more') is null"), 't');
    assert.equal((await project.migrate('check')).code, 0);
    assert.equal((await project.migrate('history', '--verify')).code, 0);
  });

  it('is told as what the database has beside its version, and by no --from-diff made another migration', async () => {
    const { project, sql } = await halfDone();
    assert.equal(sql('select version from migrate.snapshot'), MORE);
    for (const args of [['check'], ['check', '--from-files']]) {
      const check = await project.migrate(...args);
      assert.deepEqual([check.code, check.out], [1, 'index public.slow_a was added\n'], check.said);
      assert.match(check.said, /note: half done: 006_unique; the next upgrade goes on with it/);
    }
    const made = await project.migrate('create', '--from-diff', 'more');
    assert.equal(made.code, 2, made.said);
    assert.match(made.said, /006_unique is half done/);
    sql('delete from slow; insert into slow values (1)');
    assert.equal((await project.migrate('upgrade')).code, 0);
    const after = await project.migrate('check');
    assert.deepEqual([after.code, after.said], [0, '']);
  });

  it('asks about no loss that is behind it', async () => {
    const again = 'drop table if exists made; create table made (a int); insert into made values (1);';
    const { project, sql } = await halfDone(`${again}\nvacuum missing;`);
    project.write('migrations/006_unique.up.sql', `${again}\nvacuum made;`);
    const up = await project.migrate('upgrade');
    assert.equal(up.code, 0, up.said);
    assert.doesNotMatch(up.said, /loses/);
    assert.equal(sql('select count(*) from made'), '1');
  });

  it('is forgotten once a person has undone it by hand and deleted its rows', async () => {
    const { project, sql } = await halfDone();
    sql("drop index slow_a; delete from migrate.progress where version = '006_unique'");
    assert.match((await project.migrate('current')).out, /^005_more \(1 migration pending, up to 006_unique\)\n$/);
    assert.equal((await project.migrate('check')).code, 0, 'it is as 005_more left it');
    const down = await project.migrate('downgrade', '004_slow', '--yes');
    assert.equal(down.code, 0, down.said);
    assert.equal((await project.migrate('check')).code, 0);
    assert.equal((await project.migrate('history', '--verify')).code, 0);
  });
});
