// Waits for a version by asking again. What time may heal (no server, no ledger, no grant yet) is waited for; a wrong URL
// or a refused login is told at once, for no time heals it. Called by wait.
import { setTimeout as after } from 'node:timers/promises';
import type { ExitCode } from '../api/exit-codes.ts';
import { orderOf } from '../api/versions.ts';
import { EngineError } from '../engine/errors.ts';
import type { Invocation } from './command.ts';
import { UsageError } from './failure.ts';
import { duration } from './terminal.ts';
import { terminalMessage } from './words.ts';

const POLL_MS = 1_000;
const DEFAULT_SECONDS = 300;

export async function waitForVersion(invocation: Invocation): Promise<ExitCode> {
  const { options, terminal, signal } = invocation;
  const wanted = options.text('for');
  if (wanted === undefined) throw new UsageError('Name the version to wait for: migrate wait --for 006_ledger_tables');
  const number = orderOf(wanted);
  if (number === undefined)
    throw new UsageError(
      `${JSON.stringify(wanted)} is no version: it must begin with its number, such as 006_ledger_tables.`,
    );
  const seconds = options.integer('timeout', 0) ?? DEFAULT_SECONDS;
  const database = await invocation.database();
  const began = Date.now();
  let said = '';
  for (;;) {
    const found = await lookOnce(() => database.currentVersion());
    if (found.version !== undefined && reaches(found.version, number)) {
      terminal.print(`The database is at ${found.version} (after ${duration(Date.now() - began)}).`);
      return 0;
    }
    if (found.state !== said) terminal.say(`waiting for ${wanted}: ${found.state}`);
    said = found.state;
    if (Date.now() - began >= seconds * 1_000) {
      terminal.say(
        `${terminal.noted('bad', 'error:')} ${wanted} was not reached within ${seconds} s. ${sentence(found.state)}`,
      );
      return 10;
    }
    await after(POLL_MS, undefined, { signal });
  }
}

/** A state as a sentence of its own; some are whole messages. */
function sentence(state: string): string {
  return `${state.charAt(0).toUpperCase()}${state.slice(1)}${state.endsWith('.') ? '' : '.'}`;
}

function reaches(version: string, wanted: bigint): boolean {
  return (orderOf(version) ?? -1n) >= wanted;
}

interface Look {
  readonly version: string | undefined;
  readonly state: string;
}

async function lookOnce(ask: () => Promise<string | null>): Promise<Look> {
  try {
    const version = await ask();
    return version === null
      ? { version: undefined, state: 'no migration has been applied yet' }
      : { version, state: `the database is at ${version}` };
  } catch (error) {
    const isPassing =
      error instanceof EngineError &&
      ([10, 11].includes(error.exitCode) || ['FenceHeld', 'RightMissing'].includes(error.code)) &&
      error.code !== 'CredentialsRefused';
    if (!isPassing) throw error;
    return { version: undefined, state: terminalMessage(error) };
  }
}
