// Completion scripts, made of the commands' own data, so that they cannot name what is not there. Called by completion.
import type { Command, OptionDefinition } from './command.ts';
import { UsageError } from './failure.ts';
import { optionsOf } from './shared-options.ts';

export function completionScript(shell: string, commands: readonly Command[]): string {
  if (shell === 'bash') return bash(commands);
  if (shell === 'zsh') return zsh(commands);
  throw new UsageError(`There is completion for bash and zsh, not for ${JSON.stringify(shell)}.`);
}

const words = (definition: OptionDefinition) => definition.flags.replace(/ <.*$/, '').split(', ');
const takesValue = (definition: OptionDefinition) => definition.flags.includes('<');
const isPath = (definition: OptionDefinition) => /<(file|folder)>/.test(definition.flags);
function bash(commands: readonly Command[]): string {
  const names = commands.map(command => command.name).join(' ');
  const cases = commands.map(command => {
    const options = optionsOf(command).flatMap(words);
    return `    ${command.name}) words="${[...argumentChoices(command), ...options, '-h', '--help'].join(' ')}" ;;`;
  });
  const values = valueCases(
    commands,
    (pattern, choices) => `    ${pattern}) COMPREPLY=($(compgen -W "${choices}" -- "$cur")); return ;;`,
  );
  return `# bash completion for migrate
_migrate() {
  local cur=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words="${names} help --help --version"
  COMPREPLY=()
  case "$previous" in
${values.join('\n')}
    ${pathOptions(commands).join('|')}) COMPREPLY=($(compgen -f -- "$cur")); return ;;
    ${freeOptions(commands).join('|')}) compopt +o default 2>/dev/null; return ;;
  esac
  case "\${COMP_WORDS[1]:-}" in
${cases.join('\n')}
  esac
  [ "$COMP_CWORD" -eq 1 ] && words="${names} help --help --version"
  [ "$COMP_CWORD" -eq 2 ] && [ "$previous" = help ] && words="${names}"
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _migrate migrate kubectl-migrate
`;
}

/** Options whose value is one of a few, each pattern once. */
function valueCases(
  commands: readonly Command[],
  line: (pattern: string, choices: string) => string,
): readonly string[] {
  const all = commands.flatMap(command => optionsOf(command)).filter(option => option.choices !== undefined);
  const byPattern = new Map(all.map(option => [words(option).join('|'), option.choices?.join(' ') ?? '']));
  return [...byPattern].map(([pattern, choices]) => line(pattern, choices));
}

function pathOptions(commands: readonly Command[]): readonly string[] {
  return [
    ...new Set(
      commands
        .flatMap(command => optionsOf(command))
        .filter(isPath)
        .flatMap(words),
    ),
  ];
}

/** Options whose value only the person knows. A word that is a switch of another command is left out. */
function freeOptions(commands: readonly Command[]): readonly string[] {
  const all = commands.flatMap(command => optionsOf(command));
  const switches = new Set(all.filter(option => !takesValue(option)).flatMap(words));
  const free = all.filter(option => takesValue(option) && option.choices === undefined && !isPath(option));
  return [...new Set(free.flatMap(words))].filter(word => !switches.has(word));
}

const argumentChoices = (command: Command) => command.arguments?.flatMap(({ choices }) => choices ?? []) ?? [];

function zsh(commands: readonly Command[]): string {
  const list = commands.map(({ name, summary }) => `    '${name}:${zshText(summary)}'`);
  const cases = commands.map(command => `    ${command.name}) _arguments ${zshArguments(command).join(' ')} ;;`);
  return `#compdef migrate kubectl-migrate
_migrate() {
  local -a commands=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=\${words[2]}
  shift words
  (( CURRENT-- ))
  case "$command" in
${cases.join('\n')}
  esac
}
# Autoloaded from $fpath, the first call runs this file and must complete; sourced, it is only to be made known.
if [[ \${funcstack[1]} == _migrate ]]; then
  _migrate "$@"
else
  compdef _migrate migrate kubectl-migrate
fi
`;
}

function zshArguments(command: Command): readonly string[] {
  const options = optionsOf(command).flatMap(option => {
    const value = !takesValue(option)
      ? ''
      : `:value:${option.choices !== undefined ? `(${option.choices.join(' ')})` : isPath(option) ? '_files' : ''}`;
    return words(option).map(word => `'${word}[${zshText(option.about)}]${value}'`);
  });
  return [...options, "'-h[print this help]'", "'--help[print this help]'", `'*:argument:${zshValues(command)}'`];
}

/**
 * Of arguments: the choices, directories where one is asked for, else an empty list: a version is no file, and with no action at all
 * options would not be completed either.
 */
function zshValues(command: Command): string {
  const choices = argumentChoices(command);
  if (choices.length > 0) return `(${choices.join(' ')})`;
  return command.arguments?.some(({ name }) => name.includes('directory')) ? '_files -/' : '()';
}

function zshText(text: string): string {
  return text.replaceAll("'", "'\\''").replaceAll(/[[\]:]/g, '\\$&');
}
