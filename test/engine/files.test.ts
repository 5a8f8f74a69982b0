import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { MOST_VERSION_CHARACTERS } from '../../src/api/versions.ts';
import type { EngineError } from '../../src/engine/errors.ts';
import { BUNDLE_FILE, packBundle } from '../../src/engine/source/bundle.ts';
import { readSource } from '../../src/engine/source/files.ts';
import { nearNames } from '../../src/engine/source/near-names.ts';

const roots: string[] = [];
after(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

function directory(files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = mkdtempSync(join(tmpdir(), 'migrate-files-'));
  roots.push(root);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

/** In a bundle, where a name may be longer than a file system allows. */
function bundled(files: Readonly<Record<string, string>>): string {
  const content = Object.entries(files).map(([path, text]) => ({ path, bytes: Buffer.from(text) }));
  return directory({ [BUNDLE_FILE]: packBundle(content) });
}

function refused(files: Readonly<Record<string, string | Uint8Array>>): Promise<EngineError> {
  return refusal(directory(files));
}

async function refusal(root: string): Promise<EngineError> {
  try {
    await readSource(root);
  } catch (error) {
    return error as EngineError;
  }
  throw new Error('nothing was refused');
}

describe('Migration files', () => {
  it('are ordered by their number, however it is written', async () => {
    const source = await readSource(
      directory({ '10_c.up.sql': '', '9_b.up.sql': '', '001_a.up.sql': '', '99999999999999999_d.up.sql': '' }),
    );
    assert.deepEqual(
      source.migrations.map(one => one.version),
      ['001_a', '9_b', '10_c', '99999999999999999_d'],
    );
  });

  it('are refused when two have the same number, naming both with their directories', async () => {
    const error = await refused({ '0/001_a.up.sql': '', '1/1_b.up.sql': '' });
    assert.equal(error.code, 'DuplicateNumber');
    assert.match(error.message, /001_a\.up\.sql in .*\/0 .*1_b\.up\.sql in .*\/1\./);
  });

  it('are refused when two directories have the same one', async () => {
    const error = await refused({ '0/001_a.up.sql': 'x', '1/001_a.up.sql': 'y' });
    assert.equal(error.code, 'DuplicateFile');
    assert.match(error.message, /\/0 and from .*\/1\./);
    for (const text of ['executeInTransaction=false', 'executeInTransaction=true']) {
      const conf = { '0/V1__a.sql.conf': 'executeInTransaction=true', '1/V1__a.sql.conf': text };
      assert.equal((await refused({ 'V1__a.sql': 'x', ...conf })).code, 'DuplicateFile');
    }
    const metadata = packBundle([{ path: '1_a/metadata.toml', bytes: Buffer.from('run_in_transaction = false') }]);
    const twice = { '1_a/up.sql': 'x', '1_a/metadata.toml': '', [`0/${BUNDLE_FILE}`]: metadata };
    assert.equal((await refused(twice)).code, 'DuplicateFile');
  });

  it('are refused with a name that no status can hold, in every layout, with its length and the most', async () => {
    const dbmate = '-- migrate:up\nSELECT 1;\n';
    const goose = '-- +goose Up\nSELECT 1;\n';
    const named = (start: string, length: number) => start.padEnd(length, 'a');
    const layouts: readonly ((length: number) => Readonly<Record<string, string>>)[] = [
      length => ({ [`${named('20240101120000_', length)}.sql`]: dbmate }),
      length => ({ [`${named('00001_', length)}.sql`]: goose }),
      length => ({ [`${named('2024-01-01-120000_', length)}/up.sql`]: 'SELECT 1;' }),
      // A letter of two code units, which is one character to the API server.
      length => ({ [`2024-01-01-120000_${'𝒂'.repeat(length - 18)}/up.sql`]: 'SELECT 1;' }),
      length => ({ [`${named(`V${'0'.repeat(40)}1__`, length)}.sql`]: 'SELECT 1;' }),
      length => ({ 'V1__a.sql': 'SELECT 1;', [`${named('R__', length)}.sql`]: 'SELECT 1;' }),
    ];
    for (const files of layouts) {
      const { migrations, repeatables } = await readSource(bundled(files(MOST_VERSION_CHARACTERS)));
      assert.ok([...migrations, ...repeatables].some(({ version }) => [...version].length === MOST_VERSION_CHARACTERS));
      const { code, exitCode, message } = await refusal(bundled(files(MOST_VERSION_CHARACTERS + 1)));
      assert.deepEqual([code, exitCode], ['VersionTooLong', 2]);
      assert.match(
        message,
        /has 121 characters, and the status of a resource holds at most 120\. Give it a shorter name/,
      );
    }
  });

  it('are refused when a down has no up', async () => {
    const error = await refused({ '001_a.up.sql': '', '002_b.down.sql': '' });
    assert.equal(error.code, 'DownWithoutUp');
    assert.match(error.message, /002_b\.down\.sql.*002_b\.up\.sql/);
  });

  it('may have repeatable ones of Flyway beside them, whose text counts for the digest, but not these alone', async () => {
    const source = (text: string) => readSource(directory({ 'V1__a.sql': '', 'R__views.sql': text }));
    const [one, other] = [await source('SELECT 1'), await source('SELECT 2')];
    assert.deepEqual([one.migrations.length, one.repeatables.map(({ version }) => version)], [1, ['R__views']]);
    assert.notEqual(one.digest, other.digest);
    const error = await refused({ 'R__views.sql': '' });
    assert.match(error.message, /R__views\.sql cannot be run: there is no versioned one beside it/);
  });

  it('may lack a down', async () => {
    const source = await readSource(directory({ '001_a.up.sql': '', '002_b.up.sql': '', '002_b.down.sql': '' }));
    assert.deepEqual(
      source.migrations.map(one => one.down !== undefined),
      [false, true],
    );
  });

  it('are refused when a name that ends in .sql is no migration, and others are counted', async () => {
    for (const name of ['1-a.up.sql', 'A.up.sql', '001_a.sql', '_a.up.sql', '1234567890123456789_a.up.sql']) {
      assert.equal((await refused({ [name]: '' })).code, 'BadFileName', name);
    }
    const source = await readSource(directory({ '001_a.up.sql': '', 'README.md': '', '0/notes.txt': '' }));
    assert.equal(source.ignored, 2);
  });

  it('are refused where another tool would run what is passed over here', async () => {
    const beside: Readonly<Record<string, readonly string[]>> = {
      '001_a.up.sql': [
        '002_b.up.SQL',
        '002_B.UP.SQL',
        '002_b.up.pgsql',
        '002_b.up.sql.v1',
        '002_b.go',
        'V2__b.sh',
        'beforeMigrate.sh',
      ],
      'V1__a.sql': [
        'V2__b.sh',
        'V2__b.py',
        'R__b.ps1',
        'V2__b.java',
        'afterMigrate.cmd',
        'afterEachMigrate__b.bat',
        'V2__b.SQL',
      ],
      '20240101_a/up.sql': ['20240102_b/UP.SQL', '20240102_b.go'],
    };
    for (const [good, names] of Object.entries(beside))
      for (const name of names) assert.match((await refused({ [good]: '', [name]: '' })).message, /b\b|Migrate/i, name);
    const goose = { '1_a.sql': '-- +goose Up\nSELECT 1', '2_b.go': '' };
    assert.match((await refused(goose)).message, /goose migration 2_b\.go cannot be run: only SQL/);
    const harmless = ['001_a.up.md', 'embed.go', '002_b_test.go', '001_a.up.sql.bak', 'V2__b.md', 'run.sh', 'tool.py'];
    const source = await readSource(
      directory(Object.fromEntries(['001_a.up.sql', ...harmless].map(name => [name, '']))),
    );
    assert.deepEqual([source.migrations.length, source.ignored], [1, harmless.length]);
  });

  it('of Flyway have settings that go with the sibling of a dialect', async () => {
    const files = {
      'V1__a.sql': 'VACUUM',
      'V1__a.sql.conf': 'executeInTransaction=false',
      'V1__a.sqlite.sql': 'SELECT 1',
      'V1__a.sqlite.sql.conf': 'executeInTransaction=true',
    };
    const marked = async (dialect: 'PostgreSQL' | 'SQLite') =>
      (await readSource(directory(files), dialect)).migrations.map(one => one.up.noTransaction ?? false);
    assert.deepEqual([await marked('PostgreSQL'), await marked('SQLite')], [[true], [false]]);
  });

  it('are refused where they lie deeper than they are read, with their paths', async () => {
    for (const name of ['V2__b.sql', '002_b.up.sql', '2_b.sql', '2_b.go', 'up.sql', 'R__b.sql', BUNDLE_FILE]) {
      const error = await refused({ 'V1__a.sql': '', [`r1/2024/${name}`]: '', 'r1/V3__c.sql': '' });
      assert.deepEqual([error.code, error.message.includes(`r1/2024/${name} `)], ['FileTooDeep', true], error.message);
    }
    const error = await refused({ '0/1/2/3/001_a.up.sql': '', '0/x/y.txt': '' });
    assert.match(error.message, /0\/1\/2\/3\/001_a\.up\.sql/);
    const files = {
      '001_a.up.sql': '',
      '0/docs/note.sql': '',
      '0/.git/x/002_b.up.sql': '',
      'docs/x/README.md': '',
      '0/dev/createUsers.sql': '',
    };
    const root = directory(files);
    symlinkSync('..', join(root, '0/docs/upward'));
    symlinkSync('../..', join(root, '0/docs/root'));
    symlinkSync(join(root, '0/docs'), join(root, 'docs/x/aside'));
    symlinkSync(join(root, 'docs/x'), join(root, '0/docs/back'));
    assert.equal((await readSource(root)).migrations.length, 1);
    const diesel = directory({ '1_a/up.sql': '', '1_a/old/2_b.sql': '' });
    assert.equal((await readSource(diesel)).migrations.length, 1);
  });

  it('are refused where a link leads to nothing, or a directory has the name of one', async () => {
    const linked = directory({ '001_a.up.sql': 'a', 'real/b.txt': 'b' });
    symlinkSync('real/b.txt', join(linked, '002_b.up.sql'));
    assert.equal((await readSource(linked)).migrations[1]?.up.text, 'b');
    rmSync(join(linked, 'real/b.txt'));
    await assert.rejects(
      readSource(linked),
      /002_b\.up\.sql is named like .* a link to "real\/b\.txt", which is not there/,
    );
    for (const [link, target] of [
      [BUNDLE_FILE, 'gone'],
      ['20240101_diesel', 'gone'],
      ['003_loop.up.sql', '003_loop.up.sql'],
    ] as const) {
      const root = directory({ '001_a.up.sql': 'a' });
      symlinkSync(target, join(root, link));
      await assert.rejects(readSource(root), { code: 'NoFile' }, link);
    }
    assert.equal((await refused({ '001_a.up.sql': 'a', '002_b.up.sql/x.txt': '' })).code, 'NoFile');
    const other = directory({ '001_a.up.sql': 'a' });
    symlinkSync('gone', join(other, 'notes.txt'));
    assert.equal((await readSource(other)).migrations.length, 1);
  });

  it('that may not be read are never taken for none', {
    skip: process.getuid?.() !== 0 && 'only root can become somebody',
  }, async () => {
    const root = directory({ 'a/001_a.up.sql': 'a', 'b/002_b.up.sql': 'b', 'c/003_c.up.sql': 'c' });
    chmodSync(root, 0o755);
    chmodSync(join(root, 'b'), 0o700);
    process.seteuid?.('nobody');
    try {
      await assert.rejects(readSource(root), {
        code: 'SourceUnreadable',
        message: /\/b cannot be read: permission denied/,
      });
    } finally {
      process.seteuid?.(0);
    }
    chmodSync(join(root, 'b'), 0o755);
    chmodSync(join(root, 'c/003_c.up.sql'), 0o600);
    process.seteuid?.('nobody');
    try {
      await assert.rejects(readSource(root), {
        code: 'SourceUnreadable',
        message: /003_c\.up\.sql in .*permission denied/,
      });
    } finally {
      process.seteuid?.(0);
    }
  });

  it('are read beside what a file system or a tool keeps there for itself, readable or not', {
    skip: process.getuid?.() !== 0 && 'only root can become somebody',
  }, async () => {
    const root = directory({ '001_a.up.sql': 'a', 'lost+found/002_b.up.sql': 'b', '.git/003_c.up.sql': 'c' });
    chmodSync(root, 0o755);
    for (const name of ['lost+found', '.git']) chmodSync(join(root, name), 0o700);
    const all = await readSource(root);
    process.seteuid?.('nobody');
    try {
      const { digest, migrations } = await readSource(root);
      assert.deepEqual([digest, migrations.map(({ version }) => version)], [all.digest, ['001_a']]);
    } finally {
      process.seteuid?.(0);
    }
  });

  it('are merged from directories that are mounted ConfigMaps', async () => {
    const root = directory({ '0/..2026/001_a.up.sql': 'a', '1/..2026/002_b.up.sql': 'b' });
    for (const [number, name] of [
      ['0', '001_a.up.sql'],
      ['1', '002_b.up.sql'],
    ] as const) {
      symlinkSync('..2026', join(root, number, '..data'));
      symlinkSync(join('..data', name), join(root, number, name));
    }
    const source = await readSource(root);
    assert.deepEqual(
      source.migrations.map(one => [one.version, one.up.text]),
      [
        ['001_a', 'a'],
        ['002_b', 'b'],
      ],
    );
  });

  it('lose a byte order mark but not their line ends, and the checksum is over the bytes', async () => {
    const bytes = Buffer.from('\ufeffSELECT 1;\r\n', 'utf8');
    const source = await readSource(directory({ '001_a.up.sql': bytes }));
    assert.equal(source.migrations[0]?.up.text, 'SELECT 1;\r\n');
    assert.equal(source.migrations[0]?.up.checksum, createHash('sha256').update(bytes).digest('hex'));
  });

  it('are refused when they are not UTF-8, with the line', async () => {
    const error = await refused({ '001_a.up.sql': Buffer.from('SELECT 1;\n-- caf\xe9\n', 'latin1') });
    assert.match(error.message, /001_a\.up\.sql is not UTF-8 \(line 2\)/);
    assert.match((await refused({ '001_a.up.sql': Buffer.from('\ufeffSELECT', 'utf16le') })).message, /UTF-16/);
  });

  it('are refused with a NUL, at which the grammar would stop in silence', async () => {
    assert.match((await refused({ '001_a.up.sql': 'SELECT 1;\0DROP TABLE x;' })).message, /NUL/);
  });

  it('are reported with all their mistakes at once', async () => {
    const error = await refused({ '001_a.up.sql': '', '1_b.up.sql': '', '3_c.down.sql': '' });
    assert.match(error.message, /number 1 is used twice/);
    assert.match(error.message, /3_c\.down\.sql has no/);
  });

  it('are asked for when there are none', async () => {
    assert.equal((await refused({ 'README.md': '' })).code, 'NoMigrations');
  });

  it('have one digest whatever directories they lie in, and another when a byte changes', async () => {
    const one = await readSource(directory({ '001_a.up.sql': 'a', '002_b.up.sql': 'b' }));
    const two = await readSource(directory({ '0/001_a.up.sql': 'a', '1/002_b.up.sql': 'b' }));
    const three = await readSource(directory({ '001_a.up.sql': 'a', '002_b.up.sql': 'b ' }));
    assert.equal(one.digest, two.digest);
    assert.notEqual(one.digest, three.digest);
  });
});

describe('A mistyped name', () => {
  const known = ['001_users', '002_groups', '003_auth_tables', '004_ledger_tables'];
  for (const [typed, meant] of [
    ['003_auth_table', '003_auth_tables'],
    ['3', '003_auth_tables'],
    ['auth', '003_auth_tables'],
    ['004-ledger-tables', '004_ledger_tables'],
    ['002_gruops', '002_groups'],
  ] as const) {
    it(`brings ${meant} to mind when it is ${typed}`, () => {
      assert.equal(nearNames(typed, known)[0], meant);
    });
  }

  it('brings nothing to mind when nothing is near', () => {
    assert.deepEqual(nearNames('zzzzzzzzzzzz', known), []);
  });
});
