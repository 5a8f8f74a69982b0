// Options that several commands take, and all options of a command. Data only; read by the parser, the docs and completion.
import type { Command, OptionDefinition } from './command.ts';

const OUTPUTS = ['json', 'yaml'] as const;

const SHARED_OPTIONS: Readonly<Record<Command['takes'][number], readonly OptionDefinition[]>> = {
  Data: [{ flags: '-o, --output <format>', about: 'print data as json or yaml', choices: OUTPUTS }],
  Files: [{ flags: '-d, --dir <folder>', about: 'folder of the migrations (default: migrations)' }],
  Database: [
    { flags: '-e, --env <name>', about: 'section of migrate.yaml (default: $ENVIRONMENT)' },
    { flags: '--config <file>', about: 'the settings file (default: migrate.yaml)' },
  ],
};

/** Where a command takes over what another owner has. */
export const ADOPT: OptionDefinition = {
  flags: '--adopt <id>',
  about: 'take the database over from the owner with this id, as the error message quotes it',
};

/** Of the commands that run migrations in a scratch database. */
export const DISPOSABLE_SERVER: OptionDefinition = {
  flags: '--disposable-server',
  about: 'PostgreSQL: run also what reaches beyond the database, on a server that is thrown away afterwards',
};

/** What a scratch database does not keep from the world, for the help of those commands. */
export const REACH =
  'PostgreSQL: statements that would change more than the scratch database are not run in it, and named: those on roles, databases, tablespaces, the settings of the server, subscriptions, replication slots, files and programs of the server, and dblink. DO blocks are judged by their words. What a function of yours does, or a write to a foreign table, is run, and does there what it does.';

/** Of the two commands that run migrations. */
export const MIGRATING_OPTIONS: readonly OptionDefinition[] = [
  { flags: '-n, --dry-run', about: 'only say what would run and what would be lost' },
  { flags: '-y, --yes', about: 'do not ask, also where data would be lost' },
  ADOPT,
];

/** A command's own options, then the shared ones that it takes. */
export function optionsOf(command: Command): readonly OptionDefinition[] {
  return [...(command.options ?? []), ...command.takes.flatMap(name => SHARED_OPTIONS[name])];
}
