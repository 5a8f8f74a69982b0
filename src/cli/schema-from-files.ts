// The schema that the files produce up to a version, in a scratch database of the same kind that is removed afterwards.
// Called by files-comparison.ts.
import type { SnapshotEntry } from '../schema/snapshot.ts';
import type { Invocation } from './command.ts';
import type { Database, StoredSchema } from './database.ts';
import { UsageError } from './failure.ts';
import { LeftOutStatements } from './left-out.ts';
import { readFolder } from './source.ts';

const isOfSubscription = ({ kind, name }: SnapshotEntry) =>
  kind === 'subscription' || (kind === 'comment' && name.startsWith('on subscription '));

/**
 * `version`: a version, `latest`, or null for the empty database. Subscriptions are taken over from the live schema: none is
 * made in a scratch database, which would receive what is meant for another. Throws EngineError where a file fails, and
 * UsageError where that of the database's own version is gone.
 */
export async function schemaFromFiles(
  { settings, terminal, options }: Invocation,
  { database, live }: { readonly database: Database; readonly live: StoredSchema },
  version: string | null,
): Promise<StoredSchema> {
  const source = await readFolder(settings, database.dialect, 'Any');
  if (version !== null && version === live.version && !source.migrations.some(one => one.version === version)) {
    throw new UsageError(
      `The database is at ${version}, and its file is gone, so the files cannot make what the database has. Put the file back, or say how far to compare: --to <version>.`,
    );
  }
  const scratch = await database.scratch('Empty', options.has('disposableServer') ? 'Disposable' : 'Shared');
  try {
    terminal.say(
      terminal.noted('dim', `building ${version ?? 'an empty schema'} from the files in a scratch database`),
    );
    if (version !== null) {
      const plan = await scratch.database.plan(source, version);
      const leftOut = new LeftOutStatements(terminal);
      leftOut.tell(plan);
      await leftOut.running(() => scratch.database.migrate(source, plan, { adopts: undefined }));
    }
    const made = await scratch.database.schema();
    const own = made.entries.filter(entry => !isOfSubscription(entry));
    return { ...made, entries: [...own, ...live.entries.filter(isOfSubscription)] };
  } finally {
    await scratch.remove();
  }
}
