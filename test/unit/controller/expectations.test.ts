import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '../../../src/kubernetes/object.ts';
import { Cache } from '../../../src/operator/controller/cache.ts';
import { Expectations } from '../../../src/operator/controller/expectations.ts';
import { FakeClock } from './fake-clock.ts';

const job = (version: string, uid = 'u'): KubernetesObject => ({
  metadata: { name: 'j', namespace: 'shop', uid, resourceVersion: version },
});

function build(): { cache: Cache<KubernetesObject>; expectations: Expectations; clock: FakeClock } {
  const cache = new Cache<KubernetesObject>();
  cache.replaceAll([], '10');
  const clock = new FakeClock();
  return { cache, clock, expectations: new Expectations(clock, 1000) };
}

test('a key waits until its cache has the version that was written', () => {
  const { cache, expectations } = build();
  expectations.wrote('shop/m', 'jobs', cache, job('12'));
  assert.equal(expectations.unmet('shop/m')?.waitingFor, 'jobs shop/j');
  cache.upsert(job('12'));
  assert.equal(expectations.unmet('shop/m'), undefined);
});

test('other keys do not wait', () => {
  const { cache, expectations } = build();
  expectations.wrote('shop/m', 'jobs', cache, job('12'));
  assert.equal(expectations.unmet('shop/other'), undefined);
});

test('a later version will do, and so will later news of another object, as when ours is gone already', () => {
  const { cache, expectations } = build();
  expectations.wrote('shop/m', 'jobs', cache, job('12'));
  cache.observeVersion('13');
  assert.equal(expectations.unmet('shop/m'), undefined);
});

test('an older version will not do', () => {
  const { cache, expectations } = build();
  cache.upsert(job('11'));
  expectations.wrote('shop/m', 'jobs', cache, job('12'));
  assert.notEqual(expectations.unmet('shop/m'), undefined);
});

test('versions that cannot be compared are met by equality', () => {
  const { cache, expectations } = build();
  expectations.wrote('shop/m', 'jobs', cache, job('opaque-b'));
  cache.upsert(job('opaque-a'));
  assert.notEqual(expectations.unmet('shop/m'), undefined);
  cache.upsert(job('opaque-b'));
  assert.equal(expectations.unmet('shop/m'), undefined);
});

test('a deletion is waited for by uid', () => {
  const { cache, expectations } = build();
  cache.upsert(job('11'));
  expectations.deleted('shop/m', 'jobs', cache, job('11'));
  assert.notEqual(expectations.unmet('shop/m'), undefined);
  cache.upsert(job('14', 'a new one of that name'));
  assert.equal(expectations.unmet('shop/m'), undefined);
});

test('a write that is never seen is waited for no longer than the limit', async () => {
  const { cache, expectations, clock } = build();
  expectations.wrote('shop/m', 'jobs', cache, job('12'));
  await clock.advance(999);
  assert.equal(expectations.unmet('shop/m')?.leftMs, 1);
  await clock.advance(1);
  assert.equal(expectations.unmet('shop/m'), undefined);
});
