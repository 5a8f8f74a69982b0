import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Project } from './project.ts';

describe('What a message advises', { concurrency: 3 }, () => {
  it('of a renamed file is to name it back, so that no advice makes a migration run twice', async () => {
    const project = new Project({
      '001_a.up.sql': 'CREATE TABLE acc (bal INTEGER); INSERT INTO acc VALUES (1);',
      '002_bonus.up.sql': 'UPDATE acc SET bal = bal + 10;',
      '003_z.up.sql': 'CREATE TABLE z (n INTEGER);',
    });
    assert.equal((await project.migrate('upgrade')).code, 0);
    for (const name of ['002_pay_bonus', '004_pay_bonus']) {
      renameSync(project.path('migrations/002_bonus.up.sql'), project.path(`migrations/${name}.up.sql`));
      const { code, said } = await project.migrate('upgrade');
      assert.equal(code, 2, said);
      assert.match(said, /002_bonus is applied and its file is gone.*give it its name back \(002_bonus\.up\.sql\)/);
      assert.match((await project.migrate('current')).out, new RegExp(`upgrade refuses: .*${name}`));
      renameSync(project.path(`migrations/${name}.up.sql`), project.path('migrations/002_bonus.up.sql'));
    }
    assert.match((await project.migrate('upgrade')).said, /Nothing to do/);
    assert.deepEqual(project.rows('SELECT bal FROM acc'), [{ bal: 11 }]);
  });

  it('of a new file that sorts before an applied one is said by current and history before upgrade says it', async () => {
    const project = new Project({ '001_a.up.sql': 'SELECT 1;', '003_c.up.sql': 'SELECT 3;' });
    assert.equal((await project.migrate('upgrade')).code, 0);
    project.write('migrations/002_b.up.sql', 'SELECT 2;');
    assert.match((await project.migrate('current')).out, /upgrade refuses: .*Rename its files to 004_b\./);
    assert.match((await project.migrate('history')).out, /002_b +pending .*upgrade refuses it/);
    const { refused } = (await project.data('current')) as { refused: readonly { version: string }[] };
    assert.deepEqual(
      refused.map(one => one.version),
      ['002_b'],
    );
  });

  it('for a way down is to write it where the layout has it', async () => {
    const up = 'CREATE TABLE a (n INTEGER);';
    const layouts = {
      '001_a.up.sql': [up, /it has no 001_a\.down\.sql/],
      'V1_2__b.sql': [up, /it has no U1_2__b\.sql/],
      '2024-01-01-120000_c/up.sql': [up, /it has no 2024-01-01-120000_c\/down\.sql/],
      '00001_d.sql': [`-- +goose Up\n${up}`, /it has no part "-- \+goose Down" in 00001_d\.sql/],
      '20240101_e.sql': [`-- migrate:up\n${up}`, /it has no part "-- migrate:down" in 20240101_e\.sql/],
    } as const;
    await Promise.all(
      Object.entries(layouts).map(async ([file, [text, missing]]) => {
        const project = new Project({ [file]: text });
        assert.match((await project.migrate('validate')).out, missing);
        if (file === '001_a.up.sql' || file === 'V1_2__b.sql') {
          assert.equal((await project.migrate('upgrade')).code, 0);
          assert.match((await project.migrate('downgrade', 'empty')).said, missing);
        }
      }),
    );
  });

  it('of a file that nobody has written yet is said before it is run, and by validate', async () => {
    const project = new Project();
    assert.equal((await project.migrate('create', 'later')).code, 0);
    const note = /001_later\.up\.sql has no statements: it does nothing/;
    assert.match((await project.migrate('validate')).out, note);
    const dry = await project.migrate('upgrade', '--dry-run');
    assert.match(dry.said, note);
    assert.doesNotMatch(dry.said, /down\.sql has no/);
  });

  it('of a baseline that is only tried says what would be noted', async () => {
    const project = new Project({ '001_a.up.sql': 'CREATE TABLE a (n INTEGER);' });
    project.execute('CREATE TABLE a (n INTEGER)');
    assert.match((await project.migrate('baseline', '--dry-run')).said, /1 version would be noted as applied/);
    assert.match((await project.migrate('baseline')).said, /1 version noted as applied/);
  });
});
