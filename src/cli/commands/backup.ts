// `migrate backup <directory>`
import { resolve } from 'node:path';
import type { Command } from '../command.ts';
import { counted } from '../terminal.ts';

export const backup: Command = {
  name: 'backup',
  summary: 'Back the database up into a new directory, with a manifest of every file and table',
  about: [
    'PostgreSQL: pg_dump of the same major version, under one snapshot, read back to its end. SQLite: one consistent copy of the file, checked by SQLite. The manifest is the same as that of a backup in the cluster.',
  ],
  arguments: [{ name: '<directory>', about: 'a directory that is not there yet' }],
  examples: [{ line: 'migrate backup backups/before-006', about: 'before something risky' }],
  takes: ['Data', 'Database'],
  async run(invocation) {
    const { terminal, output, settings } = invocation;
    const database = await invocation.database();
    const directory = invocation.arguments[0] ?? '';
    const made = await database.backup(resolve(settings.directory, directory));
    const ledger = made.version === null ? '' : ` and the ledger (${made.version})`;
    await terminal.data(output, made, () => [
      terminal.styled(
        'good',
        `Backed up ${database.place}: ${counted(made.tables, 'table')}, ${counted(made.rows, 'row')}${ledger}, ${made.sizeBytes} bytes`,
      ),
      `${directory}  sha256:${made.digest}`,
    ]);
    return 0;
  },
};
