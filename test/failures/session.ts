// Somebody else's session in a database, which holds what it was told to hold until it lets go.
import { openConnection } from '../../src/database/postgres.ts';
import { parseConnectionUrl } from '../../src/database/url.ts';

export interface Session {
  /** A repeat does nothing. */
  letGo(): Promise<void>;
}

/** One transaction with `sql` in it, left open under an application name of its own. */
export async function holdOpen(url: string, applicationName: string, sql: string): Promise<Session> {
  const connection = await openConnection(parseConnectionUrl(url), { applicationName });
  await connection.query('BEGIN');
  await connection.query(sql);
  let isOpen = true;
  return {
    async letGo() {
      if (isOpen) await connection.close();
      isOpen = false;
    },
  };
}
