// Adopts a database: finds the version among the files, says what will be noted, notes it. Where the ledger has versions
// already, further ones are noted only if the files make what is there. Called by baseline.
import type { ExitCode } from '../api/exit-codes.ts';
import { failure, gathered } from '../engine/errors.ts';
import { toolNamed } from '../engine/histories/history.ts';
import type { Source } from '../engine/source/files.ts';
import { longNames } from '../engine/source/long-names.ts';
import { nearNames } from '../engine/source/near-names.ts';
import { type Difference, describeDifference } from '../schema/difference.ts';
import type { Invocation } from './command.ts';
import type { Database, OtherHistory, Plan } from './database.ts';
import { UsageError } from './failure.ts';
import { differencesFromFiles } from './files-comparison.ts';
import { readFolder } from './source.ts';
import { counted } from './terminal.ts';

export async function baselineTo(invocation: Invocation): Promise<ExitCode> {
  const { terminal, output, options, settings } = invocation;
  const database = await invocation.database();
  const source = await readFolder(settings, database.dialect, 'ShortOrApplied');
  const known = source.migrations.map(migration => migration.version);
  const highest = known.at(-1) ?? '';
  const tool = toolNamed(options.text('from') ?? '');
  const history = tool === undefined ? undefined : await database.otherHistory(source, tool, invocation.arguments[0]);
  const asked = history?.version ?? invocation.arguments[0] ?? 'latest';
  const version = asked === 'latest' ? highest : asked;
  if (!known.includes(version))
    throw failure('UnknownTarget', { target: version, near: nearNames(version, known), highest });
  const { ledger } = await database.state();
  const long = longNames(source, ledger);
  if (long.length > 0) throw gathered(long);
  const isOnTop = ledger.applied.length > 0;
  if (isOnTop && history !== undefined) throw notEmpty(database, ledger.version, history);
  if (!isOnTop && (await database.adoptable()) === 'Nothing') throw nothingToAdopt(database, settings.urlVariable);
  const live = isOnTop ? await database.schema() : undefined;
  const versions = isOnTop
    ? (await planAbove(database, source, version)).versions
    : known.slice(0, known.indexOf(version) + 1);
  if (live !== undefined) {
    const { differences } = await differencesFromFiles(invocation, { database, live }, version);
    if (differences.length > 0) return tellUnproven(invocation, version, differences);
  }
  if (history !== undefined) terminal.say(`taking over the history of ${history.from} in ${history.table}`);
  const noted = options.has('dryRun') ? 'would be noted' : 'noted';
  terminal.say(
    `${counted(versions.length, 'version')} ${noted} as applied without being run: ${versions.length === 1 ? version : `${versions[0]} to ${version}`}`,
  );
  const onTopOf = live === undefined ? undefined : { ...live, version: live.version ?? '' };
  if (!options.has('dryRun')) {
    await database.baseline(source, version, { history, onTopOf }, { adopts: options.text('adopt') });
  }
  await terminal.data(output, { version, versions, dryRun: options.has('dryRun') }, () =>
    options.has('dryRun')
      ? versions.map(name => `  ${name}`)
      : [terminal.styled('good', `The database is at ${version}.`)],
  );
  return 0;
}

function nothingToAdopt({ place }: Database, urlVariable: string): UsageError {
  return new UsageError(
    `There is nothing in ${place} that migrations could have made, so nothing is noted as applied. To make it from the files: migrate upgrade; if another database is meant, correct ${urlVariable}.`,
  );
}

function notEmpty(database: Database, version: string | null, history: OtherHistory): UsageError {
  return new UsageError(
    `The ledger of ${database.place} is not empty: it is at ${version}. The history of ${history.from} is taken over into an empty one.`,
  );
}

/** What would be pending: everything that upgrade demands of the files holds here too. */
async function planAbove(database: Database, source: Source, version: string): Promise<Plan> {
  const plan = await database.plan(source, version);
  if (plan.direction === 'Up') return plan;
  throw new UsageError(
    `The ledger of ${database.place} is at ${plan.from} and has ${version}: there is nothing to note. A baseline only adds versions.`,
  );
}

/** Of a database that has been migrated, nobody's word is taken: the files must make what is there. */
async function tellUnproven(
  { terminal, output }: Invocation,
  version: string,
  differences: readonly Difference[],
): Promise<ExitCode> {
  await terminal.data(output, { version, noted: false, differences }, () =>
    differences.map(one => terminal.styled('bad', describeDifference(one))),
  );
  terminal.say(
    `Not noted: the database has not what the files up to ${version} make; above is what became of that. Correct the files, or migrate upgrade.`,
  );
  return 1;
}
