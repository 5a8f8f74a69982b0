// `migrate check`
import type { Command, Invocation } from '../command.ts';
import type { Database, StoredSchema } from '../database.ts';
import { UsageError } from '../failure.ts';
import { DISPOSABLE_SERVER, REACH } from '../shared-options.ts';

export const check: Command = {
  name: 'check',
  summary: 'Look for drift: what the schema of the database has become beside what the migrations made it',
  about: [
    'Compares the live schema, object by object, with the snapshot that the last migration left in the ledger; with --from-files, with what the files up to the current version produce in an empty scratch database, which is removed afterwards. Exit code 1 with drift.',
    REACH,
    'Without a ledger, before a baseline, --from-files compares with all files. The table in which another tool keeps its history is then no drift, nor after `migrate baseline --from`: it is named in a note.',
    'It does not look at rows, at roles, at the database itself (its owner, rights on it, ALTER DATABASE … SET) and into extensions beyond their version and the rights on their objects; docs/developing.md has the whole list.',
  ],
  options: [
    { flags: '--from-files', about: 'compare with what the files produce, not with the stored snapshot' },
    {
      flags: '--to <version>',
      about:
        'with --from-files: the files up to this version (default: that of the database, without a ledger all; latest: all)',
    },
    DISPOSABLE_SERVER,
  ],
  examples: [
    { line: 'migrate check', about: 'has anybody changed the schema by hand?' },
    { line: 'migrate check --from-files', about: 'do the files say what the database has?' },
    { line: 'migrate check --from-files --to latest', about: 'and with those that are not applied?' },
  ],
  takes: ['Data', 'Files', 'Database'],
  async run(invocation) {
    const { describeDifference } = await import('../../schema/difference.ts');
    const { comparedVersion, differencesFromFiles } = await import('../files-comparison.ts');
    const { terminal, output, options } = invocation;
    const to = options.text('to');
    if (to !== undefined && !options.has('fromFiles')) {
      throw new UsageError(`--to ${to} says up to which version the files are compared: it goes with --from-files.`);
    }
    if (options.has('disposableServer') && !options.has('fromFiles')) {
      throw new UsageError('--disposable-server says how the files are run: it goes with --from-files.');
    }
    const database = await invocation.database();
    const live = await database.schema();
    const { wanted, differences } = options.has('fromFiles')
      ? await differencesFromFiles(
          invocation,
          { database, live },
          to ?? (await comparedVersion(invocation, database, live)),
        )
      : await differencesFromStored(database, live);
    await terminal.data(output, { version: live.version, comparedWith: wanted.version, differences }, () =>
      differences.length === 0
        ? [
            terminal.styled(
              'good',
              `No drift: the schema is that of ${wanted.version ?? 'an empty database'} (${live.entries.length} objects).`,
            ),
          ]
        : differences.map(one => terminal.styled('bad', describeDifference(one))),
    );
    if (differences.length === 0) return 0;
    await sayHalfDone(invocation, database);
    return 1;
  },
};

/** What a half has made so far is among the differences, and nobody's doing by hand. */
async function sayHalfDone({ terminal }: Invocation, database: Database): Promise<void> {
  const { halfDoneNotes } = await import('../standing.ts');
  const { ledger, applied } = await database.state();
  const halfDone = [...new Set(ledger.progress.map(row => row.version))];
  for (const line of halfDoneNotes({ halfDone, applied })) {
    terminal.say(terminal.noted('warn', `note: ${line}; what it has done so far is told as drift`));
  }
}

async function differencesFromStored(database: Database, live: StoredSchema) {
  const { storedSchemaOf } = await import('../stored-schema.ts');
  const wanted = await storedSchemaOf(database, live, 'Check');
  return { wanted, differences: await database.compare(wanted, live) };
}
