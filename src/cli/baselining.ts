// Adopts a database: finds the version among the files, says what will be noted, notes it. Called by baseline.
import type { ExitCode } from '../api/exit-codes.ts';
import { failure } from '../engine/errors.ts';
import { toolNamed } from '../engine/histories/history.ts';
import { nearNames } from '../engine/near-names.ts';
import type { Invocation } from './command.ts';
import { UsageError } from './failure.ts';
import { readFolder } from './source.ts';
import { counted } from './terminal.ts';

export async function baselineTo(invocation: Invocation): Promise<ExitCode> {
  const { terminal, output, options, settings } = invocation;
  const database = await invocation.database();
  const source = await readFolder(settings, database.dialect);
  const known = source.migrations.map(migration => migration.version);
  const highest = known.at(-1) ?? '';
  const tool = toolNamed(options.text('from') ?? '');
  const history = tool === undefined ? undefined : await database.otherHistory(source, tool, invocation.arguments[0]);
  const asked = history?.version ?? invocation.arguments[0] ?? 'latest';
  const version = asked === 'latest' ? highest : asked;
  if (!known.includes(version))
    throw failure('UnknownTarget', { target: version, near: nearNames(version, known), highest });
  const { ledger } = await database.state();
  if (ledger.applied.length > 0) {
    throw new UsageError(
      `The ledger of ${database.place} is not empty: it is at ${ledger.version}. A baseline is for a database without one.`,
    );
  }
  if (history !== undefined) terminal.say(`taking over the history of ${history.from} in ${history.table}`);
  const versions = known.slice(0, known.indexOf(version) + 1);
  terminal.say(
    `${counted(versions.length, 'version')} noted as applied without being run: ${versions[0]} to ${version}`,
  );
  if (!options.has('dryRun')) await database.baseline(source, version, history, { adopts: options.text('adopt') });
  await terminal.data(output, { version, versions, dryRun: options.has('dryRun') }, () =>
    options.has('dryRun')
      ? versions.map(name => `  ${name}`)
      : [terminal.styled('good', `The database is at ${version}.`)],
  );
  return 0;
}
