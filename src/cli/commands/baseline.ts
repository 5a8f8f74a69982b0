// `migrate baseline [version]`
import type { Command } from '../command.ts';
import { ADOPT } from '../shared-options.ts';

export const baseline: Command = {
  name: 'baseline',
  summary: 'Adopt a database that has tables and no ledger: note versions as applied without running them',
  about: [
    'Say up to which version the database has been migrated; nothing but the ledger is written. `migrate check --from-files` before it tells whether the files produce what the database has.',
    'A database with nothing in it is refused: `migrate upgrade` makes it. Tables, views, types, functions, schemas and extensions count as something; roles, which belong to the server, and default privileges do not.',
    'In a database whose ledger is not empty the versions above are noted, as after `migrate create --from-diff`: there the files are first built in a scratch database, and nothing is noted if they do not make the schema that is there (exit code 1).',
  ],
  arguments: [{ name: '[version]', about: 'the version that the database has (default: latest)' }],
  options: [
    {
      flags: '--from <tool>',
      about: 'take over the history of another tool, with its times; auto finds its table',
      choices: ['auto', 'golang-migrate', 'dbmate', 'diesel', 'goose', 'flyway', 'alembic'],
    },
    { flags: '-n, --dry-run', about: 'only say which versions would be noted' },
    ADOPT,
  ],
  examples: [
    { line: 'migrate baseline 004_groups --dry-run', about: 'which versions would be noted' },
    { line: 'migrate baseline 004_groups', about: 'the database has everything up to 004_groups' },
    { line: 'migrate baseline --from auto', about: "what the other tool's table says" },
  ],
  takes: ['Data', 'Files', 'Database'],
  async run(invocation) {
    const { baselineTo } = await import('../baselining.ts');
    return baselineTo(invocation);
  },
};
