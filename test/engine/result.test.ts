import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EXIT_CODES } from '../../src/api/exit-codes.ts';
import { type JobResult, parseJobResult, STEPS } from '../../src/api/job-contract.ts';
import { endingOf } from '../../src/cli/failure.ts';
import { QueryError } from '../../src/engine/connection.ts';
import { ERRORS, failure } from '../../src/engine/errors.ts';
import { bytesOf, cutToBytes, failedResult, fitted } from '../../src/runner/result.ts';

const DIGEST = 'a'.repeat(64);
const state = {
  version: `1_${'x'.repeat(100)}`,
  appliedCount: 5_000,
  ledgerDigest: DIGEST,
  epochAttempt: 12,
  serverVersion: '15.20',
  database: { systemIdentifier: '7711143303005449997', name: 'd'.repeat(63), host: 'h'.repeat(200) },
};

const huge = (base: object): JobResult =>
  ({
    contract: 1,
    exitCode: 20,
    notes: Array.from({ length: 50 }, () => 'ä'.repeat(500)),
    error: { code: 'MigrationFailed', message: '😀é"\\\u0001'.repeat(2_000), migration: state.version, line: 1 },
    ...base,
  }) as JobResult;

describe('A result', () => {
  const results: readonly JobResult[] = [
    huge({
      kind: 'PlanResult',
      plan: {
        ...state,
        target: state.version,
        direction: 'Up',
        pendingCount: 5_000,
        pendingFirst: Array.from({ length: 20 }, () => state.version),
        sourceDigest: DIGEST,
        transaction: 'PerRun',
      },
    }),
    huge({
      kind: 'PlanResult',
      plan: {
        ...state,
        target: state.version,
        direction: 'Down',
        pendingCount: 0,
        pendingFirst: [],
        sourceDigest: DIGEST,
        transaction: 'PerRun',
        downgrade: {
          digest: DIGEST,
          reverts: Array.from({ length: 20 }, () => ({ version: state.version, origin: 'Ledger', checksum: DIGEST })),
          revertCount: 5_000,
          lossCount: 5_000,
          losses: Array.from({ length: 20 }, () => ({ kind: 'Column', name: 'ä'.repeat(190), rows: 2 ** 40 })),
        },
        audit: { kind: 'RowReplaced', lastId: 2 ** 40 },
      },
    }),
    huge({
      kind: 'MigrateResult',
      wrote: true,
      ledger: { ...state, appliedNow: 3, revertedNow: 0, progressRows: 1, auditHead: { id: 12, hash: DIGEST } },
    }),
    huge({
      kind: 'SettleResult',
      ledger: {
        ...state,
        progressRows: 0,
        epochRunId: 1,
        schemaSinceEpoch: 'Same',
        unchanged: true,
        appliedByRun: Array.from({ length: 20 }, () => state.version),
        revertedByRun: Array.from({ length: 20 }, () => state.version),
        auditHead: { id: 2 ** 40, hash: DIGEST },
      },
    }),
    huge({
      kind: 'ValidateResult',
      checks: Array.from({ length: 16 }, (_, i) => ({
        name: `${'n'.repeat(60)}${i}`,
        answer: 'Failed',
        message: '\u{1F600}'.repeat(400),
      })),
    }),
    huge({ kind: 'BackupResult' }),
  ];
  for (const result of results) {
    it(`of kind ${result.kind} fits its bytes and is still complete, whatever it has to say`, () => {
      const short = fitted(result, []);
      assert.ok(bytesOf(short) <= 4_096, `${bytesOf(short)} bytes`);
      assert.ok(Buffer.byteLength(short.error?.message ?? '') <= 1_500);
      assert.doesNotMatch(JSON.stringify(short), /\ufffd/);
      assert.deepEqual(parseJobResult(JSON.stringify(short)), short);
      assert.equal(short.exitCode, 20);
    });
  }

  it('of every step can say that it failed', () => {
    for (const step of STEPS) {
      const result = failedResult(step, failure('BadInput', { reason: 'x' }));
      assert.deepEqual(parseJobResult(JSON.stringify(result)), result);
      assert.equal(result.exitCode, 2);
    }
  });

  it('of a mistake of ours has an exit code that the table does not know', () => {
    const result = failedResult('plan', new TypeError('x is not a function'));
    assert.equal(result.error?.code, 'InternalError');
    assert.equal(Object.hasOwn(EXIT_CODES, result.exitCode), false);
  });

  it('of a statement of ours that failed on a row does not quote it', async () => {
    const message = 'invalid input syntax for type integer: "S3CRET"';
    const error = new QueryError({ sqlstate: '22P02', message });
    const said = 'This is a mistake of ours: QueryError: invalid input syntax for type integer';
    assert.equal(failedResult('plan', error).error?.message, said);
    const ending = await endingOf(error, [], new AbortController().signal);
    assert.match(ending.message, /report it: QueryError: invalid input syntax for type integer\n/);
    const name = new QueryError({ sqlstate: '42P01', message: 'relation "migrate.audit" does not exist' });
    assert.match(failedResult('plan', name).error?.message ?? '', /relation "migrate\.audit" does not exist/);
  });

  it('holds no secret in its texts, and leaves digests alone', () => {
    const result = fitted(
      {
        ...results[0],
        notes: ['connected to postgresql://u:hunter2@h/d'],
        error: { code: 'X', message: 'password=hunter2 aaa and https://a:b@c/' },
      } as JobResult,
      ['hunter2', 'aaa'],
    );
    assert.doesNotMatch(JSON.stringify([result.notes, result.error]), /hunter2|aaa|a:b@/);
    assert.equal(result.kind === 'PlanResult' && result.plan?.sourceDigest, DIGEST);
  });
});

describe('A text', () => {
  it('is cut between characters', () => {
    assert.equal(cutToBytes('ééé', 6), 'ééé');
    assert.equal(cutToBytes('éééé', 7), 'éé…');
    assert.equal(cutToBytes('😀😀', 7), '😀…');
  });
});

describe('The catalogue of errors', () => {
  for (const [code, entry] of Object.entries(ERRORS)) {
    it(`has for ${code} a name for a condition and an exit code of the table`, () => {
      assert.match(code, /^[A-Z][A-Za-z0-9]{1,59}$/);
      assert.ok(Object.hasOwn(EXIT_CODES, entry.exitCode));
    });
  }
});
