// Waiting, in one place: every wait of the engine can be ended by the signal that ends the attempt.
import { setTimeout as after } from 'node:timers/promises';
import { failure } from './errors.ts';

/** Sleeps; throws Interrupted when the signal comes first. */
export async function sleep(milliseconds: number, signal: AbortSignal | undefined, during: string): Promise<void> {
  try {
    await after(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    if (signal?.aborted) throw failure('Interrupted', { during }, {}, { cause: error });
    throw error;
  }
}

/** Throws Interrupted when the signal has come. */
export function assertNotInterrupted(signal: AbortSignal | undefined, during: string): void {
  if (signal?.aborted) throw failure('Interrupted', { during });
}

/** The delay between half and one and a half times of `milliseconds`, so that two who wait do not meet again. */
export function jittered(milliseconds: number): number {
  return Math.round(milliseconds * (0.5 + Math.random()));
}

/** After how long somebody who watches begins to wonder. */
const WORTH_A_WORD_MS = 1_000;

/** For a loop that waits: called at each turn, it logs once what is waited for, when that has lasted for a second. */
export function wordOfWaiting(log: (line: string) => void, what: () => string | Promise<string>): () => Promise<void> {
  const began = performance.now();
  let isSaid = false;
  return async () => {
    if (isSaid || performance.now() - began < WORTH_A_WORD_MS) return;
    isSaid = true;
    log(`waiting for ${await what()}`);
  };
}

/** `90 s` for a person. */
export function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 100) / 10} s`;
}
