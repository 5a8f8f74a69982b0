// Which schema a release of the application needs, and the question that it asks before it starts.
// The application's role cannot read the ledger of migrations; it may call one function, which answers the version.
import type { Pool } from 'pg';

/** Releases of the application, each with the version of the schema that its code was written for. */
const NEEDS = { '005': '005_auth_tables', '006': '006_ledger_tables' } as const;
export type Release = keyof typeof NEEDS;

export function releaseOf(text: string | undefined): Release {
  if (text === '005' || text === '006') return text;
  throw new Error(`VERSION must be one of ${Object.keys(NEEDS).join(', ')}, not "${text ?? ''}"`);
}

/** Answers the schema's version, or throws when it is older than what the release needs. */
export async function requireSchema(database: Pool, release: Release): Promise<string> {
  const needed = NEEDS[release];
  const { rows } = await database.query<{ version: string | null }>('SELECT migrate.current_version() AS version');
  const version = rows[0]?.version ?? null;
  if (version === null || numberOf(version) < numberOf(needed)) {
    throw new Error(`release ${release} needs the schema at ${needed}, but it is at ${version ?? 'no version'}`);
  }
  return version;
}

/** Versions begin with their number: `006_ledger_tables` is 6. */
function numberOf(version: string): bigint {
  return BigInt(/^\d+/.exec(version)?.[0] ?? '0');
}
