// Child processes of a backup: pg_dump and pg_restore. Passwords reach them by environment only. Their environment is
// made from nothing, so that no setting of ours leaks into them. The type is what the rest of src/backup is given.
import { spawn } from 'node:child_process';

export interface ChildOptions {
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
  /** Takes the child's standard output as it comes; without it the output is dropped. */
  readonly output?: (chunk: Buffer) => void;
}

export interface ChildEnd {
  /** Exit code, or null after a signal. */
  readonly code: number | null;
  /** The end of what it wrote on standard error. */
  readonly complaint: string;
}

export type RunChild = (program: string, args: readonly string[], options: ChildOptions) => Promise<ChildEnd>;

const COMPLAINT_CHARACTERS = 4_000;
const KILL_AFTER_MS = 5_000;

/** Runs a program to its end; the signal ends it with SIGTERM, and SIGKILL five seconds later. */
export const runChild: RunChild = (program, args, options) =>
  new Promise(resolve => {
    const child = spawn(program, args, {
      stdio: ['ignore', options.output === undefined ? 'ignore' : 'pipe', 'pipe'],
      env: { PATH: process.env.PATH ?? '', LC_ALL: 'C', ...options.environment },
    });
    let complaint = '';
    let killer: NodeJS.Timeout | undefined;
    const end = () => {
      child.kill('SIGTERM');
      killer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
    };
    const finish = (code: number | null, text: string) => {
      clearTimeout(killer);
      options.signal?.removeEventListener('abort', end);
      resolve({ code, complaint: text });
    };
    if (options.signal?.aborted) end();
    options.signal?.addEventListener('abort', end);
    child.stdout?.on('data', (chunk: Buffer) => options.output?.(chunk));
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString('utf8')).slice(-COMPLAINT_CHARACTERS);
    });
    child.once('error', error => finish(null, `${program} cannot be started: ${error.message}`));
    child.once('close', code => finish(code, complaint));
  });

/** The major version of a PostgreSQL program, undefined when it cannot be asked. */
export async function majorOf(program: string, run: RunChild): Promise<string | undefined> {
  let text = '';
  const output = (chunk: Buffer) => {
    text += chunk.toString('utf8');
  };
  const { code } = await run(program, ['--version'], { environment: {}, signal: undefined, output });
  return code === 0 ? /\) (\d+)/.exec(text)?.[1] : undefined;
}
