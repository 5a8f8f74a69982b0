// Asks the app by its Service again and again, as its users do, and keeps what was not answered well.
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, type Site } from './site.ts';

export interface Availability {
  readonly answers: number;
  /** Time and what was answered instead. */
  readonly failures: readonly string[];
}

const PAUSE_MS = 100;

export function watchHealth(site: Site): { stop(): Promise<Availability> } {
  const failures: string[] = [];
  let answers = 0;
  let state: 'asking' | 'stopped' = 'asking';
  const asking = (async () => {
    while (state === 'asking') {
      const answer = await ask(site, '/health').catch((error: Error) => ({ status: 0, body: error.message }));
      answers += 1;
      if (answer.status !== 200)
        failures.push(`${new Date().toISOString()} ${answer.status} ${JSON.stringify(answer.body)}`);
      await sleep(PAUSE_MS);
    }
  })();
  return {
    stop: async () => {
      state = 'stopped';
      await asking;
      return { answers, failures };
    },
  };
}
