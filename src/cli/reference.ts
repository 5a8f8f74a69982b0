// docs/cli.md: the commands' own help, put together. Called by generate.ts, so that the docs cannot say what the program
// does not.
import { EXIT_CODES } from '../api/exit-codes.ts';
import { buildProgram } from './program.ts';

export function cliReference(): string {
  const program = buildProgram(async () => {});
  const commands = program.commands.map(command => {
    // The examples are added to the help only where it is printed.
    let text = '';
    command.configureOutput({
      writeOut: part => {
        text += part;
      },
    });
    command.outputHelp();
    return ['', `## ${command.name()}`, '', '```', `${text.trimEnd()}`, '```'];
  });
  const list = program.commands.map(
    command => `| [\`${command.name()}\`](#${command.name()}) | ${command.summary()} |`,
  );
  return [
    '# The command line',
    '',
    'Generated from the help of `migrate` by `npm run generate`. A first project, step by step: [developing](developing.md).',
    '',
    '| command | does |',
    '|---|---|',
    ...list,
    '',
    'The database is `$DATABASE_URL`: `sqlite:///./dev.db` (relative; four slashes for an absolute path) or',
    '`postgresql://user@host/database`. Data goes to standard output, everything said about it to standard error; `-o json` and',
    '`-o yaml` print data for programs. Nothing is coloured but on a terminal, nor with `NO_COLOR`.',
    '',
    '| exit code | meaning |',
    '|---|---|',
    ...exitCodes(),
    ...commands.flat(),
    '',
  ].join('\n');
}

function exitCodes(): readonly string[] {
  const known = Object.entries(EXIT_CODES).map(([code, { meaning }]) => `| ${code} | ${meaning} |`);
  return [...known, '| any other | the program crashed (70), or a signal ended it |'];
}
