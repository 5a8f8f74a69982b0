// The command line `migrate`, also `kubectl-migrate`: reads the process's arguments, runs one command, answers its exit
// code. The only file of the command line that looks at the process. A user's mistake never shows a stack trace, and no
// password reaches the screen. What a command needs is imported by the command, so that `--help` loads nothing else.
import { runProgram } from './program.ts';
import { Terminal } from './terminal.ts';

const stop = new AbortController();
const interrupt = (): void => {
  // A second interrupt must end what does not listen.
  process.once('SIGINT', () => process.exit(130));
  stop.abort();
};
process.once('SIGINT', interrupt);
process.once('SIGTERM', interrupt);
const letSignalsEnd = (): void => {
  process.removeAllListeners('SIGINT');
  process.removeAllListeners('SIGTERM');
};
// `migrate history | head` closes the pipe early: that is no failure. A full disk behind `>` is one.
process.stdout.on('error', error => {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EPIPE') process.exit(0);
  process.stderr.write(`error: The output cannot be written: ${code === 'ENOSPC' ? 'the disk is full' : code}.\n`);
  process.exit(2);
});

process.exitCode = await runProgram(process.argv.slice(2), {
  environment: process.env,
  directory: process.cwd(),
  terminal: new Terminal(process.stdout, process.stderr, process.stdin, process.env),
  signal: stop.signal,
  letSignalsEnd,
});
letSignalsEnd();
// A terminal that was asked something stays open otherwise.
process.stdin.destroy();
