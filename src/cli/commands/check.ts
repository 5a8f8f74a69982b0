// `migrate check`
import type { Command, Invocation } from '../command.ts';
import type { Database, StoredSchema } from '../database.ts';

export const check: Command = {
  name: 'check',
  summary: 'Look for drift: what the schema of the database has become beside what the migrations made it',
  about: [
    'Compares the live schema, object by object, with the snapshot that the last migration left in the ledger; with --from-files, with what the files up to the current version produce in an empty scratch database, which is removed afterwards. Exit code 1 with drift.',
  ],
  options: [{ flags: '--from-files', about: 'compare with what the files produce, not with the stored snapshot' }],
  examples: [
    { line: 'migrate check', about: 'has anybody changed the schema by hand?' },
    { line: 'migrate check --from-files', about: 'do the files say what the database has?' },
  ],
  takes: ['Data', 'Files', 'Database'],
  async run(invocation) {
    const { describeDifference } = await import('../../schema/difference.ts');
    const { terminal, output, options } = invocation;
    const database = await invocation.database();
    const live = await database.schema();
    const wanted = options.has('fromFiles')
      ? await fromFiles(invocation, database, live)
      : await stored(database, live);
    const differences = await database.compare(wanted, live);
    await terminal.data(output, { version: live.version, comparedWith: wanted.version, differences }, () =>
      differences.length === 0
        ? [
            terminal.styled(
              'good',
              `No drift: the schema is that of ${live.version ?? 'an empty database'} (${live.entries.length} objects).`,
            ),
          ]
        : differences.map(one => terminal.styled('bad', describeDifference(one))),
    );
    return differences.length === 0 ? 0 : 1;
  },
};

async function stored(database: Database, live: StoredSchema): Promise<StoredSchema> {
  const { UsageError } = await import('../failure.ts');
  const found = await database.storedSchema();
  if (found !== undefined && found.version !== live.version) {
    throw new UsageError(
      `The stored snapshot is that of ${found.version ?? 'an empty database'}, but the database is at ${live.version ?? 'empty'}: the last run was cut short. Compare with the files: migrate check --from-files`,
    );
  }
  if (found !== undefined) return found;
  throw new UsageError(
    'The ledger has no snapshot of the schema yet: nothing was migrated here. Compare with the files: migrate check --from-files',
  );
}

/** The files up to the live version, in a scratch database of the same kind. */
async function fromFiles(
  { settings, terminal }: Invocation,
  database: Database,
  live: StoredSchema,
): Promise<StoredSchema> {
  const { readFolder } = await import('../source.ts');
  const source = await readFolder(settings, database.dialect);
  const scratch = await database.scratch('Empty');
  try {
    terminal.say(
      terminal.noted('dim', `building ${live.version ?? 'an empty schema'} from the files in a scratch database`),
    );
    if (live.version !== null) {
      const plan = await scratch.database.plan(source, live.version);
      await scratch.database.migrate(source, plan, { adopts: undefined });
    }
    return await scratch.database.schema();
  } finally {
    await scratch.remove();
  }
}
