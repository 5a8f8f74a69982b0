// The operator's configuration: every mistake at once, before anything is started.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from '../../../src/operator/config.ts';

const ENV = { RUNNER_IMAGE: 'migration-operator:test', OPERATOR_NAMESPACE: 'migration-system', POD_NAME: 'operator-0' };

test('without flags it watches everything, alone, and logs JSON', () => {
  assert.deepEqual(readConfig([], ENV), {
    image: { name: 'migration-operator:test', pullPolicy: 'IfNotPresent' },
    namespaces: [],
    leaderElection: 'Off',
    namespace: 'migration-system',
    identity: 'operator-0',
    healthPort: 8081,
    logFormat: 'json',
    logLevel: 'info',
    workers: 16,
  });
});

test('namespaces are a list, spaces and empty parts left out', () => {
  assert.deepEqual(readConfig(['--watch-namespaces=staging, production,'], ENV).namespaces, ['staging', 'production']);
});

test('all mistakes are told at once', () => {
  assert.throws(
    () => readConfig(['--leader-elect', '--workers=many', '--log-level=loud', '--health-address=:99999'], {}),
    (error: Error) => {
      for (const word of ['RUNNER_IMAGE', 'OPERATOR_NAMESPACE', 'workers', 'log-level', 'health-address'])
        assert.match(error.message, new RegExp(word));
      return true;
    },
  );
});

test('a flag that is not known is a mistake', () => {
  assert.throws(() => readConfig(['--watch-namespace=one'], ENV), /watch-namespace/);
});

test('without the name of its Pod each process has an identity of its own in the Lease', () => {
  const { POD_NAME: _, ...env } = ENV;
  assert.notEqual(readConfig([], env).identity, readConfig([], env).identity);
});
