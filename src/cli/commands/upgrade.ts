// `migrate upgrade [target]`
import type { Command } from '../command.ts';
import { MIGRATING_OPTIONS } from '../shared-options.ts';

export const upgrade: Command = {
  name: 'upgrade',
  summary: 'Bring the database up to a version',
  about: [
    'The plan is said first. Each migration is a transaction of its own together with its row in the ledger, so that a failure leaves the database at the last version that is whole. Where a migration would drop a table or a column that holds data, it asks.',
  ],
  arguments: [{ name: '[target]', about: 'a version such as 003_tags (default: latest)' }],
  options: MIGRATING_OPTIONS,
  examples: [
    { line: 'migrate upgrade', about: 'everything that is pending' },
    { line: 'migrate upgrade 003_tags --dry-run', about: 'what would run to reach a version' },
    { line: 'migrate upgrade --env staging --yes', about: 'another environment of migrate.yaml, without a question' },
  ],
  takes: ['Data', 'Files', 'Database'],
  async run(invocation) {
    const { runMigrating } = await import('../migrating.ts');
    return runMigrating(invocation, 'Upgrade', invocation.arguments[0] ?? 'latest');
  },
};
