import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ServerClock } from '../../../src/kubernetes/server-clock.ts';

const NOON = Date.parse('2026-11-22T12:00:00Z');
const HOUR = 3_600_000;

/** A machine whose clock is `aheadMs` ahead of the server's, with a monotonic clock that the test turns. */
function machine(aheadMs: number) {
  const hand = { ms: 5_000 };
  const clock = new ServerClock(new Date(NOON + aheadMs), () => hand.ms);
  const serverNow = (): number => NOON + hand.ms - 5_000;
  /** A request that takes `tookMs` and is answered half-way. */
  const ask = (tookMs: number): void => {
    const sent = hand.ms;
    hand.ms += tookMs / 2;
    const header = new Date(serverNow()).toUTCString();
    hand.ms += tookMs / 2;
    clock.heard(header, sent);
  };
  return { clock, hand, ask, errorMs: () => clock.now().getTime() - serverNow() };
}

describe('The clock of the API server', () => {
  for (const aheadMs of [HOUR, -HOUR]) {
    it(`corrects one that is ${aheadMs / HOUR} h ahead by the first answer`, () => {
      const { ask, errorMs } = machine(aheadMs);
      assert.equal(errorMs(), aheadMs);
      ask(20);
      assert.ok(Math.abs(errorMs()) <= 1_020, `off by ${errorMs()} ms`);
    });
  }

  it('leaves one alone that no answer contradicts', () => {
    const { hand, ask, errorMs } = machine(3);
    for (let count = 0; count < 50; count += 1) {
      hand.ms += 137;
      ask(20);
    }
    assert.equal(errorMs(), 3);
  });

  it('learns nothing from an answer that was long on its way', () => {
    const { ask, errorMs } = machine(4_000);
    ask(30_000);
    assert.equal(errorMs(), 4_000);
  });

  it('closes in on the truth with further answers, and never goes from one wrong side to the other', () => {
    const { hand, ask, errorMs } = machine(HOUR);
    let last = Number.POSITIVE_INFINITY;
    for (let count = 0; count < 40; count += 1) {
      hand.ms += 317;
      ask(10);
      assert.ok(errorMs() >= -10 && errorMs() <= last, `from ${last} to ${errorMs()} ms`);
      last = errorMs();
    }
    assert.ok(last < 100, `off by ${last} ms`);
  });

  it('ignores what is no date', () => {
    const { clock, errorMs } = machine(0);
    for (const header of [undefined, '', 'yesterday', ['a', 'b']]) clock.heard(header, 0);
    assert.equal(errorMs(), 0);
  });
});
