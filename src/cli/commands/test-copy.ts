// `migrate test-copy [target]`
import type { Command } from '../command.ts';
import { DISPOSABLE_SERVER, REACH } from '../shared-options.ts';

export const testCopy: Command = {
  name: 'test-copy',
  summary: 'Upgrade, downgrade and upgrade again on a copy of the database with its rows, never on the database',
  about: [
    'Where nothing is pending, the last migration is taken back and applied again. Tells whether the way down leads back to the schema from which the way up began, and how long each takes with the rows that are there. PostgreSQL: the copy is a database on the same server, made by pg_dump; the role needs CREATEDB. The copy is removed afterwards. Exit code 1 when the way back does not lead back.',
    REACH,
  ],
  arguments: [{ name: '[target]', about: 'a version (default: latest)' }],
  options: [DISPOSABLE_SERVER],
  examples: [{ line: 'migrate test-copy', about: 'everything that is pending, there and back' }],
  takes: ['Data', 'Files', 'Database'],
  async run(invocation) {
    const { testOnCopy } = await import('../test-copying.ts');
    return testOnCopy(invocation);
  },
};
