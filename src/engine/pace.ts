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

/** `90 s` for a person. */
export function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 100) / 10} s`;
}
