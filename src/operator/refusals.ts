// What the API server has refused and may take later: a quota, an admission webhook, a name that somebody else has. A
// refused act is no reason to end the pass as an error that only a log shows: it is remembered here by the uid of the
// resource, the next pass sees it as a part of the world, and the status has the API server's own words. Memory only:
// after a restart the act is simply refused again. Both controllers have one each.
import { ApiError } from '../kubernetes/errors.ts';
import { classify, delayAfter } from './controller/backoff.ts';
import { withoutSecrets } from './migration/wording.ts';

export interface Refusal {
  /** Verb and name of the act, as `actKey` gives it: `CreateJob shop-plan-1a2b3c4d5e`. */
  readonly act: string;
  readonly why: 'NameTaken' | 'Refused';
  /** In the words of the API server, or of an admission webhook, which may quote what it refuses. */
  readonly message: string;
  /** Of the first time in a row. */
  readonly since: string;
}

/** An object of the name that we need is there, and it is not ours. */
export class NameTaken extends Error {
  override readonly name = 'NameTaken';
}

const WORDS = 1_000;

export class Refusals {
  readonly #known = new Map<string, { readonly refusal: Refusal; readonly times: number }[]>();

  of(uid: string): readonly Refusal[] {
    return (this.#known.get(uid) ?? []).map(({ refusal }) => refusal);
  }

  /** Forgets what is not tried any more. */
  keep(uid: string, acts: readonly string[]): void {
    const kept = (this.#known.get(uid) ?? []).filter(({ refusal }) => acts.includes(refusal.act));
    if (kept.length === 0) this.#known.delete(uid);
    else this.#known.set(uid, kept);
  }

  /** Of resources that are gone nothing is remembered. Called whenever one is found to be. */
  keepOnly(present: () => readonly { readonly metadata?: { readonly uid?: string } }[]): void {
    if (this.#known.size === 0) return;
    const uids = new Set(present().map(({ metadata }) => metadata?.uid));
    for (const uid of this.#known.keys()) if (!uids.has(uid)) this.#known.delete(uid);
  }

  succeeded(uid: string, act: string): void {
    this.keep(
      uid,
      this.of(uid).flatMap(one => (one.act === act ? [] : [one.act])),
    );
  }

  /** Milliseconds until the next try; almost none the first time, because the status is still to say so. */
  note(uid: string, act: string, error: Error, now: string): number {
    const before = this.#known.get(uid)?.find(one => one.refusal.act === act);
    const times = (before?.times ?? 0) + 1;
    const why = error instanceof NameTaken ? 'NameTaken' : 'Refused';
    const refusal = {
      act,
      why,
      message: withoutSecrets(error.message).slice(0, WORDS),
      since: before?.refusal.since ?? now,
    } as const;
    const others = (this.#known.get(uid) ?? []).filter(one => one !== before);
    this.#known.set(uid, [...others, { refusal, times }]);
    return before === undefined ? 0 : delayAfter(error, times - 1);
  }
}

/** Whether the server has answered, wrote nothing, and does not want this: not a conflict, not a bad moment. */
export function isRefusal(error: unknown): error is Error {
  if (error instanceof NameTaken) return true;
  if (!(error instanceof ApiError) || error.status === 401) return false;
  return ['quota', 'refused', 'invalid'].includes(classify(error));
}

/**
 * Does the acts in their order up to the first that is refused, and of the rest those that do not wait for it. Answers
 * when to look again for the refused one's sake, undefined when none was refused; every other failure is thrown.
 */
export async function actInOrder<A>(
  acts: readonly A[],
  how: {
    readonly uid: string;
    readonly refusals: Refusals;
    readonly keyOf: (act: A) => string;
    readonly now: string;
    readonly signal: AbortSignal;
    readonly act: (act: A) => Promise<void>;
    /** Whether the act may be done although the other was refused. */
    readonly isFreeOf: (act: A, refused: A) => boolean;
  },
): Promise<{ readonly refused: string; readonly againInMs: number } | undefined> {
  const { uid, refusals, keyOf } = how;
  refusals.keep(uid, acts.map(keyOf));
  const refused: { readonly act: A; readonly message: string; readonly againInMs: number }[] = [];
  for (const one of acts) {
    how.signal.throwIfAborted();
    if (!refused.every(other => how.isFreeOf(one, other.act))) continue;
    try {
      await how.act(one);
      refusals.succeeded(uid, keyOf(one));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refused.push({
        act: one,
        message: error.message,
        againInMs: refusals.note(uid, keyOf(one), error, how.now),
      });
    }
  }
  const [first] = refused;
  if (first === undefined) return undefined;
  return { refused: first.message, againInMs: Math.min(...refused.map(one => one.againInMs)) };
}
