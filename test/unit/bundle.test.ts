// What is no bundle, or unpacks to more than any bundle holds, is refused in words and without filling the memory.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { BUNDLE_FILE, MOST_UNPACKED_BYTES, packBundle, unpackBundle } from '../../src/engine/source/bundle.ts';
import { readSource } from '../../src/engine/source/files.ts';

const refused = (content: Uint8Array) => {
  try {
    unpackBundle(content, 'the bundle');
  } catch (error) {
    return (error as { readonly code?: string }).code;
  }
  return 'Unpacked';
};

test('what is packed comes out as it was', () => {
  const files = [
    { path: '002_b/up.sql', bytes: Buffer.from([0, 255, 10]) },
    { path: '001_a.up.sql', bytes: Buffer.from('SELECT 1') },
  ];
  assert.deepEqual(unpackBundle(packBundle(files), 'x').files, [files[1], files[0]]);
});

test('what is no bundle is refused by name', () => {
  const contents = ['', 'no JSON', 'null', '1', '[]', '{"format": 2, "files": []}', '{"format": 1, "files": [["a"]]}'];
  const entries = ['{"format": 1, "files": [null]}', '{"format": 1, "files": [[1, 2]]}'];
  for (const content of [...contents, ...entries]) assert.equal(refused(gzipSync(content)), 'BadBundle', content);
  assert.equal(refused(Buffer.from('not compressed')), 'BadBundle');
});

test('a small file that unpacks to more than any bundle holds is refused before it is unpacked', () => {
  const bomb = gzipSync(Buffer.alloc(65 * 1024 * 1024, ' '));
  assert.ok(bomb.length < 1024 * 1024, 'it fits a ConfigMap');
  const before = process.memoryUsage().arrayBuffers;
  assert.equal(refused(bomb), 'SourceTooLarge');
  assert.ok(process.memoryUsage().arrayBuffers - before < 100 * 1024 * 1024);
});

test('bundles that are small each and too large together are refused, and the one too many is named', async t => {
  const root = mkdtempSync(join(tmpdir(), 'bundles-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const add = (index: number, size: number) => {
    mkdirSync(join(root, String(index)));
    const files = [{ path: `00${index}_a.up.sql`, bytes: Buffer.alloc(size, ' ') }];
    writeFileSync(join(root, String(index), BUNDLE_FILE), packBundle(files));
  };
  // In Base64 it is a third larger.
  const third = Math.floor(MOST_UNPACKED_BYTES / 4);
  add(1, third);
  add(2, third);
  assert.equal((await readSource(root)).migrations.length, 2);
  add(3, third + 1024);
  await assert.rejects(readSource(root), error => {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    assert.equal(code, 'SourceTooLarge');
    assert.match(message, /64 MiB in all; the one too many is migrations.bundle.json.gz in .*\/3\./);
    return true;
  });
});
