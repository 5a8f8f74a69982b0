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
  cache.replaceAll([job('a', 1, 'x'), job('b', 2, 'x')], '2');
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

test("list-watches of several namespaces fill one cache without losing each other's objects or versions", () => {
  const cache = new Cache<KubernetesObject>();
  const job = (namespace: string, version: number): KubernetesObject => ({
    metadata: { name: 'a', namespace, uid: namespace, resourceVersion: String(version) },
  });
  cache.replaceAll([job('shop', 1)], '10', 'shop');
  cache.replaceAll([job('bank', 2)], '20', 'bank');
  cache.upsert(job('bank', 25), 'bank');
  assert.equal(cache.size, 2);
  assert.deepEqual([cache.seenVersion('shop/x'), cache.seenVersion('bank/x')], ['10', '25']);
  cache.replaceAll([], '30', 'bank');
  assert.deepEqual(
    cache.list().map(o => o.metadata?.namespace),
    ['shop'],
  );
});

test('an object that a list brings back from the dead is followed again', () => {
  const cache = new Cache<KubernetesObject>();
  const job = (version: number): KubernetesObject => ({
    metadata: { name: 'a', namespace: 'shop', uid: 'u', resourceVersion: String(version) },
  });
  cache.upsert(job(20));
  cache.remove(job(21));
  cache.replaceAll([job(5)], '6');
  cache.upsert(job(7));
  assert.equal(cache.get('shop/a')?.metadata?.resourceVersion, '7');
});

test('versions are compared as integers of any length, and what is none is not compared', () => {
  assert.equal(compareVersions('9', '10'), 'older');
  assert.equal(compareVersions('18446744073709551616', '18446744073709551615'), 'newer');
  assert.equal(compareVersions('a', 'a'), 'same');
  assert.equal(compareVersions('0', '5'), 'unknown');
  assert.equal(compareVersions('05', '5'), 'unknown');
  assert.equal(compareVersions(undefined, undefined), 'unknown');
});
