// `migrate create "description"`
import type { Command } from '../command.ts';

export const create: Command = {
  name: 'create',
  summary: 'Make the next migration: an up and a down file',
  arguments: [{ name: '<description>', about: 'a few words; they become the name' }],
  examples: [
    { line: 'migrate create "add user profiles"', about: 'migrations/002_add_user_profiles.up.sql and .down.sql' },
  ],
  takes: ['Data', 'Files'],
  async run(invocation) {
    const { createMigration } = await import('../creating.ts');
    const { terminal, output, settings } = invocation;
    const made = createMigration(settings, invocation.arguments[0] ?? '');
    for (const note of made.notes) terminal.say(terminal.noted('dim', `note: ${note}`));
    await terminal.data(output, made, () => made.files);
    return 0;
  },
};
