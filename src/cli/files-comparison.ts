// What the live schema is other than the files make it, and up to which version they are meant. Changes nothing. Called by
// check, and by baseline before it notes what is not proven otherwise.
import type { Difference } from '../schema/difference.ts';
import type { Invocation } from './command.ts';
import type { Database, StoredSchema } from './database.ts';
import { schemaFromFiles } from './schema-from-files.ts';

/**
 * The version that the live schema is to be compared with where nobody names one: its own; of a database without a ledger,
 * all that the files have, for that is what a baseline would note. An empty one too: it may be another than was meant.
 */
export async function comparedVersion(
  { terminal }: Invocation,
  database: Database,
  live: StoredSchema,
): Promise<string | null> {
  if (live.version !== null) return live.version;
  // A database that was taken back to the beginning has the snapshot of that.
  if ((await database.storedSchema()) !== undefined) return null;
  // Refuses one whose ledger is in another schema than the settings say.
  await database.adoptable();
  const note =
    'note: there is no ledger, so this compares with all files; --to names the version that the database has';
  terminal.say(terminal.noted('dim', note));
  return 'latest';
}

/**
 * What became of the schema that the files up to a version make, to be the live one. `version`: a version, `latest`, or null
 * for the empty database. Throws EngineError where a file fails.
 */
export async function differencesFromFiles(
  invocation: Invocation,
  { database, live }: { readonly database: Database; readonly live: StoredSchema },
  version: string | null,
): Promise<{ readonly wanted: StoredSchema; readonly differences: readonly Difference[] }> {
  const wanted = await schemaFromFiles(invocation, { database, live }, version);
  const found = await database.compare(wanted, live);
  const added = new Set(found.flatMap(one => (one.change === 'Added' && one.kind === 'table' ? [one.name] : [])));
  const histories = (await takenOver(database)).filter(({ table }) => added.has(table));
  for (const { table, tool } of histories) {
    const { terminal } = invocation;
    terminal.say(
      terminal.noted('dim', `note: ${table} is left out: it is the history of ${tool}, and no file makes it`),
    );
  }
  const leftOut = new Set(histories.map(({ table }) => table));
  return { wanted, differences: found.filter(one => !(one.change === 'Added' && leftOut.has(one.name))) };
}

/** The other tools' own tables, in a database whose ledger has taken a history over or may still do so. */
async function takenOver(database: Database) {
  const { applied } = await database.state();
  const isOurs = applied.length > 0 && !applied.some(row => row.origin === 'imported');
  return isOurs ? [] : database.historyTables();
}
