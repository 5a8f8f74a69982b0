// The program as commander sees it, made from the commands' data: parsing, help, versions. Also the one place where an
// error becomes a message and an exit code. Called by main.ts; generate.ts takes the help texts for docs/cli.md from it.
import { Argument, Command as Commander, CommanderError, Option } from 'commander';
import type { Command, Invocation } from './command.ts';
import { COMMANDS } from './commands.ts';
import type { Database } from './database.ts';
import { endingOf, UsageError } from './failure.ts';
import { Options } from './options.ts';
import { readSettings, type Settings } from './settings.ts';
import { optionsOf } from './shared-options.ts';
import type { Output, Terminal } from './terminal.ts';
import { VERSION } from './version.ts';

export interface Surroundings {
  readonly environment: NodeJS.ProcessEnv;
  readonly directory: string;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** From here on SIGINT, SIGTERM and SIGHUP end the process at once: see database.ts. */
  readonly letSignalsEnd: () => void;
}

const INTRODUCTION = `Database migrations: from files in Git to a database, up and down, with a ledger of what was applied.

The database is $DATABASE_URL: sqlite:///./dev.db or postgresql://user@host/database.`;

const CLOSING = `
Exit codes: 0 done, 1 something was found, 2 wrong usage or input, 10 no database, 11 a lock, 12 somebody else is at work
(or you stopped it), 13 the app is connected, 20 a migration failed, 21 an applied file was changed, 22 a right is missing,
23 not signed, 24 outdated, 30 outcome unknown, any other: the program crashed.

Examples:
  $ migrate create "add users"                     # migrations/001_add_users.up.sql and .down.sql
  $ DATABASE_URL=sqlite:///./dev.db migrate upgrade`;

/** The whole program; `run` is called with the command that was chosen and how. */
export function buildProgram(run: (command: Command, args: readonly unknown[], values: object) => Promise<void>) {
  const program = new Commander('migrate')
    .description(INTRODUCTION)
    .version(VERSION, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'Print the help of a command')
    .configureHelp({ helpWidth: 120, sortSubcommands: false })
    .showSuggestionAfterError(true)
    .showHelpAfterError('(see: migrate --help)')
    .addHelpText('after', CLOSING)
    .exitOverride();
  for (const command of COMMANDS) program.addCommand(buildCommand(command, run), { hidden: false });
  return program;
}

function buildCommand(command: Command, run: Parameters<typeof buildProgram>[0]): Commander {
  const built = new Commander(command.name)
    .summary(command.summary)
    .description([`${command.summary}.`, ...(command.about ?? [])].join('\n\n'))
    .helpOption('-h, --help', 'print this help')
    .configureHelp({ helpWidth: 120 })
    .allowExcessArguments(false)
    .showHelpAfterError(`(see: migrate ${command.name} --help)`)
    .exitOverride();
  for (const { name, about } of command.arguments ?? []) built.addArgument(new Argument(name, about));
  for (const definition of optionsOf(command)) {
    const option = new Option(definition.flags, definition.about);
    if (definition.choices !== undefined) option.choices(definition.choices);
    built.addOption(option);
  }
  const examples = command.examples.map(({ line, about }) => `  # ${about}\n  $ ${line}`);
  built.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
  built.action(async (...given: unknown[]) => {
    const args = given.slice(0, command.arguments?.length ?? 0);
    const empty = command.arguments?.find((_, index) => args[index] === '');
    if (empty !== undefined) throw new UsageError(`${empty.name} is given and empty. It is ${empty.about}.`);
    await run(command, args, built.opts());
  });
  return built;
}

/** Runs what the arguments ask for; answers the exit code and throws nothing. */
export async function runProgram(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const { terminal } = surroundings;
  let exitCode: number = 0;
  const program = buildProgram(async (command, args, values) => {
    exitCode = await runCommand(command, args, new Options({ ...values }), surroundings);
  });
  const write = {
    writeOut: (text: string) => terminal.print(text.trimEnd()),
    writeErr: (text: string) => terminal.say(text.trimEnd()),
  };
  for (const one of [program, ...program.commands]) one.configureOutput(write);
  try {
    if (argv.length === 0) {
      program.outputHelp({ error: true });
      return 2;
    }
    // Commander's own `help` answers a mistyped command with the whole help and not a word of the mistake.
    const [word, topic] = argv;
    const isMistyped = word === 'help' && topic !== undefined && !COMMANDS.some(({ name }) => name === topic);
    await program.parseAsync(isMistyped ? [topic] : argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const { message, exitCode: code } = await endingOf(error, [], surroundings.signal);
    terminal.say(`${terminal.noted('bad', 'error:')} ${message}`);
    return code;
  }
}

async function runCommand(
  command: Command,
  args: readonly unknown[],
  options: Options,
  surroundings: Surroundings,
): Promise<number> {
  const { terminal, signal, environment, letSignalsEnd } = surroundings;
  let settings: Settings | undefined;
  let opened: Promise<Database> | undefined;
  try {
    settings = await readSettings(options, surroundings);
    const known = settings;
    const invocation: Invocation = {
      arguments: args.map(value => (typeof value === 'string' ? value : undefined)),
      options,
      terminal,
      signal,
      environment,
      settings: known,
      commands: COMMANDS,
      output: (options.text('output') ?? 'text') as Output,
      database: () => {
        opened ??= import('./opening.ts').then(({ openDatabase }) =>
          openDatabase(known, { terminal, signal, letSignalsEnd }),
        );
        return opened;
      },
    };
    return await command.run(invocation);
  } catch (error) {
    const { message, exitCode } = await endingOf(error, settings?.secrets ?? [], signal);
    terminal.say(`${terminal.noted('bad', 'error:')} ${message}`);
    return exitCode;
  } finally {
    await opened?.then(database => database.close()).catch(() => {});
  }
}
