// `migrate downgrade <target>`
import type { Command } from '../command.ts';

export const downgrade: Command = {
  name: 'downgrade',
  summary: 'Take migrations back, down to a version',
  about: [
    'Runs the .down.sql files of everything above the target, the highest first; of a version whose files are gone, the text that the ledger kept. What would be lost is counted and asked about. The target "empty" takes everything back.',
  ],
  arguments: [{ name: '<target>', about: 'the version to go back to, or empty' }],
  options: [
    { flags: '-n, --dry-run', about: 'only say what would run and what would be lost' },
    { flags: '-y, --yes', about: 'do not ask, also where data would be lost' },
    {
      flags: '--adopt <id>',
      about: 'take the database over from the owner with this id, as the error message quotes it',
    },
  ],
  examples: [
    { line: 'migrate downgrade 002_profiles --dry-run', about: 'what would run, and how many rows it would lose' },
    { line: 'migrate downgrade 002_profiles', about: 'back to a version' },
    { line: 'migrate downgrade empty --yes', about: 'everything back, without a question' },
  ],
  takes: ['Data', 'Files', 'Database'],
  async run(invocation) {
    const { runMigrating } = await import('../migrating.ts');
    return runMigrating(invocation, 'Downgrade', invocation.arguments[0] ?? '');
  },
};
