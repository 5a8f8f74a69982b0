// `migrate current`
import type { Command } from '../command.ts';

export const current: Command = {
  name: 'current',
  summary: 'Print the version of the database and what is pending',
  examples: [
    { line: 'migrate current', about: 'version, how many are pending' },
    { line: 'migrate current -o json', about: 'for a script' },
  ],
  takes: ['Data', 'Files', 'Database'],
  async run(invocation) {
    const [{ standing }, { counted }] = await Promise.all([import('../standing.ts'), import('../terminal.ts')]);
    const { terminal, output } = invocation;
    const { version, pending, unknown, halfDone } = await standing(invocation);
    await terminal.data(output, { version, pending, unknown, halfDone }, () => [
      `${version ?? 'empty'}${pending.length === 0 ? ' (nothing pending)' : ` (${counted(pending.length, 'migration')} pending, up to ${pending.at(-1)})`}`,
      ...unknown.map(name => terminal.styled('warn', `  applied, but not among the files: ${name}`)),
      ...halfDone.map(name => terminal.styled('warn', `  half done: ${name}; the next upgrade goes on with it`)),
    ]);
    return 0;
  },
};
