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

/** A command's own options, then the shared ones that it takes. */
export function optionsOf(command: Command): readonly OptionDefinition[] {
  return [...(command.options ?? []), ...command.takes.flatMap(name => SHARED_OPTIONS[name])];
}
