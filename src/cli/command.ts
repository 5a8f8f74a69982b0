// What a command is: data for its help, its docs and its completion, and one function. A command's file states this and
// imports only when it is run what is not loaded for the help already.
import type { ExitCode } from '../api/exit-codes.ts';
import type { Database } from './database.ts';
import type { Options } from './options.ts';
import type { Settings } from './settings.ts';
import type { Output, Terminal } from './terminal.ts';

export interface ArgumentDefinition {
  /** `<name>` must be given, `[name]` may be. */
  readonly name: string;
  readonly about: string;
  /** Values that completion offers. */
  readonly choices?: readonly string[];
}

export interface OptionDefinition {
  /** As commander reads it: `-y, --yes`, `--for <version>`. */
  readonly flags: string;
  readonly about: string;
  /** Values that completion offers. */
  readonly choices?: readonly string[];
}

export interface Example {
  readonly line: string;
  readonly about: string;
}

export interface Command {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** More for `--help`, as paragraphs. */
  readonly about?: readonly string[];
  readonly arguments?: readonly ArgumentDefinition[];
  readonly options?: readonly OptionDefinition[];
  readonly examples: readonly Example[];
  /** Which of the shared options it takes: `Data` is -o, `Files` is --dir, `Database` is --env and --config. */
  readonly takes: readonly ('Data' | 'Files' | 'Database')[];
  run(invocation: Invocation): Promise<ExitCode>;
}

/** One call of a command, as its function sees it. */
export interface Invocation {
  readonly arguments: readonly (string | undefined)[];
  readonly options: Options;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly environment: NodeJS.ProcessEnv;
  readonly settings: Settings;
  /** Every command, for completion. */
  readonly commands: readonly Command[];
  /** -o; `text` when it was not given. */
  readonly output: Output;
  /** Opens the database of the settings; it is closed when the command has ended. */
  database(): Promise<Database>;
}
