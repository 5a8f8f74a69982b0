// The tables that docs/conditions.md is made of are whole; that the operator keeps to them, test/golden/reasons.test.ts asks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REASONS } from '../../../src/api/conditions.ts';
import { JOB_REASONS } from '../../../src/api/job-reasons.ts';
import { ERRORS } from '../../../src/engine/errors.ts';

test('every code of the error catalogue is explained in src/api/job-reasons.ts, and nothing else is', () => {
  const explained = Object.keys(JOB_REASONS).filter(code => code !== 'InternalError');
  assert.deepEqual(explained.toSorted(), Object.keys(ERRORS).toSorted());
});

test('a reason means one thing: it is the operator’s or a Job’s', () => {
  assert.deepEqual(
    Object.keys(REASONS).filter(reason => reason in JOB_REASONS),
    [],
  );
});

test('every text is a sentence that fits a cell of a table', () => {
  const texts = Object.values({ ...REASONS, ...JOB_REASONS }).flatMap(({ meaning, remedy }) => [meaning, remedy]);
  assert.deepEqual(
    texts.filter(text => !/^[`A-Z].*\.$/.test(text) || /[|\n]/.test(text)),
    [],
  );
});
