// What belongs to a SQLite file (-journal, -wal, -shm) stands beside the file itself, never beside a link that leads there.
// Looks, writes nothing. Called by whoever looks for one of these, or for the right to make one.
import { realpathSync } from 'node:fs';

/** The path as it was given where nothing is there. */
export function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
