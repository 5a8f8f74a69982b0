// `migrate create "description"`
import type { Command, Invocation } from '../command.ts';

export const create: Command = {
  name: 'create',
  summary: 'Make the next migration: an up and a down file',
  about: [
    'With --from-diff, after a change of the database by hand or by an ORM: the files lead from the schema that the last migration left to the one that is there, and back. What cannot be said as a statement, or not without guessing (a rename), is told in comments. The database is only read; it has the change already, so that the migration is then noted in it by `migrate baseline`, not run. In a database without a ledger, with an empty folder, the whole schema becomes the first migration.',
  ],
  arguments: [{ name: '<description>', about: 'a few words; they become the name' }],
  options: [{ flags: '--from-diff', about: 'write what became of the schema since the last migration' }],
  examples: [
    { line: 'migrate create "add user profiles"', about: 'migrations/002_add_user_profiles.up.sql and .down.sql' },
    { line: 'migrate create --from-diff "phone numbers"', about: 'what was changed in the database by hand' },
  ],
  takes: ['Data', 'Files', 'Database'],
  async run(invocation) {
    const { terminal, output, settings, options } = invocation;
    if (options.has('fromDiff')) return fromDiff(invocation);
    const { createMigration } = await import('../creating.ts');
    const made = createMigration(settings, invocation.arguments[0] ?? '');
    for (const note of made.notes) terminal.say(terminal.noted('dim', `note: ${note}`));
    await terminal.data(output, made, () => made.files);
    return 0;
  },
};

async function fromDiff(invocation: Invocation): Promise<0> {
  const { createFromDiff, nextSteps } = await import('../creating-from-diff.ts');
  const { terminal, output } = invocation;
  const made = await createFromDiff(invocation);
  if (made === undefined) {
    const none = { version: null, files: [], notes: [], statements: 0, destructive: 0, unsaid: 0 };
    await terminal.data(output, none, () => ['Nothing to write: the schema is as the last migration left it.']);
    return 0;
  }
  await terminal.data(output, made, () => made.files);
  for (const line of nextSteps(made)) terminal.say(line);
  return 0;
}
