// Who runs this process, as the operating system knows that. A container may run as a number that nobody has named: that is no
// mistake, and the number stands for the name. Called by whoever writes it down (the ledger, the owner of an attempt) or tells it.
import { userInfo } from 'node:os';

/** Undefined where the number has none. */
export function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

/** For what is stored: the name, else the number alone. */
export function userLabel(): string {
  return userName() ?? String(process.getuid?.());
}

/** For messages. */
export function thisUser(): string {
  return userName() ?? `user ${process.getuid?.()}`;
}
