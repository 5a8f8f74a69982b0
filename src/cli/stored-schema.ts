// The schema that the last migration left, as the ledger keeps it, or why it cannot be had and what to do then. Called by
// check and create.
import type { Database, StoredSchema } from './database.ts';
import { UsageError } from './failure.ts';

const FROM_FILES = 'Compare with the files: migrate check --from-files';
/** Every run that migrates or adopts stores one. */
const BY_A_RUN =
  'The next upgrade stores one; so does migrate baseline <version>, for a database whose ledger is empty. Until then: migrate check --from-files tells what is other than the files make it.';

/** Throws UsageError where there is none, or it is that of another version than the ledger's. */
export async function storedSchemaOf(
  database: Database,
  live: StoredSchema,
  purpose: 'Check' | 'Write',
): Promise<StoredSchema> {
  const remedy = purpose === 'Check' ? FROM_FILES : BY_A_RUN;
  const found = await database.storedSchema();
  if (found !== undefined && found.version !== live.version) {
    throw new UsageError(
      `The stored snapshot is that of ${found.version ?? 'an empty database'}, but the database is at ${live.version ?? 'empty'}: the last run was cut short. ${remedy}`,
    );
  }
  if (found !== undefined) return found;
  const why = live.version === null ? 'nothing was migrated here' : `none was stored with ${live.version}`;
  throw new UsageError(`The ledger has no snapshot of the schema: ${why}. ${remedy}`);
}
