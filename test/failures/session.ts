// Somebody else's session in a scenario's database, which holds what it was told to hold until it lets go.
import { openConnection } from '../../src/database/postgres.ts';
import { parseConnectionUrl } from '../../src/database/url.ts';
import type { Scene } from './scene.ts';

export interface Session {
  letGo(): Promise<void>;
}

/** As the owner, whose sessions are not the app's and whose query the migration may see, under an application name of its own: one transaction with `sql` in it, left open. */
export async function holdOpen(scene: Scene, applicationName: string, sql: string): Promise<Session> {
  const settings = parseConnectionUrl(scene.world.postgres.url('owner', scene.name));
  const connection = await openConnection(settings, { applicationName });
  await connection.query('BEGIN');
  await connection.query(sql);
  let isOpen = true;
  const letGo = async (): Promise<void> => {
    if (isOpen) await connection.close();
    isOpen = false;
  };
  scene.afterwards(letGo);
  return { letGo };
}
