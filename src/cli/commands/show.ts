// `migrate show [target]`
import type { Command } from '../command.ts';

export const show: Command = {
  name: 'show',
  summary: 'Print the statements that would run to reach a version, and in which transactions; writes nothing',
  arguments: [{ name: '[target]', about: 'a version, latest or empty (default: latest)' }],
  examples: [
    { line: 'migrate show', about: 'everything that is pending' },
    { line: 'migrate show 002_profiles', about: 'the way down, if the database is above it' },
    { line: 'migrate show -o json', about: 'statements with their file and line, for a script' },
  ],
  takes: ['Data', 'Files', 'Database'],
  async run(invocation) {
    const [{ planData, sayPlan, transactionLines }, { readFolder }] = await Promise.all([
      import('../plan-text.ts'),
      import('../source.ts'),
    ]);
    const { terminal, output, settings } = invocation;
    const database = await invocation.database();
    const plan = await database.plan(
      await readFolder(settings, database.dialect, 'ShortOrApplied'),
      invocation.arguments[0] ?? 'latest',
    );
    sayPlan(terminal, plan);
    await terminal.data(output, { ...planData(plan), transactions: plan.transactions }, () =>
      plan.transactions.flatMap(transaction => [
        ...transactionLines(transaction, line => terminal.styled('dim', line)),
        '',
      ]),
    );
    return 0;
  },
};
