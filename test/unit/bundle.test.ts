// What is no bundle, or unpacks to more than any bundle holds, is refused in words and without filling the memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { packBundle, unpackBundle } from '../../src/engine/bundle.ts';

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
  assert.deepEqual(unpackBundle(packBundle(files), 'x'), [files[1], files[0]]);
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
  assert.equal(refused(bomb), 'BadBundle');
  assert.ok(process.memoryUsage().arrayBuffers - before < 100 * 1024 * 1024);
});
