import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '../../../src/kubernetes/object.ts';
import { Cache } from '../../../src/operator/controller/cache.ts';
import { compareVersions } from '../../../src/operator/controller/resource-version.ts';

test('a cache is read by index, and an index forgets what has left it', () => {
  const cache = new Cache<KubernetesObject>({ indexes: { uid: o => [o.metadata?.labels?.uid ?? ''] } });
  const job = (name: string, version: number, uid: string): KubernetesObject => ({
    metadata: { name, namespace: 'shop', uid: name, resourceVersion: String(version), labels: { uid } },
  });
  cache.replaceAll([job('a', 1, 'x'), job('b', 2, 'x')], '2', 'first');
  cache.upsert(job('a', 3, 'y'));
  assert.deepEqual(
    cache.byIndex('uid', 'x').map(o => o.metadata?.name),
    ['b'],
  );
  assert.deepEqual(
    cache.byIndex('uid', 'y').map(o => o.metadata?.name),
    ['a'],
  );
  cache.remove(job('b', 4, 'x'));
  assert.deepEqual(cache.byIndex('uid', 'x'), []);
  assert.throws(() => cache.byIndex('name', 'x'), /there is no index "name"/);
});

test('versions are compared as integers of any length, and what is none is not compared', () => {
  assert.equal(compareVersions('9', '10'), 'older');
  assert.equal(compareVersions('18446744073709551616', '18446744073709551615'), 'newer');
  assert.equal(compareVersions('a', 'a'), 'same');
  assert.equal(compareVersions('0', '5'), 'unknown');
  assert.equal(compareVersions('05', '5'), 'unknown');
  assert.equal(compareVersions(undefined, undefined), 'unknown');
});
