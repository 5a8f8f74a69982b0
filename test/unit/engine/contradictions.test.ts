import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { recogniseLayout } from '../../../src/engine/layouts/recognise.ts';
import { EMPTY_LEDGER, type Ledger } from '../../../src/engine/ledger/ledger.ts';
import { planMigrations } from '../../../src/engine/plan.ts';
import type { Source } from '../../../src/engine/source/files.ts';

type Files = Readonly<Record<string, string>>;

function sourceOf(files: Files): Source {
  const found = Object.entries(files).map(([path, text]) => ({ path, place: path, bytes: Buffer.from(text) }));
  const { layout, files: read } = recogniseLayout(found);
  const { migrations, repeatables } = layout.read(read);
  const sorted = migrations.toSorted((a, b) => (a.number < b.number ? -1 : 1));
  return { migrations: sorted, repeatables, layout: layout.name, digest: '', ignored: 0, directory: 'migrations' };
}

/** A ledger in which all of these files are applied. */
function ledgerOf(files: Files): Ledger {
  const applied = sourceOf(files).migrations.map(({ version, number, up, down }) => ({
    ...{ version, number, upChecksum: up.checksum, downChecksum: down?.checksum ?? null },
    ...({ attempt: 1, run: '', origin: 'applied' } as const),
  }));
  return { ...EMPTY_LEDGER, applied, version: applied.at(-1)?.version ?? null };
}

/** What is said of files after others were applied; undefined: they may be run. */
function refusal(applied: Files, files: Files, target = 'latest'): string | undefined {
  try {
    planMigrations(sourceOf(files), ledgerOf(applied), target);
    return undefined;
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    return `${code}: ${message}`;
  }
}

const [A, B, C] = ['CREATE TABLE a (n int);', 'UPDATE a SET n = n + 10;', 'CREATE TABLE c (n int);'];
const THREE = { '001_a.up.sql': A, '002_bonus.up.sql': B, '003_z.up.sql': C };
const WITHOUT_B = { '001_a.up.sql': A, '003_z.up.sql': C };

describe('An applied file that was renamed', () => {
  it('is to be named back, never to be given a number under which it would run twice', () => {
    const said = refusal(THREE, { ...WITHOUT_B, '002_pay_bonus.up.sql': B });
    assert.match(said ?? '', /^AppliedRenamed: 002_bonus is applied.*its very text.*back \(002_bonus\.up\.sql\)/);
    assert.doesNotMatch(said ?? '', /004_/);
  });

  it('is known by its number where its text was changed too, and may be another migration', () => {
    const said = refusal(THREE, { ...WITHOUT_B, '002_other.up.sql': 'SELECT 1;' });
    assert.match(said ?? '', /^AppliedRenamed: .*its very number.*put the old file back first/);
    assert.match(refusal(THREE, { ...WITHOUT_B, '02_bonus.up.sql': B }) ?? '', /^AppliedRenamed/);
  });

  it('is known by its text above and between the others, and only while its old file is gone', () => {
    const moved = { '004_bonus.up.sql': B };
    assert.match(refusal(THREE, { ...WITHOUT_B, ...moved }) ?? '', /^AppliedRenamed: 002_bonus .*004_bonus/);
    assert.equal(refusal(THREE, { ...THREE, ...moved }), undefined);
    const spaced = { '001_a.up.sql': A, '005_z.up.sql': C };
    const said = refusal({ ...spaced, '002_bonus.up.sql': B }, { ...spaced, '003_bonus.up.sql': B });
    assert.match(said ?? '', /^AppliedRenamed: 002_bonus .*003_bonus/);
  });

  it('holds up nothing below it: what is not run does not run twice', () => {
    const files = { ...WITHOUT_B, '004_bonus.up.sql': B };
    assert.equal(refusal(THREE, files, '003_z'), undefined);
    assert.equal(refusal(THREE, files, '001_a'), undefined);
  });
});

describe('A new file that sorts before an applied one', () => {
  const renameIn = (applied: Files, files: Files) =>
    /Rename its files to (\S+)\.$/.exec(refusal(applied, files) ?? '')?.[1];

  it('is to get the next number, as its layout writes it', () => {
    const own = { '001_a.up.sql': A, '003_z.up.sql': C };
    assert.equal(renameIn(own, { ...own, '002_b.up.sql': B }), '004_b');
    const flyway = { 'V1__a.sql': A, 'V1.9__z.sql': C };
    assert.equal(renameIn(flyway, { ...flyway, 'V1.2__b.sql': B }), 'V1.10__b');
    const diesel = { '2024-01-01-100000_a/up.sql': A, '2024-03-01-100000_z/up.sql': C };
    assert.equal(renameIn(diesel, { ...diesel, '2024-02-01-100000_b/up.sql': B }), '2024-03-01-100001_b');
  });
});

describe('An applied file that was changed', () => {
  const one = (text: string) => ({ '001_a.up.sql': text });
  const [unix, windows] = ['-- a\nSELECT 1;\n', '-- a\r\nSELECT 1;\r\n'];

  it('in its line ends alone is told so, with what puts them back', () => {
    assert.match(refusal(one(unix), one(windows)) ?? '', /^FileChanged: .*are CRLF now and were LF.*eol=lf"/);
    assert.match(refusal(one(windows), one(unix)) ?? '', /^FileChanged: .*are LF now and were CRLF.*eol=crlf"/);
    const [marked, markedWindows] = [`\uFEFF${unix}`, `\uFEFF${windows}`];
    assert.match(refusal(one(marked), one(markedWindows)) ?? '', /are CRLF now/);
  });

  it('in more than that is told with both checksums', () => {
    assert.match(refusal(one(unix), one(`${windows} `)) ?? '', /^FileChanged: The file 001_a\.up\.sql .*old text back/);
  });

  it('is called by the name that its layout gives it', () => {
    assert.match(refusal({ 'V1__a.sql': A }, { 'V1__a.sql': B }) ?? '', /The file V1__a\.sql was changed/);
  });
});
