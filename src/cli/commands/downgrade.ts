// `migrate downgrade <target>`
import type { Command } from '../command.ts';
import { MIGRATING_OPTIONS } from '../shared-options.ts';

export const downgrade: Command = {
  name: 'downgrade',
  summary: 'Take migrations back, down to a version',
  about: [
    'Runs the .down.sql files of everything above the target, the highest first; of a version whose files are gone, the text that the ledger kept. What would be lost is counted and asked about. The target "empty" takes everything back.',
  ],
  arguments: [{ name: '<target>', about: 'the version to go back to, or empty' }],
  options: MIGRATING_OPTIONS,
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
