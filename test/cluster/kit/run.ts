// Runs one command to its end and gives its output; a failure quotes the command and
// the end of what it said. For things that stay, see processes.ts.

import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export interface RunOptions {
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly signal?: AbortSignal | undefined;
}

const shownCharacters = 2_000;

export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: environment(options.env),
    signal: options.signal,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code === 0 ? '' : `exit ${code ?? signal}`));
  });
  child.stdin.on('error', () => undefined); // a command that does not read its input is no failure
  child.stdin.end(options.input ?? '');
  const [stdout, stderr, failure] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (failure === '') return stdout;
  const said = `${stdout}\n${stderr}`.trim().slice(-shownCharacters);
  throw new Error(`${command} ${args.join(' ')}: ${failure}\n${said}`);
}

/** This process's environment with the system folders on PATH, which an ordinary user's lacks. */
export function environment(added: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, ...added };
}
