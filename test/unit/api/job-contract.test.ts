// The words between operator and runner: what one writes the other reads, and nothing else is believed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_CODES, isExitCode } from '../../../src/api/exit-codes.ts';
import {
  CONTRACT_VERSION,
  type JobInput,
  jobInput,
  jobResult,
  parseJobResult,
  RESULT_KIND,
  STEPS,
} from '../../../src/api/job-contract.ts';
import { type Answer, answerTo } from '../../golden/answers.ts';

const HASH = 'a'.repeat(64);
const COMMON = {
  contract: CONTRACT_VERSION,
  resource: 'shop/truledgr',
  owner: '00000000000000aa',
  resourceUid: 'uid-of-truledgr',
  attempt: 3,
  runId: 2,
  job: 'truledgr-job',
  ledgerSchema: 'migrate',
} as const;
const EXECUTION = { transaction: 'Auto', lockTimeoutMilliseconds: 5000, lockRetrySeconds: 60 } as const;
const CHECK = { appRoles: ['app'], drainSeconds: 60 };

const INPUTS: Readonly<Record<(typeof STEPS)[number], JobInput>> = {
  plan: {
    step: 'plan',
    ...COMMON,
    target: 'latest',
    strategy: 'Recreate',
    execution: EXECUTION,
    appRoles: ['app'],
    backups: 'Mounted',
  },
  backup: { step: 'backup', ...COMMON, directory: 'shop/one', sessionCheck: CHECK },
  migrate: {
    step: 'migrate',
    ...COMMON,
    strategy: 'Recreate',
    execution: EXECUTION,
    appRoles: [],
    from: null,
    to: '006_ledger_tables',
    sourceDigest: HASH,
    ledgerDigest: HASH,
    sessionCheck: CHECK,
  },
  settle: { step: 'settle', ...COMMON, appRoles: [] },
  validate: {
    step: 'validate',
    ...COMMON,
    http: [{ name: 'health', url: 'http://api/health', expectedStatus: 200 }],
    timeoutSeconds: 60,
  },
};
const DATABASE = {
  version: '006_ledger_tables',
  progressRows: 0,
  epochRunId: 2,
  epochAttempt: 3,
  epochVersion: null,
};
const FAILURE: Answer = { exitCode: 20, error: { code: 'MigrationFailed', message: 'it failed', statement: 2 } };

for (const step of STEPS) {
  test(`the input of ${step} survives the way through the environment`, () => {
    assert.deepEqual(jobInput.parse(JSON.parse(JSON.stringify(INPUTS[step]))), INPUTS[step]);
  });

  for (const [how, different] of Object.entries({ success: {}, failure: FAILURE })) {
    test(`a ${how} of ${step} survives the way through the termination message`, () => {
      const result = answerTo(INPUTS[step], DATABASE, different);
      assert.deepEqual(parseJobResult(JSON.stringify(result)), result);
      assert.equal(result.kind, RESULT_KIND[step]);
    });
  }
}

test('an input of another contract is refused', () => {
  assert.ok(!jobInput.safeParse({ ...INPUTS.plan, contract: CONTRACT_VERSION + 1 }).success);
});

test('last words that are no complete result are not believed', () => {
  const whole = JSON.stringify(answerTo(INPUTS.plan, DATABASE, {}));
  const broken = [
    whole.slice(0, -1),
    whole.replace('"contract":1', '"contract":2'),
    whole.replace(/"sourceDigest":"[0-9a-f]+"/, '"sourceDigest":"short"'),
    whole.replace('"kind":"PlanResult"', '"kind":"Plan"'),
  ];
  for (const message of ['', 'Segmentation fault', '{}', 'null', '[]', ...broken]) {
    assert.notEqual(message, whole);
    assert.equal(parseJobResult(message), undefined, message.slice(0, 40));
  }
});

test('a reason that a Job gives must be one that a condition can carry', () => {
  for (const code of ['with space', 'lower', '', 'X', 'A'.repeat(61)]) {
    const result = answerTo(INPUTS.migrate, DATABASE, { exitCode: 20, error: { code, message: 'x' } });
    assert.ok(!jobResult.safeParse(result).success, code);
  }
});

test('the codes that are tried again are 10 to 13 and no other', () => {
  const retryable = Object.entries(EXIT_CODES).flatMap(([code, row]) => (row.retryable ? [Number(code)] : []));
  assert.deepEqual(retryable, [10, 11, 12, 13]);
  assert.ok(isExitCode(24) && !isExitCode(3) && !isExitCode(137));
});
