import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readArchive } from '../../src/backup/archive.ts';
import { runChild } from '../../src/backup/children.ts';
import { CopyReader } from '../../src/backup/copy-reader.ts';
import { archiveProblem, readManifest } from '../../src/backup/manifest.ts';
import { Site, serverForTests, until } from './site.ts';

const server = await serverForTests();

const FILES = {
  '001_t.up.sql': `CREATE TABLE "odd name, (x)"(id int, note text);
    INSERT INTO "odd name, (x)" SELECT i, E'line\\nbreak \\\\. and tab\\t' || i FROM generate_series(1, 500) i;
    CREATE TABLE empty(id int); CREATE TABLE nothing();
    CREATE TABLE parted(a int) PARTITION BY RANGE (a);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
    INSERT INTO parted SELECT generate_series(1, 42);
    CREATE FUNCTION fake() RETURNS text LANGUAGE sql AS $$ SELECT '
COPY public.empty (id) FROM stdin;
1
' $$`,
};

const made = async () => {
  const site = await Site.create(server, FILES);
  assert.equal((await site.migrate()).exitCode, 0);
  return site;
};

describe('A backup', () => {
  it('has a manifest that names every file and counts every table', async () => {
    const site = await made();
    site.sql(`ALTER DATABASE "${site.name}" SET work_mem = '9MB'`);
    const { backup, exitCode } = await site.backup({ directory: 'shop/one' });
    assert.equal(exitCode, 0);
    assert.equal(backup?.location, 'shop/one');
    const path = join(site.backups, 'shop/one');
    const text = readFileSync(join(path, 'manifest.json'));
    assert.equal(backup?.digest, createHash('sha256').update(text).digest('hex'));
    const manifest = (await readManifest(path))?.manifest;
    const rows = Object.fromEntries(manifest?.tables.map(table => [`${table.schema}.${table.name}`, table.rows]) ?? []);
    assert.equal(rows['public.odd name, (x)'], 500);
    assert.equal(rows['public.empty'], 0);
    assert.equal(rows['public.nothing'], 0);
    assert.equal(rows['public.parted_1'], 42);
    assert.equal(rows['migrate.ledger'], 1);
    assert.deepEqual(manifest?.files.map(file => file.path).sort(), readdirSync(join(path, 'archive')).sort());
    const size = [...readdirSync(join(path, 'archive')).map(file => join('archive', file)), 'manifest.json']
      .map(file => statSync(join(path, file)).size)
      .reduce((sum, one) => sum + one, 0);
    assert.equal(backup?.sizeBytes, size);
    assert.equal(manifest?.database.ledgerVersion, '001_t');
    assert.equal(manifest?.database.owner, 'owner');
    assert.deepEqual(manifest?.database.settings, [{ role: '', setting: 'work_mem=9MB' }]);
    assert.match(String(manifest?.database.lsn), /^[0-9A-F]+\/[0-9A-F]+$/);
    assert.doesNotMatch(text.toString(), /Own3r/);
  });

  it('can be restored, rows and all', async () => {
    const site = await made();
    await site.backup();
    const target = await Site.create(server);
    const restored = await runChild(
      join(server.binaries, 'pg_restore'),
      ['--exit-on-error', `--dbname=${target.url}`, join(site.backups, 'one', 'archive')],
      { environment: {}, signal: undefined },
    );
    assert.equal(restored.code, 0, restored.complaint);
    const sql = 'SELECT md5(string_agg(t::text, $$|$$ ORDER BY id)) FROM "odd name, (x)" t';
    assert.equal(target.sql(sql), site.sql(sql));
  });

  it('that is complete is answered as it is', async () => {
    const site = await made();
    const first = await site.backup();
    site.sql('INSERT INTO empty VALUES (1)');
    const second = await site.backup();
    assert.deepEqual(second.backup, first.backup);
  });

  it('that was cut short is removed and made again', async () => {
    const site = await made();
    mkdirSync(join(site.backups, 'one.partial', 'archive'), { recursive: true });
    writeFileSync(join(site.backups, 'one.partial', 'archive', 'toc.dat'), 'half');
    assert.equal((await site.backup()).exitCode, 0);
    assert.deepEqual(readdirSync(site.backups), ['one']);
  });

  it('whose archive was damaged since is put aside and made again', async () => {
    const site = await made();
    const first = await site.backup();
    const archive = join(site.backups, 'one', 'archive');
    const victim = join(
      archive,
      readdirSync(archive)
        .filter(name => name !== 'toc.dat')
        .sort()
        .at(-1) ?? '',
    );
    const bytes = readFileSync(victim);
    bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 0xff;
    writeFileSync(victim, bytes);
    const manifest = (await readManifest(join(site.backups, 'one')))?.manifest;
    assert.ok(manifest !== undefined);
    assert.match((await archiveProblem(join(site.backups, 'one'), manifest)) ?? '', /has other content/);
    const second = await site.backup();
    assert.equal(second.exitCode, 0);
    assert.notEqual(second.backup?.digest, first.backup?.digest);
    assert.equal(readdirSync(site.backups).filter(name => name.startsWith('one.damaged-')).length, 1);
  });

  it('leaves an application at work alone', async () => {
    const site = await made();
    site.sql('GRANT ALL ON ALL TABLES IN SCHEMA public TO app');
    const app = await site.session('app');
    await app.query('BEGIN');
    await app.query('INSERT INTO empty VALUES (1), (2)');
    const { exitCode } = await site.backup();
    await app.query('COMMIT');
    await app.close();
    assert.equal(exitCode, 0);
    const tables = (await readManifest(join(site.backups, 'one')))?.manifest.tables;
    assert.equal(tables?.find(table => table.name === 'empty')?.rows, 0);
  });

  it('without a right to read a table is refused by its name', async () => {
    const site = await made();
    site.sql('CREATE TABLE hidden(id int); REVOKE ALL ON hidden FROM owner');
    const { error, exitCode } = await site.backup();
    assert.deepEqual([exitCode, error?.code], [22, 'RightMissing']);
    assert.match(error?.message ?? '', /SELECT on public\.hidden/);
    assert.deepEqual(readdirSync(site.backups), []);
  });

  it('under row-level security is refused and not cut down', async () => {
    const site = await made();
    site.sql(`CREATE TABLE secured(id int); INSERT INTO secured VALUES (1); ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
      GRANT SELECT ON secured TO owner`);
    const { exitCode } = await site.backup();
    assert.notEqual(exitCode, 0);
    assert.equal(existsSync(join(site.backups, 'one')), false);
  });

  it('on a volume that is full says so', async () => {
    const site = await made();
    const run: typeof runChild = async program =>
      program.endsWith('pg_dump')
        ? { code: 1, complaint: 'pg_dump: error: could not write to file: No space left on device' }
        : { code: 0, complaint: '' };
    const { dump } = await import('../../src/backup/archive.ts');
    const tools = { pgDump: 'pg_dump', pgRestore: 'pg_restore', run, environment: {}, signal: undefined, jobs: 1 };
    await assert.rejects(dump(tools, 'x', '/nowhere', site.backups), /backup volume at .* is full/);
  });

  it('told to stop ends its children and leaves nothing', async () => {
    const site = await made();
    site.sql('INSERT INTO empty SELECT generate_series(1, 600000)');
    const stop = new AbortController();
    const running = site.backup({ environment: { signal: stop.signal } });
    await until('pg_dump is at work', () => site.log.some(line => line.startsWith('dumping')));
    stop.abort();
    const { exitCode, error } = await running;
    assert.deepEqual([exitCode, error?.code], [12, 'Interrupted']);
    assert.deepEqual(readdirSync(site.backups), []);
    await until('the sessions are gone', () => site.sessions.length === 0);
  });

  it('outside the volume is refused', async () => {
    const site = await made();
    for (const directory of ['../x', '/x', 'a/../b', '.hidden', '']) {
      assert.equal((await site.backup({ directory })).exitCode, 2, directory);
    }
  });
});

describe('An archive that is read to its end', () => {
  const tools = {
    pgDump: '',
    pgRestore: join(server.binaries, 'pg_restore'),
    run: runChild,
    environment: {},
    signal: undefined,
    jobs: 1,
  };

  it('shows a file that was cut in half, which pg_restore --list does not', async () => {
    const site = await made();
    await site.backup();
    const archive = join(site.backups, 'one', 'archive');
    assert.equal((await readArchive(tools, archive, site.backups)).get('["public","empty"]')?.rows, 0);
    const victim = readdirSync(archive)
      .filter(name => name.endsWith('.gz'))
      .map(name => join(archive, name))
      .sort((a, b) => statSync(b).size - statSync(a).size)[0];
    truncateSync(victim ?? '', Math.floor(statSync(victim ?? '').size / 2));
    const listed = await runChild(tools.pgRestore, ['--list', archive], { environment: {}, signal: undefined });
    assert.equal(listed.code, 0);
    const read = readArchive(tools, archive, site.backups);
    const rows = await read.then(
      tables => tables.get('["public","odd name, (x)"]')?.rows,
      () => undefined,
    );
    assert.notEqual(rows, 500);
  });

  it('is understood whatever the pieces in which it comes', () => {
    const text = Buffer.from(
      'SET x;\nCOPY public.a (id) FROM stdin;\n1\n2\n\\.\n\nCOPY "My S"."t""x"  FROM stdin;\n\n\\.\nCOPY public.e (a, b) FROM stdin;\n\\.\n',
    );
    for (const size of [1, 2, 3, 7, 1000]) {
      const reader = new CopyReader();
      for (let at = 0; at < text.length; at += size) reader.take(text.subarray(at, at + size));
      assert.deepEqual(
        [...reader.tables].map(([key, table]) => [key, table.rows]),
        [
          ['["public","a"]', 2],
          ['["My S","t\\"x"]', 1],
          ['["public","e"]', 0],
        ],
        `pieces of ${size}`,
      );
    }
  });
});
