// The command line `migrate`, also `kubectl-migrate`: reads the process's arguments, runs one command, answers its exit
// code. The only file of the command line that looks at the process. A user's mistake never shows a stack trace, and no
// password reaches the screen. What a command needs is imported by the command, so that `--help` loads nothing else.
import { runProgram } from './program.ts';
import { Terminal } from './terminal.ts';

/** SIGHUP is a terminal that was closed, or a connection to it that broke. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const stop = new AbortController();
const interrupt = (): void => {
  // A second interrupt must end what does not listen.
  process.once('SIGINT', () => process.exit(130));
  stop.abort();
};
for (const signal of SIGNALS) process.once(signal, interrupt);
const letSignalsEnd = (): void => {
  for (const signal of SIGNALS) process.removeAllListeners(signal);
};

// `migrate upgrade 2>&1 | head` closes the pipe early: what was begun is finished all the same, and said to nobody. A full
// disk behind `>` is a failure.
let isOutputLost = false;
process.stdout.on('error', error => {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EPIPE') return;
  isOutputLost = true;
  process.stderr.write(`error: The output cannot be written: ${code === 'ENOSPC' ? 'the disk is full' : code}.\n`);
});
process.stderr.on('error', () => {});

const exitCode = await runProgram(process.argv.slice(2), {
  environment: process.env,
  directory: process.cwd(),
  terminal: new Terminal(process.stdout, process.stderr, process.stdin, process.env),
  signal: stop.signal,
  letSignalsEnd,
});
letSignalsEnd();
process.exitCode = exitCode;
// What was written last may fail after this.
process.once('exit', () => {
  if (isOutputLost && exitCode === 0) process.exitCode = 2;
});
// A terminal that was asked something stays open otherwise.
process.stdin.destroy();
