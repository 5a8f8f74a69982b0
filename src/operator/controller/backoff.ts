// THE table of delays: how long the machine waits after which failure, for list-watches, reconciles and Jobs.
// No state: the caller counts the attempts. A delay is never more than its row's longest, and is spread
// over its upper half so that a hundred keys that failed together do not return together.
import {
  ApiError,
  isConflict,
  isForbidden,
  isGone,
  isInvalid,
  isNamespaceTerminating,
  isNotFound,
  isQuotaExceeded,
  isTransient,
} from '../../kubernetes/errors.ts';
import { NotLeadingError } from './guard-writes.ts';

export type FailureClass = keyof typeof DELAYS;

interface DelayRow {
  /** Before the second attempt; doubled for each further one. */
  readonly firstMs: number;
  readonly longestMs: number;
  readonly why: string;
}

export const DELAYS = {
  conflict: { firstMs: 50, longestMs: 5_000, why: 'someone else wrote first: our cache will know in a moment' },
  gone: { firstMs: 100, longestMs: 10_000, why: 'a fresh list is needed; more than one in a row means a busy server' },
  transient: { firstMs: 500, longestMs: 30_000, why: 'the server or the way to it has a bad moment' },
  notLeading: { firstMs: 1_000, longestMs: 5_000, why: 'the lease is renewed first, or the process ends' },
  missing: { firstMs: 2_000, longestMs: 30_000, why: 'a kind or a namespace may be about to be created' },
  terminating: { firstMs: 5_000, longestMs: 60_000, why: 'the namespace is going away' },
  quota: { firstMs: 5_000, longestMs: 60_000, why: 'other Pods must end, or an administrator must raise the quota' },
  refused: { firstMs: 5_000, longestMs: 60_000, why: 'rights are given by a person' },
  invalid: { firstMs: 10_000, longestMs: 300_000, why: 'the same request will fail again until something changes' },
  job: { firstMs: 5_000, longestMs: 60_000, why: 'a Job ended without an answer: each further one costs a Pod' },
  unexpected: { firstMs: 1_000, longestMs: 300_000, why: 'a mistake of ours, or something new' },
} as const satisfies Record<string, DelayRow>;

/** The server's own wish (Retry-After) is followed up to this. */
const LONGEST_WISH_MS = 60_000;

export function classify(error: unknown): FailureClass {
  if (error instanceof NotLeadingError) return 'notLeading';
  if (!(error instanceof ApiError)) return 'unexpected';
  if (isConflict(error)) return 'conflict';
  if (isGone(error)) return 'gone';
  if (isQuotaExceeded(error)) return 'quota';
  if (isNamespaceTerminating(error)) return 'terminating';
  if (isForbidden(error) || error.status === 401) return 'refused';
  if (isNotFound(error)) return 'missing';
  if (isTransient(error)) return 'transient';
  if (isInvalid(error) || error.status === 400) return 'invalid';
  return 'unexpected';
}

/** Milliseconds to wait after `attempt` failures in a row (1 is the first). `random` gives numbers from 0 up to 1. */
export function delayAfter(error: unknown, attempt: number, random: () => number = Math.random): number {
  const row: DelayRow = DELAYS[classify(error)];
  const full = fullDelay(row, attempt);
  const ours = full / 2 + (full / 2) * random();
  if (!(error instanceof ApiError) || error.retryAfterSeconds === undefined) return Math.round(ours);
  const wish = Math.min(LONGEST_WISH_MS, error.retryAfterSeconds * 1000);
  // Never earlier than asked; with a spread of its own, for everyone was told the same.
  return Math.round(Math.max(ours, wish * (1 + 0.1 * random())));
}

/** Seconds until the next Job of a step, after `tries` that decided nothing; the same for everyone, so that it can be written down. */
export function jobRetrySeconds(tries: number): number {
  return fullDelay(DELAYS.job, tries) / 1000;
}

function fullDelay(row: DelayRow, attempt: number): number {
  return Math.min(row.longestMs, row.firstMs * 2 ** Math.min(30, Math.max(0, attempt - 1)));
}
