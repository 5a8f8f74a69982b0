// Which of a folder's files are meant for which database. A folder has one dialect; where SQLite needs other words, a
// sibling replaces a file there: 003_x.up.sqlite.sql instead of 003_x.up.sql. Pure. Called by files.ts.
import { type EngineError, failure } from '../errors.ts';

export type Dialect = 'PostgreSQL' | 'SQLite';

const SIBLING = '.sqlite.sql';
/** Flyway's settings of a script, which go with it. */
const SETTINGS = '.conf';

/** The files of a dialect, siblings under the names that they stand for; a sibling of nothing is a mistake. */
export function filesFor<F extends { readonly name: string; readonly directory: string }>(
  files: readonly F[],
  dialect: Dialect,
  errors: EngineError[],
): readonly F[] {
  const plain = files.filter(file => !isSibling(file.name));
  if (plain.length === files.length) return files;
  const names = new Set(plain.map(file => file.name));
  const siblings = files
    .filter(file => isSibling(file.name))
    .map(file => {
      const isSettings = file.name.endsWith(SETTINGS);
      const name = file.name.replace(SIBLING, '.sql');
      if (!isSettings && !names.has(name)) errors.push(failure('SiblingOfNothing', { file: file.name, plain: name }));
      return { ...file, name };
    });
  if (dialect === 'PostgreSQL') return plain;
  const replaced = new Set(siblings.map(file => file.name));
  return [...plain.filter(file => !replaced.has(file.name)), ...siblings];
}

function isSibling(name: string): boolean {
  return name.endsWith(SIBLING) || name.endsWith(SIBLING + SETTINGS);
}
