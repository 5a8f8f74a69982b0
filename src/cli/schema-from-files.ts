// The schema that the files produce up to a version, in a scratch database of the same kind that is removed afterwards.
// Called by check, and by baseline before it notes what is not proven otherwise.
import type { Invocation } from './command.ts';
import type { Database, StoredSchema } from './database.ts';
import { readFolder } from './source.ts';

/** `version`: a version, `latest`, or null for the empty database. Throws EngineError where a file fails. */
export async function schemaFromFiles(
  { settings, terminal }: Invocation,
  database: Database,
  version: string | null,
): Promise<StoredSchema> {
  const source = await readFolder(settings, database.dialect);
  const scratch = await database.scratch('Empty');
  try {
    terminal.say(
      terminal.noted('dim', `building ${version ?? 'an empty schema'} from the files in a scratch database`),
    );
    if (version !== null) {
      const plan = await scratch.database.plan(source, version);
      await scratch.database.migrate(source, plan, { adopts: undefined });
    }
    return await scratch.database.schema();
  } finally {
    await scratch.remove();
  }
}
