// Opens the database that the settings name, by the scheme of its URL. What the other kind needs is not even imported.
import { isAbsolute, resolve } from 'node:path';
import type { Dialect } from '../engine/sql/dialect.ts';
import type { Database, Surroundings } from './database.ts';
import { UsageError } from './failure.ts';
import type { Settings } from './settings.ts';

const HELP = 'Set it to sqlite:///./dev.db or postgresql://user@host:5432/database.';

/** Opens the database of the settings. Throws UsageError where no URL is set or it is of another kind. */
export async function openDatabase(settings: Settings, surroundings: Surroundings): Promise<Database> {
  const { url, urlVariable } = settings;
  if (url === undefined) {
    const section = settings.environmentName === undefined ? '' : ` (environment ${settings.environmentName})`;
    throw new UsageError(`The database is not known: ${urlVariable} is not set${section}. ${HELP}`);
  }
  switch (dialectOf(url)) {
    case 'PostgreSQL':
      return (await import('./postgres/database.ts')).openPostgresDatabase(settings, surroundings);
    case 'SQLite':
      return (await import('./sqlite/database.ts')).openSqliteDatabase(
        sqlitePath(url, settings),
        settings,
        surroundings,
      );
    case undefined: {
      const scheme = /^[a-z][a-z0-9+.-]*(?=:)/i.exec(url)?.[0];
      const what =
        scheme === undefined ? 'is not a URL' : `begins with ${JSON.stringify(`${scheme}:`)}, which is not supported`;
      throw new UsageError(`${urlVariable} ${what}. ${HELP}`);
    }
  }
}

/** Which kind of database a URL names, by its scheme; undefined: neither. */
export function dialectOf(url: string): Dialect | undefined {
  if (/^postgres(ql)?:\/\//i.test(url)) return 'PostgreSQL';
  return /^sqlite3?:/i.test(url) ? 'SQLite' : undefined;
}

/** `sqlite:///./dev.db` and `sqlite:///dev.db` are relative to the person's directory, `sqlite:////var/dev.db` is not. */
function sqlitePath(url: string, settings: Settings): string {
  const path = /^sqlite3?:\/\/\/([^?#]+)$/i.exec(url)?.[1];
  if (path === undefined || path === ':memory:') {
    const what = url.includes(':memory:')
      ? 'a database in memory would be gone with the command'
      : 'it needs three slashes and a path, without parameters';
    throw new UsageError(`${settings.urlVariable} names no SQLite file: ${what}. ${HELP}`);
  }
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    throw new UsageError(`${settings.urlVariable}: a "%" is not followed by two hexadecimal digits; write it as %25.`);
  }
  return isAbsolute(decoded) ? decoded : resolve(settings.directory, decoded);
}
