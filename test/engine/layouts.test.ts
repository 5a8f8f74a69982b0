import assert, { fail } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { orderOf } from '../../src/api/versions.ts';
import type { EngineError } from '../../src/engine/errors.ts';
import type { LayoutName, Reading, SourceFile } from '../../src/engine/layouts/layout.ts';
import { recogniseLayout } from '../../src/engine/layouts/recognise.ts';
import { loadGrammar, parseFile } from '../../src/engine/sql/statements.ts';

function folder(files: Readonly<Record<string, string>>): readonly SourceFile[] {
  return Object.entries(files).map(([path, text]) => ({ path, place: path, bytes: Buffer.from(text) }));
}

function read(files: Readonly<Record<string, string>>): Reading & { readonly layout: LayoutName } {
  const { layout, files: own } = recogniseLayout(folder(files));
  return { layout: layout.name, ...layout.read(own) };
}

function refused(files: Readonly<Record<string, string>>): EngineError {
  try {
    const [error] = read(files).errors;
    if (error !== undefined) return error;
  } catch (error) {
    return error as EngineError;
  }
  throw new Error('nothing was refused');
}

const DBMATE = '-- migrate:up\nCREATE TABLE a ();\n\n-- migrate:down\nDROP TABLE a;\n';
const GOOSE =
  '-- +goose Up\n-- +goose StatementBegin\nCREATE TABLE a ();\n-- +goose StatementEnd\n\n-- +goose Down\nDROP TABLE a;\n';

describe('The layout of a folder', () => {
  const examples: readonly [LayoutName, Readonly<Record<string, string>>, readonly string[]][] = [
    ['own', { '001_users.up.sql': '', '001_users.down.sql': '', 'README.md': '' }, ['001_users']],
    [
      'golang-migrate',
      { '000001_Create-users.up.sql': '', '000002_b.up.sql': '' },
      ['000001_Create-users', '000002_b'],
    ],
    [
      'Diesel',
      { '2014-09-24-113530_users/up.sql': '', '2014-09-24-113530_users/down.sql': '' },
      ['2014-09-24-113530_users'],
    ],
    ['dbmate', { '20240101120000_users.sql': DBMATE }, ['20240101120000_users']],
    ['goose', { '00001_users.sql': GOOSE }, ['00001_users']],
    [
      'Flyway',
      { 'V1__users.sql': '', 'V1.1__more.sql': '', 'U1__users.sql': '', 'R__views.sql': '' },
      ['V1__users', 'V1.1__more'],
    ],
  ];
  for (const [name, files, versions] of examples) {
    it(`is seen to be that of ${name}, whose versions keep their names`, () => {
      const found = read(files);
      assert.equal(found.layout, name);
      assert.deepEqual(found.errors, []);
      assert.deepEqual(
        found.migrations.map(one => one.version),
        versions,
      );
    });
  }

  it('is refused when files of two tools lie in it, naming one of each', () => {
    const error = refused({ '001_a.up.sql': '', '002_b.up.sql': '', 'V3__c.sql': '' });
    assert.equal(error.code, 'LayoutMixed');
    assert.match(error.message, /001_a\.up\.sql is of own, V3__c\.sql of Flyway/);
    assert.equal(refused({ '001_a.sql': DBMATE + GOOSE }).code, 'LayoutMixed');
  });

  it('is refused when a file is of none, naming that file', () => {
    const error = refused({ '001_a.up.sql': '', 'fix.sql': '' });
    assert.equal(error.code, 'BadFileName');
    assert.match(error.message, /"fix\.sql"/);
    assert.equal(refused({ '001_users.sql': 'CREATE TABLE a ();' }).code, 'BadFileName');
    assert.match(refused({ '001_a.up.sql': '', 'fix.sql': '', 'b.sql': '' }).message, /"fix\.sql".*"b\.sql"/);
  });
});

describe('The order of versions', () => {
  it('is by number, whatever the tool writes around it', () => {
    assert.equal(orderOf('001_users'), 1n);
    assert.equal(orderOf('2014-09-24-113530_users'), 20140924113530n);
    assert.equal(orderOf('users'), undefined);
  });

  it('compares the parts of a Flyway version one by one', () => {
    const names = ['V1__a', 'V1.1__b', 'V1_9__c', 'V1.10__d', 'V2__e', 'V10__f', 'V20240101120000__g'];
    const orders = names.map(name => orderOf(name) ?? -1n);
    assert.deepEqual(
      [...orders].sort((a, b) => (a < b ? -1 : 1)),
      orders,
    );
    assert.equal(orderOf('V1__a'), orderOf('V1.0__a'));
  });
});

describe('A file with both ways', () => {
  it('is parted, each part with the line numbers of the file', () => {
    const [migration] = read({ '1_a.sql': DBMATE }).migrations;
    assert.equal(migration?.up.text.split('\n')[1], 'CREATE TABLE a ();');
    assert.equal(migration?.down?.text.split('\n')[4], 'DROP TABLE a;');
    assert.doesNotMatch(migration?.up.text ?? '', /DROP/);
    assert.doesNotMatch(migration?.up.text ?? '', /migrate:/);
  });

  it('has an up that does not change with its down', () => {
    const before = read({ '1_a.sql': DBMATE }).migrations[0];
    const after = read({ '1_a.sql': DBMATE.replace('DROP TABLE a', 'DROP TABLE IF EXISTS a') }).migrations[0];
    assert.equal(before?.up.checksum, after?.up.checksum);
    assert.notEqual(before?.down?.checksum, after?.down?.checksum);
  });

  it('without anything in its down has none', () => {
    assert.equal(read({ '1_a.sql': '-- migrate:up\nSELECT 1;\n-- migrate:down\n' }).migrations[0]?.down, undefined);
    assert.equal(read({ '1_a.sql': '-- migrate:up\nSELECT 1;\n' }).migrations[0]?.down, undefined);
  });

  it('may ask for no transaction', async () => {
    await loadGrammar();
    const isAlone = (text: string) => {
      const [migration] = read({ '1_a.sql': text }).migrations;
      return migration !== undefined && parseFile(migration.up).directives.noTransaction;
    };
    assert.equal(isAlone('-- migrate:up transaction:false\nSELECT 1;\n'), true);
    assert.equal(isAlone(`-- +goose NO TRANSACTION\n${GOOSE}`), true);
    assert.equal(isAlone(GOOSE), false);
  });

  it('keeps semicolons inside a statement block', () => {
    const body = 'CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;';
    const text = `-- +goose Up\n-- +goose StatementBegin\n${body}\n-- +goose StatementEnd\n`;
    assert.equal(read({ '1_a.sql': text }).migrations[0]?.up.text.trim(), body);
  });

  it('is parted at markers that end in CR, in some of its lines or in all', () => {
    const files = [DBMATE, GOOSE, `-- about\n${GOOSE}`].flatMap(text => [
      text.replaceAll('\n', '\r\n'),
      text.replace(/(Down|migrate:down)\n/, '$1\r\n'),
      text.replace(/^(.*)\n/, '$1\r\n'),
      text.replace(/(Down|migrate:down)\n/, '$1 \t\u00a0\n'),
    ]);
    for (const text of files) {
      const { migrations, errors } = read({ '1_a.sql': text });
      assert.deepEqual(errors, [], JSON.stringify(text));
      assert.match(migrations[0]?.up.text ?? '', /^\s*CREATE TABLE a \(\);\s*$/);
      assert.match(migrations[0]?.down?.text ?? '', /^\s*DROP TABLE a;\s*$/);
    }
  });

  it('is refused where what looks like a marker is none, for the Down would be run with the Up', () => {
    for (const line of ['-- +gooseDown', '-- -- +goose Down', '-- +goose Down\rDELETE FROM a;', '--+goose\u2028Down x'])
      assert.match(refused({ '1_a.sql': GOOSE.replace('-- +goose Down', line) }).message, /line 6 has /, line);
    for (const line of ['-- migrate:Down', '-- migrate: down', '-- migrate:down\rDELETE FROM a;', '-- MIGRATE:DOWN'])
      assert.match(refused({ '1_a.sql': DBMATE.replace('-- migrate:down', line) }).message, /line 4 has /, line);
    const behind = refused({ '1_a.sql': GOOSE.replace('\n-- +goose Down', '\r-- +goose Down') });
    assert.match(behind.message, /line 5 has "-- \+goose Down"/);
    const hidden = refused({ '1_a.sql': `-- about\rDROP TABLE b;\n${GOOSE}` });
    assert.match(hidden.message, /line 1 stands before the first part/);
  });

  it('may have settings above its first marker, which are those of both parts, and below one, of that part', async () => {
    await loadGrammar();
    for (const text of [DBMATE, GOOSE]) {
      const below = text.replace(/(Down|migrate:down)\n/, '$1\n-- migrate: lock-timeout=2s\n');
      const [migration] = read({ '1_a.sql': `-- migrate: role=builder lock-timeout=1s\r\n${below}` }).migrations;
      const settings = [migration?.up, migration?.down].map(script => {
        const { role, lockTimeoutMs } = parseFile(script ?? fail('a part is missing')).directives;
        return [role, lockTimeoutMs];
      });
      assert.deepEqual(settings, [
        ['builder', 1_000],
        ['builder', 2_000],
      ]);
      const [bad] = read({ '1_a.sql': `-- migrate: lock-timeout=bogus\n${text}` }).migrations;
      assert.throws(() => parseFile(bad?.up ?? fail('there is no up')), { code: 'BadDirective' });
    }
    const alone = read({ '1_a.sql': '-- migrate: role=builder\n-- migrate:up\nSELECT 1;\n-- migrate:down\n' });
    assert.equal(alone.migrations[0]?.down, undefined);
  });

  it('has a number that ends where its digits do, and is refused where that cannot be told', () => {
    const [migration] = read({ '20230101120000-2fa.sql': DBMATE }).migrations;
    assert.deepEqual([migration?.version, migration?.number], ['20230101120000-2fa', 20230101120000n]);
    for (const name of ['2023-2_fa', '2023-2'])
      assert.match(refused({ [`${name}.sql`]: DBMATE }).message, /cannot be told: write 2023_2(_fa)?\.sql/);
  });

  it('is refused when its parts are out of order, something stands before them, or a mark is not known', () => {
    assert.match(
      refused({ '1_a.sql': '-- migrate:down\nx\n-- migrate:up\ny' }).message,
      /one Up and then at most one Down/,
    );
    assert.match(refused({ '1_a.sql': 'SELECT 1;\n-- migrate:up\ny' }).message, /line 1 stands before the first part/);
    assert.match(refused({ '1_a.sql': '-- migrate:up tansaction:false\ny' }).message, /"tansaction:false"/);
    assert.match(refused({ '1_a.sql': '-- +goose Up\n-- +goose ENVSUB ON\ny' }).message, /ENVSUB ON/);
  });
});

describe('Diesel', () => {
  it('may say in metadata.toml that a version has no transaction', () => {
    const files = { '1_a/up.sql': '', '1_a/metadata.toml': 'run_in_transaction = false\n', '2_b/up.sql': '' };
    assert.deepEqual(
      read(files).migrations.map(one => one.up.noTransaction),
      [true, undefined],
    );
  });

  it('does not read SQL that lies beside its folders, or in them under another name', () => {
    const found = recogniseLayout(folder({ '1_a/up.sql': '', '1_a/data.sql': '', 'fix.sql': '' }));
    assert.deepEqual([found.layout.name, found.files.length, found.ignored], ['Diesel', 1, 2]);
    assert.equal(refused({ '1_a/up.sql': '', 'V2__b.sql': '' }).code, 'LayoutMixed');
  });

  it('may have words with blanks for a name, but not a name without a number', () => {
    assert.deepEqual(
      read({ '2019-11-15-182353_Add email/up.sql': '' }).migrations.map(one => one.version),
      ['2019-11-15-182353_Add email'],
    );
    assert.equal(refused({ '1_a/up.sql': '', 'users/up.sql': '' }).code, 'BadFileName');
  });

  it('has a down only with an up', () => {
    assert.equal(refused({ '1_a/up.sql': '', '2_b/down.sql': '' }).code, 'DownWithoutUp');
  });
});

describe('Flyway', () => {
  it('takes the undo of a version for its down, and repeatables apart', () => {
    const found = read({ 'V1__a.sql': 'up', 'U1__a.sql': 'down', 'R__b.sql': 'b', 'R__a.sql': 'a' });
    assert.equal(found.migrations[0]?.down?.text, 'down');
    assert.deepEqual(
      found.repeatables.map(one => [one.version, one.up.file]),
      [
        ['R__a', 'R__a.sql'],
        ['R__b', 'R__b.sql'],
      ],
    );
  });

  it('orders repeatables by their descriptions, in which an underscore is a space', () => {
    const names = ['R__a_b.sql', 'R__aB.sql', 'R__a-b.sql', 'R__a.sql', 'R__B.sql', 'R__a_.sql'];
    const found = read(Object.fromEntries(['V1__a.sql', ...names].map(name => [name, ''])));
    assert.deepEqual(
      found.repeatables.map(one => one.version),
      ['R__B', 'R__a', 'R__a_', 'R__a_b', 'R__a-b', 'R__aB'],
    );
  });

  it('is refused what it would do and we do not', () => {
    assert.match(refused({ 'V1__a.sql': 'CREATE TABLE ${' + 'schema}.a ();' }).message, /placeholder \$\{schema\}/);
    assert.match(refused({ 'V1__a.sql': '', 'beforeMigrate.sql': '' }).message, /callbacks are not run/);
    assert.match(refused({ 'V1__a.sql': '', 'V2__b.java': '' }).message, /only SQL/);
    assert.equal(refused({ 'V1__a.sql': '', 'U2__b.sql': '' }).code, 'DownWithoutUp');
  });

  it('is refused a setting beside a file that is not understood, or that we cannot honour, naming its line', () => {
    const of = (conf: string) => refused({ 'V1__a.sql': '', 'V1__a.sql.conf': conf });
    const texts: readonly (readonly [string, RegExp])[] = [
      ['shouldExecute=false', /V1__a\.sql\.conf .*line 1 sets shouldExecute to "false".*only true/],
      ['# when\nshouldExecute=${' + 'env}==test', /line 2 sets shouldExecute to/],
      ['executeInTransaction=no', /executeInTransaction to "no".*only true or false/],
      ['executeInTransaction', /line 1 is no setting: "executeInTransaction"/],
      ['executeintransaction=false', /line 1 sets executeintransaction, which is not known/],
      ['flyway.executeInTransaction=false', /flyway\.executeInTransaction, which is not known/],
      ['encoding=ISO-8859-1', /encoding to "ISO-8859-1".*only UTF-8/],
      ['placeholderReplacement=1', /placeholderReplacement to "1"/],
      ['executeInTransaction=false\nexecuteInTransaction=true', /line 2 sets executeInTransaction once more/],
      ['executeInTransaction=\\\nfalse', /line 1 sets executeInTransaction to/],
    ];
    for (const [text, expected] of texts) {
      const { code, message } = of(text);
      assert.equal(code, 'BadMarker');
      assert.match(message, expected);
    }
    assert.match(refused({ 'V1__a.sql': '', 'V1__b.sql.conf': '' }).message, /there is no V1__b\.sql beside it/);
    const two = read({ 'V1__a.sql': '', 'V1__a.sql.conf': 'a=1\nb=2' }).errors.map(({ message }) => message);
    assert.equal(two.length, 2, 'every mistake at once');
  });

  it('reads settings as Flyway does, whatever the case of true and false', () => {
    const settings = [
      'executeInTransaction=False',
      ' executeInTransaction : FALSE\r\n',
      '! a\n#b\nexecuteInTransaction = false',
    ];
    for (const text of settings) {
      const { migrations, errors } = read({ 'V1__a.sql': '', 'V1__a.sql.conf': text });
      assert.deepEqual([migrations[0]?.up.noTransaction, errors], [true, []], text);
    }
    const harmless = 'executeInTransaction=TRUE\nshouldExecute=true\nencoding=utf-8\nplaceholderReplacement=false\n';
    const sql = "SELECT '${" + "name}';";
    const { migrations, errors } = read({ 'V1__a.sql': sql, 'V1__a.sql.conf': harmless });
    assert.deepEqual([migrations[0]?.up.noTransaction, migrations[0]?.up.text, errors], [undefined, sql, []]);
  });

  it('reads the setting beside a file', () => {
    const files = { 'V1__a.sql': '', 'V1__a.sql.conf': 'executeInTransaction=false', 'V2__b.sql': '' };
    assert.deepEqual(
      read(files).migrations.map(one => one.up.noTransaction),
      [true, undefined],
    );
  });
});
