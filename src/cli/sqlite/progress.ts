// What a person sees of a migration of a SQLite file while it runs: a line for each version that is done. Called by database.ts.
import type { SqliteWork } from '../../engine/sqlite/migrate.ts';
import { duration, type Terminal } from '../terminal.ts';

/** `done` is told each version that we have run, in order. */
export function progressTo(terminal: Terminal, done: (version: string) => void): SqliteWork['progress'] {
  return ({ version, state, ms }) => {
    if (state === 'Begun') return;
    if (state === 'Done') done(version);
    terminal.say(
      state === 'Done' ? `  ${version}  ${duration(ms)}` : `  ${version}  was applied by another process meanwhile`,
    );
  };
}
