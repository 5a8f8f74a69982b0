// `migrate current`
import type { Command } from '../command.ts';
import { counted } from '../terminal.ts';

export const current: Command = {
  name: 'current',
  summary: 'Print the version of the database and what is pending',
  examples: [
    { line: 'migrate current', about: 'version, how many are pending' },
    { line: 'migrate current -o json', about: 'for a script' },
  ],
  takes: ['Data', 'Files', 'Database'],
  async run(invocation) {
    const { halfDoneNotes, standing } = await import('../standing.ts');
    const { terminal, output } = invocation;
    const known = await standing(invocation);
    const { version, pending, pendingRepeatables, unknown, halfDone, refused } = known;
    const versions = pending.slice(0, pending.length - pendingRepeatables.length);
    const counts = [
      ...(versions.length === 0 ? [] : [`${counted(versions.length, 'migration')} pending, up to ${versions.at(-1)}`]),
      ...(pendingRepeatables.length === 0 ? [] : [`repeatable pending: ${pendingRepeatables.join(', ')}`]),
    ];
    await terminal.data(output, { version, pending, unknown, halfDone, refused }, () => [
      `${version ?? 'empty'} (${counts.length === 0 ? 'nothing pending' : counts.join('; ')})`,
      ...unknown.map(name => terminal.styled('warn', `  applied, but not among the files: ${name}`)),
      ...halfDoneNotes(known).map(note => terminal.styled('warn', `  ${note}`)),
      ...refused.map(({ message }) => terminal.styled('bad', `  upgrade refuses: ${message}`)),
    ]);
    return 0;
  },
};
