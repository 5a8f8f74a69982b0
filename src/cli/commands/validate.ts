// `migrate validate`
import type { Command } from '../command.ts';
import type { Validation } from '../validating.ts';

export const validate: Command = {
  name: 'validate',
  summary: 'Check the files alone: names, order, pairs, syntax, empties; for a pre-commit hook and CI',
  about: [
    'PostgreSQL: every file is parsed with its own grammar; no database is needed. SQLite: every up and down is run in a database in memory. Exit code 2 with mistakes (20 for a statement that SQLite refuses to run); notes (an empty file, a missing down) are no mistakes unless --strict is given.',
  ],
  options: [
    {
      flags: '--dialect <name>',
      about: 'sqlite or postgresql (default: that of the URL, else postgresql)',
      choices: ['sqlite', 'postgresql'],
    },
    { flags: '--strict', about: 'exit code 1 when there are notes' },
  ],
  examples: [
    { line: 'migrate validate', about: 'the folder "migrations"' },
    { line: 'migrate validate --dir db/migrations --dialect sqlite --strict', about: 'another folder, in CI' },
  ],
  takes: ['Data', 'Files', 'Database'],
  async run(invocation) {
    const { validateFolder } = await import('../validating.ts');
    const { terminal, output, settings, options } = invocation;
    const report = await validateFolder(settings, options.text('dialect'));
    await terminal.data(output, report, () => [
      ...report.notes.map(note => terminal.styled('warn', `note: ${note}`)),
      terminal.styled('good', validText(report)),
    ]);
    return options.has('strict') && report.notes.length > 0 ? 1 : 0;
  },
};

function validText({ migrations, repeatables, layout, dialect, highest }: Validation): string {
  const files = layout === 'own' ? '' : `, in the layout of ${layout}`;
  const again = repeatables === 0 ? '' : `, and ${repeatables} repeatable`;
  return `${migrations} ${migrations === 1 ? 'migration' : 'migrations'}${again} for ${dialect}${files}, up to ${highest}: no mistakes.`;
}
