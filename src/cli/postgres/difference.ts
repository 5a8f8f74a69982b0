// What `create --from-diff` writes for PostgreSQL: from the ledger's snapshot and the live schema, read in one session. The
// texts of live views are the server's own. Changes nothing.
import type { LockLimits } from '../../engine/bounded-reads.ts';
import { readPrintedViews } from '../../schema/printed-views.ts';
import { raised } from '../../schema/revisions.ts';
import { statementsBetween } from '../../schema/statements/write.ts';
import type { StoredSchema, WrittenDifference } from '../database.ts';
import type { Sessions } from './sessions.ts';

export function postgresDifference(
  sessions: Sessions,
  before: StoredSchema,
  ledgerSchema: string,
  limits: LockLimits,
): Promise<Pick<WrittenDifference, 'up' | 'down' | 'notes'>> {
  return sessions.reading(async reading => {
    const { connection, server } = reading;
    const entries = await sessions.snapshot(reading, limits);
    const printed = await readPrintedViews(connection, ledgerSchema);
    const serverMajor = Math.floor(server.versionNumber / 10_000);
    const major = Math.floor(before.serverVersionNumber / 10_000);
    const old = raised(before, entries);
    const writing = { role: server.role, serverMajor };
    return {
      up: statementsBetween(old, entries, { ...writing, printed }),
      down: statementsBetween(entries, old, { ...writing, printed: new Map() }),
      notes:
        major === serverMajor
          ? []
          : [
              `the snapshot is of PostgreSQL ${major}, the server is ${serverMajor}: some differences may only be another way to print`,
            ],
    };
  });
}
