// Plan keys and Job names rest on digests: equal for equal data, whatever the order of its keys, and never otherwise.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../../src/api/digest.ts';

test('the order of keys and fields left out make no difference', () => {
  assert.equal(digestOf({ a: 1, b: { c: 2, d: undefined } }), digestOf({ b: { c: 2 }, a: 1 }));
});

test('values that look alike have digests of their own', () => {
  const values = [null, 0, '0', '', [], {}, [null], [[]], ['a,b'], ['a', 'b'], { a: 'b' }, { a: ['b'] }, 'a:b', true];
  assert.equal(new Set(values.map(digestOf)).size, values.length);
});

test('a digest is what it was in earlier releases: failures are remembered by it', () => {
  assert.equal(
    digestOf({ to: '006', list: [1, null] }),
    '657f546da0361d91e9f5a4b4887ce6c33f5380023888e86b0a40ebe9599533d4',
  );
});
