// What ends a command badly, as a person reads it: one message, an exit code of the table, no stack trace for anybody's
// mistake, no password. What nobody foresaw is a mistake of ours and says so. Called by program.ts.
import type { ExitCode } from '../api/exit-codes.ts';
import { withoutSecrets } from '../api/secrets.ts';

/** A mistake in how the command was called or set up: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** As the runner does: a code that the table does not know. */
const CRASH = 70;

export interface Ending {
  readonly exitCode: ExitCode | typeof CRASH;
  readonly message: string;
}

/** The ending for anything thrown. `secrets` are texts that must not be shown. */
export async function endingOf(error: unknown, secrets: readonly string[], signal: AbortSignal): Promise<Ending> {
  if (error instanceof UsageError) return { exitCode: 2, message: withoutSecrets(error.message, secrets) };
  if (signal.aborted && error instanceof Error && error.name === 'AbortError') {
    return { exitCode: 12, message: 'Interrupted.' };
  }
  const [{ catalogued }, { terminalMessage }] = await Promise.all([
    import('../engine/unforeseen.ts'),
    import('./words.ts'),
  ]);
  const known = catalogued(error, signal);
  if (known !== undefined) {
    return { exitCode: known.exitCode, message: withoutSecrets(terminalMessage(known), secrets) };
  }
  const file = fileMistake(error);
  if (file !== undefined) return { exitCode: 2, message: withoutSecrets(file, secrets) };
  const text = await storyOf(error);
  return { exitCode: CRASH, message: withoutSecrets(`This is a mistake of ours; please report it: ${text}`, secrets) };
}

/** With the stack, which begins with the message. */
async function storyOf(error: unknown): Promise<string> {
  if (!(error instanceof Error)) return String(error);
  const story = error.stack ?? error.message;
  const [{ QueryError }, { unforeseenMessage }] = await Promise.all([
    import('../engine/connection.ts'),
    import('../engine/server-message.ts'),
  ]);
  return error instanceof QueryError ? story.replace(error.message, () => unforeseenMessage(error)) : story;
}

const FILE_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  EACCES: 'cannot be opened or made: permission denied',
  EPERM: 'cannot be changed: not permitted',
  EEXIST: 'exists already',
  ENAMETOOLONG: 'has too long a name, or would get one',
  EISDIR: 'is a directory',
  ENOTDIR: 'is not a directory',
  EROFS: 'cannot be written: the file system is read-only',
  ENOSPC: 'cannot be written: the disk is full',
};

function fileMistake(error: unknown): string | undefined {
  const { code, path } = error as NodeJS.ErrnoException;
  const reason = code === undefined ? undefined : FILE_REASONS[code];
  return reason === undefined || path === undefined ? undefined : `${path} ${reason}.`;
}
