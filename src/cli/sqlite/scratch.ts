// A directory in the temporary one for a database of one command: empty, or a copy. It is locked while its process lives, so
// that what a killed one has left (a copy of data) is known for that, and removed by the next who makes one. Called by
// database.ts and difference.ts.
import { lstatSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Terminal } from '../terminal.ts';
import { type HeldDirectory, holdDirectory, standingOf } from './held-directory.ts';

const PREFIX = 'migrate-scratch-';

export function makeScratchDirectory(): HeldDirectory {
  for (;;) {
    const held = holdDirectory(mkdtempSync(join(tmpdir(), PREFIX)));
    // Somebody who looks for leftovers had it before it was locked.
    if (held !== undefined) return held;
  }
}

/** Removes what killed commands of this person's have left, and says so. */
export function removeLeftovers(terminal: Terminal): void {
  for (const name of readdirSync(tmpdir())) {
    const path = join(tmpdir(), name);
    const held = name.startsWith(PREFIX) && isOurs(path) ? holdDirectory(path) : undefined;
    if (held === undefined) continue;
    held.release();
    terminal.say(terminal.noted('dim', `removed ${path}, which a killed command had left`));
  }
}

/** Made by this person, and by a program that locks it. */
function isOurs(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.uid === process.getuid?.() && standingOf(path) === 'Held';
}
