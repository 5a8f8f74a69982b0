// Every error of the engine as a person at a terminal reads it: nothing of it is about a cluster.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endingOf } from '../../../src/cli/failure.ts';
import { terminalMessage } from '../../../src/cli/words.ts';
import { ERRORS, type ErrorCode, failure, gathered } from '../../../src/engine/errors.ts';

const CLUSTER =
  /spec\.|kubectl|\bJobs?\b|\bPods?\b|\bresources?\b|ConfigMap|\bSecret|\bimage\b|annotat|\bclaim|cluster|execution\.|truledgr\.app/;

/** A fact of every name that the catalogue asks for; its names say of which type it is. */
const FACTS: Readonly<Record<string, unknown>> = {
  ...{
    tables: 6,
    ignored: 1,
    statement: 2,
    count: 2,
    failed: 1,
    of: 3,
    applied: 'a'.repeat(64),
    found: 'b'.repeat(64),
  },
  reason: 'the reason',
  ...{ port: 5432, known: 2, near: ['006_near'], roles: ['app'], blockers: ['pid 7'], sessions: ['pid 8'] },
  ...{
    versions: ['006_last'],
    losses: ['table users with 3 rows'],
    strangers: ['9'],
    passedOver: ['008_x'],
    reasons: ['full'],
  },
};
const ODD: Partial<Record<ErrorCode, Readonly<Record<string, unknown>>>> = {
  BaselineNeeded: { first: ['users', 'groups'] },
  OwnedByAnother: { resource: 'shop/truledgr' },
  MigrationFailed: { halfDone: { direction: 'Down', done: 2 } },
  HistoryMissing: { tables: ['goose_db_version (goose)'] },
  LedgerNotEmpty: { applied: 3 },
  ClientMajorMismatch: { client: '18', server: '15' },
};

/** Facts of a code: the listed ones; any other is its own name in a list of one, which reads as a text too. */
function factsOf(code: ErrorCode): never {
  const known = { ...FACTS, ...ODD[code] };
  return new Proxy(known, { get: (facts, name: string) => (name in facts ? facts[name] : [`the ${name}`]) }) as never;
}

const CODES = Object.keys(ERRORS) as ErrorCode[];

describe('At a terminal', () => {
  for (const code of CODES) {
    it(`${code} is said without a word of a cluster`, () => {
      const message = terminalMessage(failure(code, factsOf(code)));
      assert.doesNotMatch(message, CLUSTER);
      assert.doesNotMatch(message, /undefined|\[object/);
    });
  }

  it('what the server says ends with one full stop, its own or ours', () => {
    const said = (reason: string) => failure('MigrationFailed', { where: '001_a.up.sql', reason }).message;
    assert.equal(said('no operator; add explicit type casts.'), said('no operator; add explicit type casts'));
    assert.match(said('no operator'), /operator\.$/);
  });

  it('a remedy is one that can be done there', () => {
    const said = (code: ErrorCode) => terminalMessage(failure(code, factsOf(code)));
    assert.match(said('LockTimeout'), /held by pid 7\. End that session, or wait for it, and run the command again/);
    assert.match(said('RoleMissing'), /no role "app".*Did you mean 006_near\? Correct appRoles in migrate\.yaml/);
    assert.match(
      said('ClientMajorMismatch'),
      /pg_dump is of 18\. Install the client programs of PostgreSQL 15 .*MIGRATE_POSTGRES_BINARIES/,
    );
    assert.match(said('OwnedByAnother'), /--adopt the owner\.$/);
    assert.match(said('BaselineNeeded'), /users, groups.*migrate baseline <version>.*--from auto/);
    assert.match(
      said('MigrationFailed'),
      /The way down is half done: its first 2 statements are done and stay\..* behind statement 2, and run migrate downgrade again/,
    );
    const left = failure('SessionsRemain', { count: 1, waited: '0 s', sessions: ['pid 8'], wanted: 'Refuse' });
    assert.match(terminalMessage(left), /^1 session is still connected: pid 8\. .* run it again with --end-sessions/);
    const ended = failure('SessionsRemain', { count: 1, waited: '5 s', sessions: ['pid 8'], wanted: 'End' });
    assert.match(terminalMessage(ended), /^1 session is still connected and could not be ended: pid 8\. [^-]*$/);
    const without = failure('ClientMajorMismatch', { client: 'unknown version', server: '15' });
    assert.match(terminalMessage(without), /pg_dump cannot be run/);
  });

  it('several mistakes that became one are each said so', async () => {
    const error = gathered([
      failure('RoleMissing', factsOf('RoleMissing')),
      failure('LockTimeout', factsOf('LockTimeout')),
    ]);
    const { message, exitCode } = await endingOf(error, ['pid 7'], new AbortController().signal);
    assert.match(message, /Correct appRoles in migrate\.yaml.*held by \*\*\*\. End that session, or wait/);
    assert.equal(exitCode, ERRORS.RoleMissing.exitCode);
    assert.doesNotMatch(message, CLUSTER);
  });
});
