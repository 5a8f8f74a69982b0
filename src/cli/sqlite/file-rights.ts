// Who may read the files with rows that a backup and a restore make: nobody who could not read the file whose rows they are, or
// whose place they take. Each is made empty, for its maker alone, before it has rows, and gets the rights of that file before it
// gets a name in a directory that others may read. Called by backup.ts, restored-copy.ts, restore.ts and kept.ts.
import { chmodSync, chownSync, closeSync, openSync, statSync } from 'node:fs';

const PRIVATE = 0o600;
/** What SQLite gives a file that it makes. */
const ORDINARY = 0o644;

/** An empty file is an empty database. Throws EEXIST where something is there. */
export function makeEmpty(path: string, mode: number = PRIVATE): void {
  closeSync(openSync(path, 'wx', mode));
}

/** As a manifest has it, such as `0600`. */
export function writtenMode(path: string): string {
  return written(statSync(path).mode);
}

function written(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0');
}

/**
 * The mode of a file that is made anew, less the umask: never one that its maker could not open, and private where what a
 * manifest has is no mode.
 */
export function modeFrom(fileMode: string | undefined): number {
  if (fileMode === undefined) return ORDINARY;
  return PRIVATE | (/^0[0-7]{3}$/.test(fileMode) ? Number.parseInt(fileMode, 8) & 0o666 : 0);
}

/** As chown and chmod take them. */
export interface FileRights {
  readonly owner: string;
  readonly mode: string;
}

/**
 * Gives a copy the mode of a file, its group and its owner, as far as this user can give them: the owner only as root. Where it
 * cannot be of that group, another one gets the rights of all others at most. Answers what it should have given, where it could not.
 */
export function takeRights(from: string, to: string): FileRights | undefined {
  const [wanted, found] = [statSync(from), statSync(to)];
  const hasGroup = wanted.gid === found.gid || isGiven(to, found.uid, wanted.gid);
  const mode = wanted.mode & 0o777;
  const given = hasGroup ? mode : (mode & 0o707) | ((mode & 0o007) << 3);
  if (given !== (found.mode & 0o777)) chmodSync(to, given);
  const hasOwner = wanted.uid === found.uid || isGiven(to, wanted.uid, hasGroup ? wanted.gid : found.gid);
  return hasOwner && hasGroup ? undefined : { owner: `${wanted.uid}:${wanted.gid}`, mode: written(mode) };
}

/** https://man7.org/linux/man-pages/man2/chown.2.html; EINVAL: a number that a container has no place for. */
const REFUSED: readonly string[] = ['EPERM', 'EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'];

function isGiven(path: string, owner: number, group: number): boolean {
  try {
    chownSync(path, owner, group);
    return true;
  } catch (error) {
    if (!REFUSED.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return false;
  }
}
