import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../../../src/kubernetes/errors.ts';
import { classify, DELAYS, delayAfter, jobRetrySeconds } from '../../../src/operator/controller/backoff.ts';

function answer(status: number, reason = 'x', message = 'm', retryAfterSeconds?: number): ApiError {
  const wish = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  return new ApiError({ status, reason, message, effect: 'None', ...wish });
}

const CLASSES = [
  [answer(409, 'Conflict'), 'conflict'],
  [answer(409, 'AlreadyExists'), 'unexpected'],
  [answer(410, 'Expired'), 'gone'],
  [answer(0, 'NoAnswer'), 'transient'],
  [answer(500), 'transient'],
  [answer(429), 'transient'],
  [answer(404, 'NotFound'), 'missing'],
  [answer(403, 'Forbidden', 'pods "a" is forbidden: exceeded quota: q, requested: pods=1'), 'quota'],
  [
    answer(403, 'Forbidden', 'unable to create new content in namespace x because it is being terminated'),
    'terminating',
  ],
  [answer(403, 'Forbidden', 'User "x" cannot get resource'), 'refused'],
  [answer(401, 'Unauthorized'), 'refused'],
  [answer(422, 'Invalid'), 'invalid'],
  [answer(400, 'BadRequest'), 'invalid'],
  [new TypeError('x is undefined'), 'unexpected'],
] as const;

for (const [error, expected] of CLASSES) {
  test(`${error instanceof ApiError ? `${error.status} ${error.message}` : error} is ${expected}`, () => {
    assert.equal(classify(error), expected);
  });
}

test('a delay doubles up to its longest, whatever the attempt', () => {
  const delays = [1, 2, 3, 100, 1e9].map(attempt => delayAfter(answer(500), attempt, () => 1));
  assert.deepEqual(delays, [500, 1000, 2000, DELAYS.transient.longestMs, DELAYS.transient.longestMs]);
});

test('a delay is spread over the upper half', () => {
  assert.equal(
    delayAfter(answer(500), 3, () => 0),
    1000,
  );
});

test('Retry-After is never undercut, and never followed beyond a minute', () => {
  assert.equal(
    delayAfter(answer(429, 'x', 'm', 7), 1, () => 0),
    7000,
  );
  assert.equal(
    delayAfter(answer(429, 'x', 'm', 86_400), 1, () => 0),
    60_000,
  );
});

test('Jobs are tried again without chance: the delay is written down', () => {
  assert.deepEqual([1, 2, 3, 4, 5, 50].map(jobRetrySeconds), [5, 10, 20, 40, 60, 60]);
});
