// Which points there are to kill an operator at, from the writes of two undisturbed runs: those that both made. Left out
// is what comes in one run and not in the next, so that no run could be sure to reach it: a write that lost a race and
// was repeated, and a status that only puts into other words how far a Pod is.
import type { AnsweredWrite, Side } from './proxy.ts';
import type { Scenario } from './scenarios.ts';
import { keyOf } from './writes.ts';

export interface Point {
  readonly scenario: Scenario;
  /** 1 for the first of its scenario. */
  readonly number: number;
  readonly write: Pick<AnsweredWrite, 'like' | 'ordinal'>;
  readonly side: Side;
}

type Writes = readonly AnsweredWrite[];

/** The writes that were carried out in both runs, in the order of the first. */
export function writesOfBoth(first: Writes, second: Writes): Writes {
  const others = new Set(successes(second).map(keyOf));
  return successes(first).filter(write => others.has(keyOf(write)) && !isRewording(write));
}

/** A status that says the same as one before it, of a Pod that is some seconds older. */
function isRewording({ resource, ordinal }: AnsweredWrite): boolean {
  return resource.endsWith('/status') && ordinal > 1;
}

/** A refused write has changed nothing; its repeat takes its ordinal, which so counts what was carried out. */
function successes(writes: Writes): Writes {
  const counts = new Map<string, number>();
  return writes
    .filter(write => write.code < 300)
    .map(write => {
      const ordinal = (counts.get(write.like) ?? 0) + 1;
      counts.set(write.like, ordinal);
      return { ...write, ordinal };
    });
}

/**
 * `Once`: each write on the side that its scenario names. One side for all of a scenario, because after one write is
 * before the next: to alternate from write to write would test every second gap twice and the others never.
 */
export function pointsOf(scenario: Scenario, writes: Writes, sides: 'Once' | 'Both'): readonly Point[] {
  const wanted: readonly Side[] = sides === 'Both' ? ['before', 'after'] : [scenario.side];
  return writes.flatMap((write, index) => wanted.map(side => ({ scenario, number: index + 1, write, side })));
}

/** `recreate:17:after`: what CRASH_ONLY takes. */
export function nameOf({ scenario, number, side }: Point): string {
  return `${scenario.name}:${number}:${side}`;
}

/** `recreate 17, after: Stop · patch deployments · mark #1`. */
export function described(point: Point): string {
  return `${point.scenario.name} ${point.number}, ${point.side}: ${keyOf(point.write)}`;
}
