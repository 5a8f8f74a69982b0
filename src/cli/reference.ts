// docs/cli.md: the commands' own help, put together. Called by generate.ts, so that the docs cannot say what the program
// does not.
import { EXIT_CODES } from '../api/exit-codes.ts';
import { buildProgram } from './program.ts';

const PLAN =
  '`from`, `to`, `direction` (`Up`, `Down`, `None`), `versions`, `losses` (`version`, `kind`, `name`, `rows`, `where`), `notes`';

/** test/cli/data.test.ts demands that each field which a command prints is named here. */
const DATA: readonly (readonly [string, string])[] = [
  ['create', '`version`, `files`, `notes`'],
  ['validate', '`dialect`, `layout`, `migrations`, `repeatables`, `highest`, `notes`'],
  [
    'show',
    `${PLAN}, \`transactions\` (\`kind\`: \`Transaction\` or \`Alone\`; \`state\`: \`ToRun\`, or of what is half done \`Done\` or \`Begun\`; \`statements\`: \`version\`, \`line\`, \`text\`)`,
  ],
  ['upgrade, downgrade', `${PLAN}; then \`version\`, \`milliseconds\`; with --dry-run \`dryRun\``],
  [
    'current',
    '`version`, `pending`, `unknown` (applied, without a file), `halfDone`, `refused` (`version`, `message`)',
  ],
  [
    'history',
    '`version`, `applied` (`version`, `origin`, `appliedBy`, `appliedAt`, `milliseconds`, `file`: `Same`, `Changed` or `Missing`), `repeatables` (the same of repeatable files), `pending`, `pendingRepeatables`, `unknown`, `halfDone`, `refused` (as of current); with --verify `rows`, `head` (`id`, `hash`), `problems`',
  ],
  [
    'check',
    '`version`, `comparedWith`, `differences` (`change`: `Added`, `Removed` or `Changed`; `kind`, `name`, `properties`)',
  ],
  [
    'test-copy',
    '`from`, `to`, `legs` (`way`, `versions`, `milliseconds`), `differences` as of check, `leftOut` (what was not run: `version`, `line`, `what`)',
  ],
  ['baseline', '`version`, `versions`, `dryRun`'],
  ['backup', '`directory`, `digest`, `sizeBytes`, `tables`, `rows`, `version`'],
  ['restore', '`version`, `replaced` (where what was there is kept; `null`: nothing was there), `remedy` (or `null`)'],
];

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
    '',
    'Fields that `-o json` and `-o yaml` print; more may come, none changes its meaning. `null` is the empty database or "not known".',
    '',
    '| command | fields |',
    '|---|---|',
    ...DATA.map(([command, fields]) => `| ${command} | ${fields} |`),
    ...commands.flat(),
    '',
  ].join('\n');
}

function exitCodes(): readonly string[] {
  const known = Object.entries(EXIT_CODES).map(([code, { meaning }]) => `| ${code} | ${meaning} |`);
  return [
    ...known,
    '| any other | the program crashed (70), or a signal ended it: by Ctrl-C on SQLite, and in `npm run`, which ends with 130 whatever the command itself answers |',
  ];
}
