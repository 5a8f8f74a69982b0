// `migrate restore <directory>`
import { resolve } from 'node:path';
import type { Command } from '../command.ts';
import { UsageError } from '../failure.ts';
import { ADOPT } from '../shared-options.ts';
import { counted } from '../terminal.ts';

export const restore: Command = {
  name: 'restore',
  summary: 'Put a backup in the place of the database; what was there is kept under another name',
  about: [
    'The backup is checked first. PostgreSQL: it is restored into a new database, compared with the manifest row by row, given the owner, rights and settings of the manifest, and the two change names in one transaction; what was there stays, closed, under a dated name. The role needs CREATEDB and must own the database; nobody may be connected. SQLite: a checked copy takes the place of the file under its own locks. It asks, or takes --yes.',
    'A manifest proves the archive beside it, and nothing proves the manifest but its digest: keep that elsewhere, and name it with --digest. PostgreSQL: subscriptions are not made again, lest two receive from one slot; they are named.',
  ],
  arguments: [{ name: '<directory>', about: 'a directory that `migrate backup` or the cluster has made' }],
  options: [
    { flags: '-y, --yes', about: 'do not ask' },
    { flags: '--end-sessions', about: 'PostgreSQL: end the sessions of whoever is still connected' },
    {
      flags: '--lose-replication',
      about: 'PostgreSQL: go on although logical slots and subscriptions stay with the replaced database',
    },
    {
      flags: '--digest <sha256>',
      about: 'take only the backup with this digest, as `migrate backup` or the status told it',
    },
    ADOPT,
  ],
  examples: [{ line: 'migrate restore backups/before-006', about: 'back to what was backed up' }],
  takes: ['Data', 'Database'],
  async run(invocation) {
    const { terminal, output, settings, signal, options } = invocation;
    const database = await invocation.database();
    const directory = resolve(settings.directory, invocation.arguments[0] ?? '');
    const found = await database.inspectBackup(directory);
    const what = `${counted(found.tables, 'table')} with ${counted(found.rows, 'row')} of ${found.madeAt}, version ${found.version ?? 'empty'}`;
    assertDigest(directory, found.digest, options.text('digest'));
    terminal.say(`The backup sha256:${found.digest} holds ${what}.`);
    const question = `Replace ${database.place} by it?`;
    if (!options.has('yes') && (await terminal.confirm(question, signal)) === 'No') {
      terminal.say('Nothing was done.');
      return 12;
    }
    const done = await database.restore(directory, {
      digest: found.digest,
      adopts: options.text('adopt'),
      sessions: options.has('endSessions') ? 'End' : 'Refuse',
      replicationLoss: options.has('loseReplication') ? 'Accepted' : 'Refuse',
    });
    await terminal.data(output, done, () => [
      terminal.styled('good', `Restored: ${database.place} is at ${done.version ?? 'empty'}.`),
      done.replaced === null
        ? 'There was no database before; nothing was replaced.'
        : `What was there before is kept as ${done.replaced}.`,
      ...(done.remedy === null ? [] : [done.remedy]),
    ]);
    return 0;
  },
};

/** Throws UsageError, before anything is restored. */
function assertDigest(directory: string, found: string, wanted: string | undefined): void {
  if (wanted === undefined) return;
  const [, digest] = /^(?:sha256:)?([0-9a-f]{64})$/i.exec(wanted) ?? [];
  if (digest === undefined) {
    throw new UsageError(`--digest must be sha256: and 64 hexadecimal digits, not ${JSON.stringify(wanted)}.`);
  }
  if (digest.toLowerCase() === found) return;
  throw new UsageError(
    `The backup in ${directory} is another one than was asked for, or its manifest was edited: its digest is sha256:${found}. Nothing was done.`,
  );
}
