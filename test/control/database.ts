// The database of one run: made empty, asked at the end, dropped. Without psql, which would hold up every other run in this
// process for as long as it takes.
import { openConnection } from '../../src/database/postgres.ts';
import { parseConnectionUrl } from '../../src/database/url.ts';
import type { Row } from '../../src/engine/connection.ts';
import type { TestPostgres } from '../postgres.ts';

export interface Database {
  /** As the role that owns it. */
  readonly url: string;
  /** As the superuser. */
  query(sql: string): Promise<readonly Row[]>;
  drop(): Promise<void>;
}

export async function createDatabase(postgres: TestPostgres, name: string): Promise<Database> {
  await ask(postgres, 'postgres', `CREATE DATABASE "${name}" OWNER owner`);
  return {
    url: postgres.url('owner', name),
    query: sql => ask(postgres, name, sql),
    async drop() {
      await ask(postgres, 'postgres', `DROP DATABASE "${name}" WITH (FORCE)`);
    },
  };
}

async function ask(postgres: TestPostgres, database: string, sql: string): Promise<readonly Row[]> {
  const settings = parseConnectionUrl(postgres.url('postgres', database));
  const connection = await openConnection(settings, { applicationName: 'a-test' });
  try {
    return await connection.query(sql);
  } finally {
    await connection.close();
  }
}
