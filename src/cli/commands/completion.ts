// `migrate completion <shell>`
import type { Command } from '../command.ts';

export const completion: Command = {
  name: 'completion',
  summary: 'Print the script that completes commands and options in a shell',
  arguments: [{ name: '<shell>', about: 'bash or zsh', choices: ['bash', 'zsh'] }],
  examples: [
    { line: 'migrate completion bash > ~/.local/share/bash-completion/completions/migrate', about: 'for bash' },
    { line: 'migrate completion zsh > ~/.zfunc/_migrate', about: 'for zsh, where ~/.zfunc is in $fpath' },
  ],
  takes: [],
  async run(invocation) {
    const { completionScript } = await import('../completing.ts');
    invocation.terminal.print(completionScript(invocation.arguments[0] ?? '', invocation.commands).trimEnd());
    return 0;
  },
};
