import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIG_MAPS, type Lease } from '../../../src/kubernetes/resources.ts';
import { guardWrites, NotLeadingError } from '../../../src/operator/controller/guard-writes.ts';
import { LeaderElection, microTime } from '../../../src/operator/controller/leader-election.ts';
import { ApiInMemory } from './api-in-memory.ts';
import { FakeClock, settle } from './fake-clock.ts';

interface Candidate {
  readonly election: LeaderElection;
  readonly clock: FakeClock;
  isLost: boolean;
}

function candidate(api: ApiInMemory, identity: string, clock = new FakeClock()): Candidate {
  const election = new LeaderElection({ api, namespace: 'system', name: 'operator', identity, clock, random: () => 0 });
  const made: Candidate = { election, clock, isLost: false };
  void election.whenLost().then(() => {
    made.isLost = true;
  });
  election.start();
  return made;
}

const leaseIn = (api: ApiInMemory): Lease => api.objects.get('system/operator') as Lease;

/** Lets time go by for several processes alike. */
async function together(ms: number, ...clocks: readonly FakeClock[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) for (const clock of clocks) await clock.advance(100);
}

test('the first candidate takes the lease and keeps it by renewing', async () => {
  const api = new ApiInMemory();
  const a = candidate(api, 'a');
  await a.clock.advance(300_000);
  assert.ok(a.election.isLeading() && !a.isLost);
  assert.equal(leaseIn(api).spec?.holderIdentity, 'a');
  assert.equal(leaseIn(api).spec?.leaseTransitions, 0);
  assert.equal(api.writes.length, 31);
  await a.election.stop('release');
  assert.equal(a.clock.pendingTimers, 0);
});

test('of two candidates one leads, and the other leads when the first is gone without a word', async () => {
  const api = new ApiInMemory();
  const [a, b] = [candidate(api, 'a'), candidate(api, 'b')];
  await together(60_000, a.clock, b.clock);
  assert.deepEqual([a.election.isLeading(), b.election.isLeading()], [true, false]);
  // a is killed: its clock is not turned any more. It renewed at 60 s at the latest.
  await together(29_900, b.clock);
  assert.equal(b.election.isLeading(), false, 'not before the lease has run out by its own clock');
  await together(2_000, b.clock);
  assert.equal(b.election.isLeading(), true);
  assert.equal(leaseIn(api).spec?.leaseTransitions, 1);
  await b.election.stop('release');
});

test('a clean stop hands over within two seconds', async () => {
  const api = new ApiInMemory();
  const [a, b] = [candidate(api, 'a'), candidate(api, 'b')];
  await together(12_000, a.clock, b.clock);
  await a.election.stop('release');
  assert.equal(leaseIn(api).spec?.holderIdentity, '');
  await together(2_000, b.clock);
  assert.ok(b.election.isLeading());
  await b.election.stop('release');
});

test('a leader that was frozen past its lease wakes up and writes nothing', async () => {
  const api = new ApiInMemory();
  const [a, b] = [candidate(api, 'a'), candidate(api, 'b')];
  await together(5_000, a.clock, b.clock);
  const guarded = guardWrites(api, a.election);
  a.clock.freeze(40_000);
  await together(40_000, b.clock);
  assert.ok(b.election.isLeading());
  const before = [...api.writes];
  // Its pass goes on before any timer of the election has run.
  await assert.rejects(
    guarded.create(CONFIG_MAPS, 'shop', { metadata: { name: 'x', namespace: 'shop' } }),
    NotLeadingError,
  );
  await a.clock.advance(1);
  assert.equal(a.isLost, true);
  assert.deepEqual(api.writes, before);
  await a.election.stop('keep');
  await b.election.stop('release');
});

test('a leader that cannot renew stops writing while its lease still holds, and does not give up asking', async () => {
  const api = new ApiInMemory();
  const a = candidate(api, 'a');
  await a.clock.advance(1_000);
  api.fail('refused');
  await a.clock.advance(18_000);
  assert.ok(a.election.isLeading());
  await a.clock.advance(1_100);
  assert.deepEqual([a.election.isLeading(), a.isLost], [false, false]);
  await a.election.stop('keep');
});

for (const [outage, seconds] of [
  ['shorter than the lease', 29],
  ['of an hour', 3600],
] as const) {
  test(`an outage ${outage} costs no leadership when nobody else took the lease`, async () => {
    const api = new ApiInMemory();
    const a = candidate(api, 'a');
    await a.clock.advance(9_900);
    api.fail('refused');
    await a.clock.advance(seconds * 1000);
    assert.deepEqual([a.election.isLeading(), a.isLost], [false, false]);
    api.fail('none');
    await a.clock.advance(2_000);
    assert.deepEqual([a.election.isLeading(), a.isLost], [true, false]);
    assert.equal(leaseIn(api).spec?.leaseTransitions, 0);
    await a.election.stop('release');
    assert.equal(a.clock.pendingTimers, 0);
  });
}

test('a leader that was cut off while another took the lease is lost as soon as it can look, and leads no more', async () => {
  const api = new ApiInMemory();
  const cutOff = new ApiInMemory(api);
  const [a, b] = [candidate(cutOff, 'a'), candidate(api, 'b')];
  await together(5_000, a.clock, b.clock);
  cutOff.fail('refused');
  await together(60_000, a.clock, b.clock);
  assert.deepEqual([a.election.isLeading(), a.isLost, b.election.isLeading()], [false, false, true]);
  const before = [...cutOff.writes];
  cutOff.fail('none');
  await together(5_000, a.clock, b.clock);
  assert.deepEqual([a.isLost, b.election.isLeading(), cutOff.writes], [true, true, before]);
  await a.election.stop('keep');
  await b.election.stop('release');
});

test('time in which nobody could renew counts against nobody: the other one, who looks first, leaves the leader its lease', async () => {
  const api = new ApiInMemory();
  const [a, b] = [candidate(api, 'a'), candidate(api, 'b')];
  await together(9_900, a.clock, b.clock);
  api.fail('refused');
  await together(60_000, a.clock, b.clock);
  api.fail('none');
  await b.clock.advance(3_000);
  assert.equal(b.election.isLeading(), false);
  await a.clock.advance(3_000);
  assert.deepEqual([a.election.isLeading(), a.isLost], [true, false]);
  // And it still finds out when the leader has died meanwhile.
  await b.clock.advance(31_500);
  assert.equal(b.election.isLeading(), true);
  await a.election.stop('keep');
  await b.election.stop('release');
});

test('when all come back after an outage longer than the lease, one leads', async () => {
  const api = new ApiInMemory();
  const [a, b] = [candidate(api, 'a'), candidate(api, 'b')];
  await together(5_000, a.clock, b.clock);
  api.fail('refused');
  await together(120_000, a.clock, b.clock);
  api.fail('none');
  for (let look = 0; look < 50; look++) {
    await together(100, a.clock, b.clock);
    assert.ok(!(a.election.isLeading() && b.election.isLeading()), 'never two');
  }
  assert.equal([a, b].filter(one => one.election.isLeading()).length, 1);
  assert.equal(a.isLost, b.election.isLeading());
  await a.election.stop('release');
  await b.election.stop('release');
});

test('a renewal whose answer was lost is recognised as our own', async () => {
  const api = new ApiInMemory();
  const a = candidate(api, 'a');
  await a.clock.advance(5_000);
  api.fail('answer lost');
  await a.clock.advance(5_100);
  api.fail('none');
  await a.clock.advance(60_000);
  assert.ok(a.election.isLeading() && !a.isLost);
  await a.election.stop('release');
});

test('a renewal that hangs does not use up the lease', async () => {
  const api = new ApiInMemory();
  const a = candidate(api, 'a');
  await a.clock.advance(5_000);
  api.fail('hanging');
  await a.clock.advance(8_000);
  api.fail('none');
  await a.clock.advance(60_000);
  assert.ok(a.election.isLeading() && !a.isLost);
  await a.election.stop('release');
  assert.equal(a.clock.pendingTimers, 0);
});

test('a first write whose answer was lost is found at the next look', async () => {
  const api = new ApiInMemory();
  api.fail('answer lost');
  const a = candidate(api, 'a');
  await settle();
  api.fail('none');
  await a.clock.advance(2_000);
  assert.ok(a.election.isLeading());
  await a.election.stop('release');
});

test('the clock on the wall may be wrong by an hour, on either side', async () => {
  const api = new ApiInMemory();
  const [early, late] = [new FakeClock(), new FakeClock()];
  early.shiftCalendar(-3_600_000);
  late.shiftCalendar(3_600_000);
  const [a, b] = [candidate(api, 'a', early), candidate(api, 'b', late)];
  await together(60_000, early, late);
  assert.deepEqual([a.election.isLeading(), b.election.isLeading()], [true, false]);
  await a.election.stop('release');
  await b.election.stop('keep');
});

test('when the calendar jumps nothing is written until the lease is renewed, and nobody is lost', async () => {
  const api = new ApiInMemory();
  const a = candidate(api, 'a');
  await a.clock.advance(1_000);
  a.clock.shiftCalendar(3_600_000);
  assert.equal(a.election.isLeading(), false);
  await a.clock.advance(10_000);
  assert.equal(a.election.isLeading(), true);
  assert.equal(a.isLost, false);
  await a.election.stop('release');
});

test('a lease that someone took by hand is not taken back', async () => {
  const api = new ApiInMemory();
  const a = candidate(api, 'a');
  await a.clock.advance(1_000);
  const lease = leaseIn(api);
  await api.replace({ kind: 'Lease' }, { ...lease, spec: { ...lease.spec, holderIdentity: 'a person' } });
  await a.clock.advance(30_000);
  assert.equal(a.election.isLeading(), false);
  assert.equal(a.isLost, true);
  assert.equal(leaseIn(api).spec?.holderIdentity, 'a person');
  await a.election.stop('keep');
});

test('times in a lease have six digits after the point', () => {
  assert.equal(microTime(new Date(Date.UTC(2026, 10, 22, 3, 4, 5, 67))), '2026-11-22T03:04:05.067000Z');
});
